# The few commands a person types. Everything they need is installed by them.
.PHONY: demo test test-rust lint bench docs node test-node demo-node test-ecosystem-node

CARGO ?= cargo
# nextest where it is installed; plain cargo test is the same tests.
RUST_TESTS := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo "nextest run --workspace --no-fail-fast" || echo "test --workspace --lib --tests --no-fail-fast")

# The main job: a plan, an answer, a stream that falls over to another provider. MODEL=.. PROMPT=.. asks for real.
demo:
	@$(CARGO) run -q -p junto-examples --example quickstart -- --model "$(MODEL)" --prompt "$(PROMPT)"

test: lint test-rust test-node

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

# The Node package in bindings-node. The Rust half shares target/ with everything else.
bindings-node/node_modules: bindings-node/package-lock.json
	cd bindings-node && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

node: bindings-node/node_modules
	@cd bindings-node && node build.mjs

test-node: node
	cd bindings-node && npm test --silent

# The official SDK on junto; it is installed for this only.
test-ecosystem-node: node
	cd bindings-node && npm install --no-save --no-audit --no-fund --loglevel=error openai && node --test test/ecosystem/*.test.mjs

demo-node: node
	@node examples/node/quickstart.mjs
