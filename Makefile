# The few commands a person types. Everything they need is installed by them.
.PHONY: demo test test-rust lint bench docs

CARGO ?= cargo
# nextest where it is installed; plain cargo test is the same tests.
RUST_TESTS := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo "nextest run --workspace --no-fail-fast" || echo "test --workspace --lib --tests --no-fail-fast")

# The main job: a plan, an answer, a stream that falls over to another provider. MODEL=.. PROMPT=.. asks for real.
demo:
	@$(CARGO) run -q -p junto-examples --example quickstart

test: lint test-rust

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo "cargo deny is not installed: advisories and licences not checked"; fi

test-rust:
	$(CARGO) $(RUST_TESTS)
	$(CARGO) test --workspace --doc
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -p junto --no-deps

bench:
	$(CARGO) bench -p junto-benches
