"""Hooks and logs: they hear of everything, and break nothing."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
from typing import Any

import pytest
from conftest import ASK
from vendor import Vendor
from watch import Watch, keys

from junto import AsyncJunto, Junto, JuntoError
from junto.testing import Script
from junto.types import Attempt, Summary


def hooked(script: Script, **hooks: Any) -> Junto:
    return Junto(transport=script, env=False, max_retries=0, providers={"groq": {"api_key": "a"}, "openai": {"api_key": "sk-test-secret"}}, **hooks)


def test_hooks_hear_of_attempts_answers_streams_and_errors() -> None:
    attempts: list[Attempt] = []
    calls: list[Summary] = []
    script = Script().error(503, "down", url="groq").answer("Hello!").stream(["a", "b"]).error(401, "bad key")
    client = hooked(script, on_attempt=attempts.append, on_response=calls.append)
    client.chat.completions.create(model="groq/m", models=["openai/m"], messages=ASK)
    assert [(attempt.provider, attempt.status) for attempt in attempts] == [("groq", 503), ("openai", 200)]
    assert calls[0].endpoint == "openai" and calls[0].usage is not None and calls[0].usage.total_tokens == 15 and len(calls[0].attempts) == 2
    assert len(list(client.chat.completions.create(model="openai/m", messages=ASK, stream=True))) >= 2
    assert calls[1].stream and calls[1].error is None and calls[1].requested == "openai/m"
    with pytest.raises(JuntoError):
        client.chat.completions.create(model="openai/m", messages=ASK)
    assert calls[2].error is not None and calls[2].error.code == "invalid_api_key" and len(attempts) == 4
    assert "sk-test-secret" not in f"{attempts}{calls}"


def test_a_stream_that_is_left_is_a_canceled_call(vendor: Vendor) -> None:
    calls: list[Summary] = []
    told = threading.Event()
    client = Junto(**vendor.config, on_response=lambda summary: (calls.append(summary), told.set()))
    for _ in client.chat.completions.create(model="openai/endless", messages=ASK, stream=True):
        break
    assert told.wait(2) and calls[0].error is not None and calls[0].error.code == "canceled"


@pytest.mark.parametrize("exception", [ValueError("in the hook"), KeyboardInterrupt(), SystemExit(3)])
def test_a_hook_that_raises_is_logged_and_breaks_nothing(exception: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    def hook(_: Any) -> None:
        raise exception

    r = hooked(Script().answer("Hello!"), on_attempt=hook, on_response=hook).chat.completions.create(model="openai/m", messages=ASK)
    assert r.choices[0].message.content == "Hello!"
    assert [record.message for record in caplog.records] == ["on_attempt raised; the call goes on", "on_response raised; the call goes on"]


def test_a_hook_that_calls_junto_gets_a_clear_error() -> None:
    said: list[str] = []

    def hook(_: Any) -> None:
        try:
            client.chat.completions.create(model="openai/m", messages=ASK)
        except RuntimeError as error:
            said.append(str(error))

    client = hooked(Script().answer("Hello!"), on_attempt=hook)
    client.chat.completions.create(model="openai/m", messages=ASK)
    assert said == ["a hook or a log handler that junto calls cannot wait for junto"]


def test_a_hook_must_be_callable() -> None:
    with pytest.raises(TypeError, match="on_attempt must be callable"):
        Junto(on_attempt="print")  # type: ignore[arg-type]


def test_logs_are_under_junto_and_name_the_attempts(caplog: pytest.LogCaptureFixture) -> None:
    script = Script().error(503, "down", url="groq").answer("Hello!").answer("Hello!")
    client = hooked(script)
    with caplog.at_level(logging.DEBUG, "junto"):
        client.chat.completions.create(model="groq/m", models=["openai/m"], messages=ASK)
    lines = [record.getMessage() for record in caplog.records]
    assert any("attempt failed" in line and "provider=groq" in line and "status=503" in line for line in lines), lines
    record = next(record for record in caplog.records if "served" in record.getMessage())
    assert record.name.startswith("junto.") and record.levelname == "DEBUG" and record.junto["provider"] == "openai"  # type: ignore[attr-defined]
    assert "sk-test-secret" not in caplog.text
    caplog.clear()
    client.chat.completions.create(model="openai/m", messages=ASK)
    assert not caplog.records


def test_a_key_that_is_shown_fails_its_test(watch: Watch) -> None:
    class Leaky(Junto):
        def __repr__(self) -> str:
            return str(self._config)

    config = {"providers": {"a": {"api_key": ["sk-in-a-list"], "key_env": ["A_API_KEY"], "key_url": "https://a.test"}}, "env": {"B_TOKEN": "token-of-b", "HOME": "/somewhere"}}
    assert set(keys(config)) == {"sk-in-a-list", "token-of-b"}
    before = watch.lines
    hooked(Script().answer("Hello!")).chat.completions.create(model="openai/m", messages=ASK)
    assert watch.lines > before and not watch.leaks
    Leaky(transport=Script(), env=False, providers={"openai": {"api_key": "sk-planted"}})
    JuntoError("refused", {"message": "refused", "metadata": {"raw": "sk-planted"}})
    logging.getLogger("junto.route").debug("attempt failed", extra={"junto": {"authorization": "Bearer sk-planted"}})
    assert [leak.partition(":")[0] for leak in watch.leaks] == ["client", "error", "log"]
    watch.leaks.clear()


def test_a_log_handler_that_raises_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("broken handler")

    handler = Broken()
    logger = logging.getLogger("junto")
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG, "junto"):
            client = AsyncJunto(transport=Script().answer("Hello!"), env=False, providers={"openai": {"api_key": "k"}})
            r = asyncio.run(client.chat.completions.create(model="openai/m", messages=ASK))
    finally:
        logger.removeHandler(handler)
    assert r.choices[0].message.content == "Hello!"


def test_logging_is_not_imported_for_the_callers_sake() -> None:
    program = "import sys; from junto import Junto; Junto(env=False); print('logging' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
