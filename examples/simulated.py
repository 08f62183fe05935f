"""Runs a command with simulated vendors: every vendor's key and URL is in its environment, as a reader's would be.

    python3 examples/simulated.py COMMAND [ARGUMENT ...]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

ROOT = Path(__file__).resolve().parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
ADDRESS = "127.0.0.1:8089"


def environment() -> dict[str, str]:
    """This process's environment, without keys of its own and with one of every vendor, each at the simulator."""
    env = {name: value for name, value in os.environ.items() if not name.endswith(("_KEY", "_TOKEN", "_BASE_URL"))}
    for row in json.loads((ROOT / "core/src/providers/rows.json").read_text()):
        if row.get("base_url_env") and row.get("key_env"):
            env[row["key_env"][0]] = f"sk-simulated-{row['slug']}"
            env[row["base_url_env"][0]] = f"http://{ADDRESS}/{row['slug']}"
    env["NO_PROXY"] = "127.0.0.1"
    return env


@contextmanager
def server(command: list[str], url: str, env: dict[str, str]) -> Iterator[None]:
    """A program that answers at this URL, for the time of the block."""
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL)
    try:
        for _ in range(400):
            try:
                urllib.request.urlopen(url, timeout=1).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended with {process.returncode}")
                time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} does not answer at {url}")
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def vendors(env: dict[str, str]) -> Iterator[None]:
    with server([str(TARGET / "debug/junto-simulator"), ADDRESS], f"http://{ADDRESS}/", env):
        yield


if __name__ == "__main__":
    env = environment()
    with vendors(env):
        sys.exit(subprocess.run(sys.argv[1:], env=env).returncode)
