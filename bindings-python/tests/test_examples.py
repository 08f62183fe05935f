"""Every program in examples/python, with the simulator as its vendors."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest
from simulator import Simulator

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "python"

#: What each prints; the model it asks, where the simulator has to be told what to say; and what it needs beside junto.
EXAMPLES: dict[str, tuple[Any, ...]] = {
    "asynchronous.py": (r"anthropic Rayleigh.*openai Rayleigh.*Rayleigh",),
    "explain.py": (r"first anthropic, about \$0\.0",),
    "fallback.py": (r"groq: 503 .*openai: 200 served.*30\.0 \[\('openai', 429\)\]",),
    "fastapi_server.py": (r"^200 Rayleigh", None, "fastapi"),
    "hooks.py": (r"attempt: anthropic 200 .*call: anthropic/claude-haiku-4-5 by anthropic, \d+ ms.*Rayleigh",),
    "openai_sdk.py": (r"(Rayleigh.*\n){2}", None, "openai"),
    "own_catalog.py": (r"^west 0\.003\n$",),
    "own_provider.py": (r"^my-vllm Hello from /v1/chat/completions\n$",),
    "preferences.py": (r"^openai Rayleigh.*max_price",),
    "quickstart.py": (r"groq +503 .*openai +200",),
    "reasoning.py": (r"thought: Short wavelengths.*said: Rayleigh.*said: Rayleigh",),
    "streaming.py": (r"Rayleigh.*\n\d+ tokens, \$0\.0\d+, from anthropic\nfirst piece: '",),
    "structured.py": (r"^3 days in Oslo\n$", "openai/gpt-4o@json"),
    "test_without_a_network.py": (r"^passed\n$",),
    "tools.py": (r'^get_weather\(\{"city":"Oslo","days":3\}\)\nRayleigh', "anthropic/claude-haiku-4-5@tools"),
    "variants.py": (r":floor +floor .*:nitro +nitro .*anthropic \d",),
    "vision.py": (r"Rayleigh",),
}


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    simulator = Simulator()
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ}
    for provider, variable in (("openai", "OPENAI"), ("anthropic", "ANTHROPIC")):
        row = simulator.config["providers"][provider]
        keep |= {f"{variable}_API_KEY": row["api_key"], f"{variable}_BASE_URL": row["base_url"]}
    yield keep
    simulator.close()


def test_every_example_is_run() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.py")) == sorted(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example(environment: dict[str, str], name: str) -> None:
    output, model, needs = (*EXAMPLES[name], None, None)[:3]
    if needs and importlib.util.find_spec(needs) is None:
        pytest.skip(f"{needs} is installed by `make test-python`")
    if model:
        environment = {**environment, "MODEL": model}
    done = subprocess.run([sys.executable, str(FOLDER / name)], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert re.search(output, done.stdout, re.DOTALL), done.stdout
    assert "sk-test-secret" not in done.stdout + done.stderr
