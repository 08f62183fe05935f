# The few commands a person types. Everything they need is installed by them.
.PHONY: catalog demo gateway gateway-soak test test-rust test-examples test-docs lint bench docs test-ecosystem
.PHONY: node lint-node package-node test-node test-node-soak bench-node demo-node test-ecosystem-node
.PHONY: python test-python test-python-soak demo-python test-ecosystem-python bench-python wheel wheel-musl wheel-free-threaded

CARGO ?= cargo
# nextest where it is installed; plain cargo test is the same tests.
RUST_TESTS := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo "nextest run --workspace --no-fail-fast" || echo "test --workspace --lib --tests --no-fail-fast")

# The main job: a plan, an answer, a stream that falls over to another provider. MODEL=.. PROMPT=.. asks for real.
demo:
	@$(CARGO) run -q -p junto-examples --example quickstart -- --model "$(MODEL)" --prompt "$(PROMPT)"

# The router behind an OpenAI-compatible server, with a fresh key and a request to copy. ADDRESS=127.0.0.1:8787
ADDRESS ?= 127.0.0.1:8787
gateway:
	@$(CARGO) run -q -p junto-gateway -- --db target/gateway.db serve --demo --address $(ADDRESS)

# 200 streams through the gateway at once, for a minute.
gateway-soak:
	$(CARGO) test -p junto-gateway --test gateway -- --ignored --nocapture two_hundred_streams_for_a_minute_lose_none

test: lint test-rust test-examples test-python test-node test-docs

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny check; else echo "cargo deny is not installed: advisories and licences not checked"; fi

test-rust:
	$(CARGO) $(RUST_TESTS)
	$(CARGO) test --workspace --exclude junto-tests --doc
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -p junto --no-deps

# The built-in catalog: its tests, then what is missing in it and which facts are more than STALE days old.
STALE ?= 90
catalog:
	$(CARGO) test -q -p junto --lib catalog
	@$(CARGO) run -q -p junto-tests --bin catalog -- "$$(date +%F)" $(STALE)

# Every example in Rust, on simulated vendors; the other languages run theirs with their tests.
RUST_EXAMPLES := $(filter-out lib,$(basename $(notdir $(wildcard examples/rust/*.rs))))
test-examples:
	$(CARGO) build -q -p junto-simulator && $(CARGO) build -q -p junto-examples --examples
	@for example in $(RUST_EXAMPLES); do \
	  echo "example $$example" && $(PYTHON) examples/simulated.py target/debug/examples/$$example > target/example.log 2>&1 \
	    || { cat target/example.log; exit 1; }; \
	done

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

# What other people's tools say of the package that would be published.
lint-node: node
	cd bindings-node && npm install --no-save --no-audit --no-fund --loglevel=error @arethetypeswrong/cli publint && node pack.mjs
	cd bindings-node && npx attw --pack npm/junto && npx publint npm/junto --strict

# Processes and threads that end in the middle of calls, a hundred times each; the vendor's connection closes within 100 ms.
test-node-soak: node
	cd bindings-node && JUNTO_RUNS=100 JUNTO_CLOSE_MS=100 node --expose-gc --test test/runtime.test.mjs test/cancel.test.mjs

# The official SDK (two majors), the AI SDK, LangChain and the agents SDK on junto; they are installed for this only.
ECOSYSTEM := openai openai-previous@npm:openai@6 ai @ai-sdk/openai @ai-sdk/openai-compatible zod @langchain/openai @langchain/core @openai/agents
test-ecosystem-node: node
	cd bindings-node && npm install --no-save --no-audit --no-fund --loglevel=error $(ECOSYSTEM)
	cd bindings-node && node --test test/ecosystem/*.test.mjs

# What a call costs beside other clients, in one run; they are installed for this only. ROUNDS=3 ONLY=request,start make it shorter.
bench-node: bindings-node/node_modules
	cd bindings-node && node build.mjs --release
	$(CARGO) build -q --release -p junto-simulator
	cd benches/node && npm ci --no-audit --no-fund --loglevel=error && node bench.mjs

demo-node: node
	@node examples/node/quickstart.mjs

# The Python package in .venv. The Rust half shares target/ with everything else.
PYTHON ?= python3
VENV := .venv
JUNTO_PY := $(VENV)/bin/python

$(VENV)/ready:
	$(PYTHON) -m venv $(VENV)
	$(JUNTO_PY) -m pip install -q "maturin>=1.9.4,<2" pytest mypy pyright uvloop
	@touch $@

python: $(VENV)/ready
	@cd bindings-python && VIRTUAL_ENV="$(CURDIR)/$(VENV)" CARGO_TARGET_DIR="$(CURDIR)/target" "$(CURDIR)/$(VENV)/bin/maturin" develop -q $(MATURIN)

# What the examples need beside junto, in a folder of its own: the package's tests run without.
$(VENV)/examples/ready: | $(VENV)/ready
	$(JUNTO_PY) -m pip install -q --target $(VENV)/examples fastapi httpx openai
	@touch $@

test-python: python $(VENV)/examples/ready
	$(CARGO) build -q -p junto-simulator
	cd bindings-python && ../$(JUNTO_PY) -m pytest --ignore tests/test_examples.py
	cd bindings-python && PYTHONPATH="$(CURDIR)/$(VENV)/examples" ../$(JUNTO_PY) -m pytest tests/test_examples.py
	cd bindings-python && ../$(JUNTO_PY) -m mypy && ../$(JUNTO_PY) -m mypy tests/typed.py && ../$(JUNTO_PY) -m mypy.stubtest junto._native --ignore-disjoint-bases
	cd bindings-python && ../$(JUNTO_PY) -m pyright --pythonpath ../$(JUNTO_PY)

# What could go wrong once in a while, as often as it takes: 100 exits of each kind, 1,000 cancelled streams.
test-python-soak: python
	cd bindings-python && JUNTO_SOAK=1 ../$(JUNTO_PY) -m pytest -rP tests/test_process.py

# The official SDK on junto, each major version with the HTTP library it is built on, and the frameworks that stand on it,
# with the simulator's vendors behind them; installed for this only.
OPENAI := 3 2 1
# Each in a folder of its own, because they differ in which SDK they need.
FRAMEWORKS := pydantic-ai-slim[openai] langchain-openai openai-agents instructor
test-ecosystem-python: python
	$(CARGO) build -q -p junto-simulator
	@for major in $(OPENAI); do \
	  $(JUNTO_PY) -m pip install -q --upgrade --target $(VENV)/openai-$$major "openai==$$major.*" && \
	  (cd bindings-python && PYTHONPATH="$(CURDIR)/$(VENV)/openai-$$major" ../$(JUNTO_PY) -m pytest tests/ecosystem/test_openai.py) || exit 1; \
	done
	@for framework in $(FRAMEWORKS); do \
	  $(JUNTO_PY) -m pip install -q --upgrade --target $(VENV)/$$framework "$$framework" && \
	  (cd bindings-python && PYTHONPATH="$(CURDIR)/$(VENV)/$$framework" ../$(JUNTO_PY) -m pytest tests/ecosystem/test_frameworks.py) || exit 1; \
	done

# junto beside bare aiohttp, the OpenAI SDK and litellm, at fixed versions. ROUNDS=.. and PEERS=".. .." change what is run.
bench-python:
	$(MAKE) python MATURIN=--release
	$(CARGO) build -q --release -p junto-simulator
	@test -d $(VENV)/bench || $(PYTHON) -m venv $(VENV)/bench
	@$(VENV)/bench/bin/python -m pip install -q -r benches/python/requirements.txt
	@$(VENV)/bench/bin/python -m compileall -q bindings-python/python
	@PYTHONPATH="$(CURDIR)/bindings-python/python" $(VENV)/bench/bin/python benches/python/bench.py target/release/junto-simulator

# Wheels in dist/, linked by zig: for every Linux since 2014, for those with musl, and for the interpreter without a GIL, which
# loads no abi3 wheel. FREE_THREADED is its version; it need not be installed.
FREE_THREADED ?= 3.14t
LINUX := $(shell uname -m)-unknown-linux
WHEEL = cd bindings-python && PATH="$(CURDIR)/$(VENV)/bin:$$PATH" maturin build --release --zig --target-dir "$(CURDIR)/target" --out "$(CURDIR)/dist"

$(VENV)/zig: | $(VENV)/ready
	$(JUNTO_PY) -m pip install -q ziglang
	@touch $@

wheel: $(VENV)/zig
	$(WHEEL) --compatibility manylinux_2_17
	@ls -l dist

wheel-musl: $(VENV)/zig
	rustup target add $(LINUX)-musl
	$(WHEEL) --target $(LINUX)-musl --compatibility musllinux_1_2

wheel-free-threaded: $(VENV)/zig
	$(WHEEL) --target $(LINUX)-gnu --compatibility manylinux_2_17 --interpreter $(FREE_THREADED)

# The packages to publish, in bindings-node/npm: the package, and its addons for the same two, of the size and the glibc that are promised.
NODE_TARGETS ?= $(LINUX)-gnu.2.17 $(LINUX)-musl
package-node: bindings-node/node_modules $(VENV)/zig
	$(JUNTO_PY) -m pip install -q cargo-zigbuild
	rm -rf bindings-node/addons bindings-node/npm
	@for target in $(NODE_TARGETS); do \
	  echo "addon for $$target" && rustup -q target add $${target%%.*} && \
	  (cd bindings-node && PATH="$(CURDIR)/$(VENV)/bin:$$PATH" node build.mjs --release --target=$$target) || exit 1; \
	done
	cd bindings-node && node pack.mjs --release && for package in npm/*/; do npm pack --silent --pack-destination npm ./$$package || exit 1; done

demo-python: python
	@$(JUNTO_PY) examples/python/quickstart.py

# The vendors' official SDKs on junto, in every language.
test-ecosystem: test-ecosystem-python test-ecosystem-node

# The code blocks of README and guide, run against simulated vendors. The SDKs they show are installed for this only.
DOCS := target/docs
$(DOCS)/ready: | $(VENV)/ready
	@mkdir -p $(DOCS)
	$(JUNTO_PY) -m pip install -q --target $(DOCS)/python openai
	cd $(DOCS) && echo '{"private": true}' > package.json && npm install --no-audit --no-fund --loglevel=error openai ../../bindings-node
	@touch $@

test-docs: python node $(DOCS)/ready
	$(CARGO) build -q -p junto-simulator -p junto-gateway
	$(JUNTO_PY) docs/providers.py --check
	$(JUNTO_PY) docs/blocks.py

# The guide and the reference of each language, in target/book.
MDBOOK := target/tools/bin/mdbook
$(MDBOOK):
	$(CARGO) install mdbook --version 0.5.4 --locked --no-default-features --features search --root target/tools -q

docs: $(MDBOOK) python node $(DOCS)/ready
	$(MDBOOK) build docs
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc -p junto --no-deps
	rm -rf target/book/rust && cp -r target/doc target/book/rust
	$(JUNTO_PY) -m pip install -q --target $(DOCS)/pdoc pdoc
	PYTHONPATH=$(DOCS)/pdoc $(JUNTO_PY) -W error -m pdoc junto junto._client junto.testing -o target/book/python
	cd $(DOCS) && npm install --no-save --no-audit --no-fund --loglevel=error typedoc typescript
	cd bindings-node && ../$(DOCS)/node_modules/.bin/typedoc --treatWarningsAsErrors --excludeInternal $(addprefix --intentionallyNotExported ,Open ScriptedBase) --tsconfig tsconfig.json --out ../target/book/node lib/index.ts lib/openai.ts lib/testing.ts
