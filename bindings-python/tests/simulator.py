"""The vendors' simulator as a program of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]

#: One model of each of three wire formats, none of which is the other's.
MODELS = ["anthropic/claude-haiku-4-5", "google/gemini-2.0-flash", "openai/gpt-4o"]


class Simulator:
    """Runs until it is closed; `config` is a client's."""

    def __init__(self) -> None:
        command = [os.environ.get("CARGO", "cargo"), "run", "-q", "-p", "junto-simulator", "--", "127.0.0.1:0"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        providers: dict[str, Any] = {}
        for line in self._process.stdout:
            provider, _, url = line.strip().partition(" ")
            if not url.strip().startswith("http"):
                break
            providers[provider] = {"api_key": "sk-test-secret", "base_url": url.strip()}
        assert providers, "the simulator says where it is"
        self.config: dict[str, Any] = {"env": False, "max_retries": 0, "providers": providers}

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
