"""A vendor on loopback that speaks OpenAI's format and tells when its callers go away. The model says how it behaves."""

from __future__ import annotations

import json
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class Vendor:
    """`plain`, `status-503`, `hang` (no answer), `count-5` (five chunks), `endless` (chunks until the caller goes)."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.left = 0
        self._changed = threading.Condition()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.vendor = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    @property
    def config(self) -> dict[str, Any]:
        return {"env": False, "max_retries": 0, "providers": {"openai": {"api_key": "sk-test-secret", "base_url": self.base_url}}}

    def note(self, request: dict[str, Any] | None) -> None:
        with self._changed:
            if request is None:
                self.left += 1
            else:
                self.requests.append(request)
            self._changed.notify_all()

    def wait(self, *, requests: int = 0, left: int = 0, timeout: float = 5.0) -> float:
        """Waits for so many requests to have come, or callers to have left; returns how long it took."""
        began = time.monotonic()
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.requests) >= requests and self.left >= left, timeout), (
                f"{len(self.requests)} requests, {self.left} left"
            )
        return time.monotonic() - began

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    vendor: Vendor

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is what many tests do."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.vendor.note({"path": self.path, "headers": dict(self.headers), "body": body})
        model = body["model"]
        if model.startswith("status-"):
            self._json(int(model[7:]), {"error": {"message": f"scripted {model}", "type": "test", "code": None}}, {"retry-after": "7"})
        elif model == "hang":
            self._watch(30)
        elif body.get("stream"):
            self._stream(int(model[6:]) if model.startswith("count-") else 10**9 if model == "endless" else 2)
        else:
            message = {"role": "assistant", "content": "Hello!", "refusal": None}
            answer = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": model, "usage": USAGE}
            self._json(200, {**answer, "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "brand_new": {"kept": True}})

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(text)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def _stream(self, count: int) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        try:
            for at in range(count):
                self._event({"role": "assistant", "content": f"piece {at} "} if at == 0 else {"content": f"piece {at} "}, None)
                if count >= 10**9 and self._watch(0.005):
                    return
            self._event({}, "stop", usage=USAGE)
            self._chunk(b"data: [DONE]\n\n")
            self._chunk(b"")
        except OSError:
            self.server.vendor.note(None)
            self.close_connection = True

    def _event(self, delta: dict[str, Any], finish: str | None, **more: Any) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **more}
        self._chunk(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def _watch(self, seconds: float) -> bool:
        """Waits; true where the caller left meanwhile."""
        readable, _, _ = select.select([self.connection], [], [], seconds)
        try:
            gone = bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            gone = True
        if gone:
            self.server.vendor.note(None)
            self.close_connection = True
        return gone

    def log_message(self, format: str, *args: Any) -> None:
        """Tests are quiet."""
