"""What junto shows of itself while tests run: log records of every level, clients, errors. None of it may hold a key."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import Any, Iterator

import pytest

from junto import JuntoError
from junto._client import Base

NAMES = ("key", "token", "secret", "credentials", "password", "private_key")


def keys(value: Any, name: str = "") -> Iterator[str]:
    """Every key of a configuration: the texts under the name of one. A short one would be found in words."""
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from keys(each, str(inner).lower())
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from keys(each, name)
    elif isinstance(value, str) and len(value) >= 8 and not name.endswith(("_env", "_url")) and any(part in name for part in NAMES):
        yield value


class Watch(logging.Handler):
    """Knows the keys of every client that was made, and what showed one."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()
        self.lines = 0
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        self.look("log", f"{record.getMessage()} {vars(record)}")

    def look(self, what: str, text: str) -> None:
        if any(key in text for key in self.keys):
            self.leaks.append(f"{what}: {text}")

    @contextmanager
    def on(self, *, logs: bool = True) -> Iterator[None]:
        opened, made = Base._open, JuntoError.__init__

        def _open(client: Base, config: dict[str, Any], *given: Any) -> None:
            for part in ("providers", "env", "search"):
                self.keys.update(keys(config.get(part)))
            opened(client, config, *given)
            self.look("client", f"{client!r} {client}")

        def __init__(error: JuntoError, *given: Any) -> None:
            made(error, *given)
            self.look("error", f"{error!r} {error} {vars(error)}")

        logger = logging.getLogger("junto")
        level = logger.level
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Base, "_open", _open)
            patched.setattr(JuntoError, "__init__", __init__)
            if logs:
                logger.addHandler(self)
                logger.setLevel(1)
            try:
                yield
            finally:
                logger.removeHandler(self)
                logger.setLevel(level)
