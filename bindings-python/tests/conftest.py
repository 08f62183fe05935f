from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from vendor import Vendor
from watch import Watch, keys

from junto import Junto

ASK: list[dict[str, Any]] = [{"role": "user", "content": "Hello!"}]


#: Of the whole run, so that a key which one test gave is found in what another shows.
WATCH = Watch()


@pytest.fixture(autouse=True)
def watch(request: pytest.FixtureRequest) -> Iterator[Watch]:
    """No log, client or error of any test shows a key that a client was given. Tests of the log set its level themselves."""
    with WATCH.on(logs="caplog" not in request.fixturenames):
        yield WATCH
    leaks = [*WATCH.leaks]
    WATCH.leaks.clear()
    assert not leaks, "\n".join(leaks)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    vendor = Vendor()
    yield vendor
    vendor.close()


@pytest.fixture
def client(vendor: Vendor) -> Junto:
    return Junto(**vendor.config)


@pytest.fixture
def run(vendor: Vendor) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in an interpreter of its own, with `client` and `m` made."""

    def run(program: str, *, expect: int = 0, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        head = "import asyncio, json, os, sys\nfrom junto import *\nconfig = json.loads(os.environ['CONFIG'])\n"
        head += "client = Junto(**config)\nm = [{'role': 'user', 'content': 'Hello!'}]\n"
        environment = {**os.environ, "CONFIG": json.dumps(vendor.config)}
        command = [sys.executable, "-W", "error", "-c", head + textwrap.dedent(program)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == expect, (done.returncode, done.stdout, done.stderr)
        assert not [key for key in keys(vendor.config) if key in done.stdout + done.stderr]
        return done

    return run
