.PHONY: demo test bench lint

demo: ; cargo run -q -p junto-examples --example quickstart

test: lint
	cargo test --workspace

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

bench: ; cargo bench -p junto-benches
