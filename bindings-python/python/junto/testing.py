"""Tests of programs that use junto, without a network and without keys.

    from junto import Junto
    from junto.testing import Script

    script = Script().error(503, "overloaded").answer("Hello!")
    client = Junto(transport=script, providers={"openai": {"api_key": "test"}})
    assert client.chat.completions.create(model="openai/gpt-4o", messages=m).choices[0].message.content == "Hello!"
    assert script.requests[0]["body"]["messages"] == m

An answer is taken, in order, by the first request that matches its ``url``; a request without an answer fails to
connect. Routing, retries and parsing are the real ones: a script stands where the vendor's server would. `answer`,
`stream` and `error` speak OpenAI's format, which most providers do; `respond` sends anything.
"""

from __future__ import annotations

import json

from ._native import Script as _NativeScript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Iterable, Mapping

__all__ = ["Script"]

_USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class Script:
    """Answers in order. Every method that adds one returns the script.

    Time is the script's own: delays, pauses and waits before a retry take none, and `elapsed` says how long they would
    have taken. With `real_time` they take what they take.
    """

    __slots__ = ("_native",)

    def __init__(self, *, real_time: bool = False) -> None:
        self._native = _NativeScript(real_time)

    def answer(
        self,
        content: str | None = None,
        *,
        tool_calls: Iterable[Mapping[str, Any]] = (),
        finish_reason: str | None = None,
        usage: Mapping[str, Any] | None = None,
        delay: float = 0.0,
        url: str | None = None,
        repeat: bool = False,
    ) -> Script:
        """A whole answer in OpenAI's format. A tool call is ``{"name": "f", "arguments": {..}}``."""
        message: dict[str, Any] = {"role": "assistant", "content": content}
        calls = [_tool_call(at, call) for at, call in enumerate(tool_calls)]
        if calls:
            message["tool_calls"] = calls
        body = {
            "id": "chatcmpl-script",
            "object": "chat.completion",
            "created": 1700000000,
            "model": "script",
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason or ("tool_calls" if calls else "stop")}],
            "usage": dict(usage or _USAGE),
        }
        return self.respond(200, body, delay=delay, url=url, repeat=repeat)

    def stream(
        self,
        pieces: Iterable[str],
        *,
        pause: float = 0.0,
        finish_reason: str = "stop",
        usage: Mapping[str, Any] | None = None,
        break_off: bool = False,
        delay: float = 0.0,
        url: str | None = None,
        repeat: bool = False,
    ) -> Script:
        """A streamed answer in OpenAI's format, `pause` seconds between its pieces. With `break_off` the connection
        breaks after the last piece."""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]
        reads = [(pause if at else 0.0, _event(_chunk(delta, None))) for at, delta in enumerate(deltas)]
        if not break_off:
            last = {**_chunk(None, None), "choices": [], "usage": dict(usage or _USAGE)}
            reads.append((pause, _event(_chunk({}, finish_reason)) + _event(last) + b"data: [DONE]\n\n"))
        error = ("interrupted", "the connection broke") if break_off else None
        headers = [("content-type", "text/event-stream")]
        self._native.then(200, headers, reads, delay=delay, url=url, repeat=repeat, error=error)
        return self

    def error(
        self,
        status: int,
        message: str = "scripted error",
        *,
        code: str | None = None,
        type: str | None = None,
        retry_after: float | None = None,
        delay: float = 0.0,
        url: str | None = None,
        repeat: bool = False,
    ) -> Script:
        """An error status with a body in OpenAI's format."""
        headers = {"retry-after": f"{retry_after:g}"} if retry_after is not None else {}
        body = {"error": {"message": message, "type": type, "code": code, "param": None}}
        return self.respond(status, body, headers=headers, delay=delay, url=url, repeat=repeat)

    def unreachable(
        self, kind: str = "connect", message: str = "connection refused", *, delay: float = 0.0, url: str | None = None, repeat: bool = False
    ) -> Script:
        """No response: `connect` (never connected), `interrupted` (broke after the request was sent) or `timeout`."""
        self._native.then(0, [], [], delay=delay, url=url, repeat=repeat, error=(kind, message))
        return self

    def respond(
        self,
        status: int = 200,
        body: Any = b"",
        *,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
        url: str | None = None,
        repeat: bool = False,
    ) -> Script:
        """Any response. A `body` of bytes or text is sent as it is, a list of bytes as that many reads, anything else as JSON."""
        reads, kind = _reads(body)
        named = {"content-type": kind, **{name.lower(): value for name, value in (headers or {}).items()}}
        self._native.then(status, list(named.items()), reads, delay=delay, url=url, repeat=repeat)
        return self

    @property
    def requests(self) -> list[dict[str, Any]]:
        """What was asked so far: ``method``, ``url``, ``headers`` and ``body`` of each; keys read ``***``."""
        requests: list[dict[str, Any]] = json.loads(self._native.requests())
        return requests

    @property
    def elapsed(self) -> float:
        """How many seconds have passed on the script's clock."""
        return self._native.elapsed()

    @property
    def remaining(self) -> int:
        """How many answers were not asked for."""
        return self._native.remaining()


def _reads(body: Any) -> tuple[list[tuple[float, bytes]], str]:
    if isinstance(body, str):
        body = body.encode()
    if isinstance(body, bytes):
        return [(0.0, body)], "application/json" if body[:1] in (b"{", b"[") else "text/event-stream"
    if isinstance(body, list) and all(isinstance(read, bytes) for read in body):
        return [(0.0, read) for read in body], "text/event-stream"
    return [(0.0, json.dumps(body).encode())], "application/json"


def _tool_call(at: int, call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    function = {"name": call["name"], "arguments": arguments if isinstance(arguments, str) else json.dumps(arguments)}
    return {"id": call.get("id", f"call_{at}"), "type": "function", "function": function}


def _chunk(delta: dict[str, Any] | None, finish_reason: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return {"id": "chatcmpl-script", "object": "chat.completion.chunk", "created": 1700000000, "model": "script", "choices": [choice]}


def _event(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
