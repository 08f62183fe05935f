"""The official OpenAI SDK on junto: in process, no socket to us.

    from junto.openai import OpenAI

    OpenAI().chat.completions.create(model="anthropic/claude-haiku-4-5", messages=m)

or, for anything that takes an SDK client or an HTTP client:

    openai.OpenAI(api_key="unused", max_retries=0, http_client=junto.openai.http_client(client))

Chat completions, embeddings, models and responses are served; responses are translated to a routed call, so those of
their features that need a server's memory are a clear error.

Neither `openai` nor an HTTP library is a dependency of junto: they are imported when something here is used. openai 3
is built on `httpx2`, openai 1 and 2 on `httpx`; both are served.
"""

from __future__ import annotations

import importlib
import json
import re
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, AsyncIterator, Iterator
from urllib.parse import unquote

from ._client import AsyncJunto, Junto
from .errors import APITimeoutError, JuntoError, NotFoundError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI

__all__ = ["AsyncOpenAI", "OpenAI", "async_http_client", "http_client"]

_BASE_URL = "http://junto.local/v1"


def http_client(client: Junto | None = None, *, library: ModuleType | None = None) -> Any:
    """An `httpx2.Client` (or `httpx.Client`) that junto answers.

    :param client: the router; a new `Junto()` by default.
    :param library: `httpx2` or `httpx`; by default the one that the installed openai SDK uses.
    """
    sync, _ = _transports(library or _library())
    return (library or _library()).Client(transport=sync(client or Junto()), base_url=_BASE_URL)


def async_http_client(client: AsyncJunto | None = None, *, library: ModuleType | None = None) -> Any:
    """As `http_client`, an `AsyncClient`."""
    _, asynchronous = _transports(library or _library())
    return (library or _library()).AsyncClient(transport=asynchronous(client or AsyncJunto()), base_url=_BASE_URL)


def __getattr__(name: str) -> Any:
    if name in ("OpenAI", "AsyncOpenAI"):
        return _sdk()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@cache
def _sdk() -> dict[str, type]:
    import openai

    class OpenAI(openai.OpenAI):  # type: ignore[misc, unused-ignore]  # its type depends on the SDK's version
        """The SDK's client on junto. Retries are junto's, so the SDK's own are off."""

        def __init__(self, *, junto: Junto | None = None, **options: Any) -> None:
            super().__init__(**_options(options, lambda: http_client(junto)))

    class AsyncOpenAI(openai.AsyncOpenAI):  # type: ignore[misc, unused-ignore]
        """The SDK's asynchronous client on junto. Retries are junto's, so the SDK's own are off."""

        def __init__(self, *, junto: AsyncJunto | None = None, **options: Any) -> None:
            super().__init__(**_options(options, lambda: async_http_client(junto)))

    return {"OpenAI": OpenAI, "AsyncOpenAI": AsyncOpenAI}


def _options(options: dict[str, Any], make: Any) -> dict[str, Any]:
    # The SDK insists on a key; the keys that count are junto's. `copy()` hands the HTTP client over.
    given = {"api_key": "junto", "base_url": _BASE_URL, "max_retries": 0, **options}
    if given.get("http_client") is None:
        given["http_client"] = make()
    return given


def _library() -> ModuleType:
    """The HTTP library of the installed SDK; without the SDK, the one that is there."""
    try:
        import openai

        names = [base.__module__.partition(".")[0] for base in openai.DefaultHttpxClient.__mro__]
        names = [name for name in names if name in ("httpx2", "httpx")]
    except ImportError:
        names = ["httpx2", "httpx"]
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise ImportError("junto.openai needs the openai SDK, httpx2 or httpx")


@cache
def _transports(http: Any) -> tuple[Any, Any]:
    class Chunks(http.SyncByteStream):  # type: ignore[misc]
        def __init__(self, native: Any, last: bytes) -> None:
            self._native = native
            self._last = last

        def __iter__(self) -> Iterator[bytes]:
            with _as_http(http):
                while (batch := self._native.next_batch()) is not None:
                    yield batch.encode()
            yield self._last

        def close(self) -> None:
            self._native.close()

    class AsyncChunks(http.AsyncByteStream):  # type: ignore[misc]
        def __init__(self, native: Any, last: bytes) -> None:
            self._native = native
            self._last = last

        async def __aiter__(self) -> AsyncIterator[bytes]:
            with _as_http(http):
                while True:
                    batch = self._native.next_batch_async()
                    if batch is not None and not isinstance(batch, str):
                        batch = await batch
                    if batch is None:
                        break
                    yield batch.encode()
            yield self._last

        async def aclose(self) -> None:
            self._native.close()

    class Transport(http.BaseTransport):  # type: ignore[misc]
        def __init__(self, client: Junto) -> None:
            self._client = client

        def handle_request(self, request: Any) -> Any:
            try:
                call = _call(request, request.read())
                native = self._client._native
                if call.looks_up:
                    return _answer(http, request, 200, getattr(native, call.kind)(call.text))
                if call.stream:
                    stream = Chunks(native.stream(call.kind, call.text, call.timeout, call.headers, True), call.last)
                    return http.Response(200, headers=_headers("text/event-stream"), stream=stream, request=request)
                return _answer(http, request, 200, native.ask(call.kind, call.text, call.timeout, call.headers))
            except JuntoError as error:
                return _failure(http, request, error)

    class AsyncTransport(http.AsyncBaseTransport):  # type: ignore[misc]
        def __init__(self, client: AsyncJunto) -> None:
            self._client = client

        async def handle_async_request(self, request: Any) -> Any:
            try:
                call = _call(request, await request.aread())
                native = self._client._native
                if call.looks_up:
                    return _answer(http, request, 200, getattr(native, call.kind)(call.text))
                if call.stream:
                    opened = await native.stream_async(call.kind, call.text, call.timeout, call.headers, True)
                    stream = AsyncChunks(opened, call.last)
                    return http.Response(200, headers=_headers("text/event-stream"), stream=stream, request=request)
                return _answer(http, request, 200, await native.ask_async(call.kind, call.text, call.timeout, call.headers))
            except JuntoError as error:
                return _failure(http, request, error)

    return Transport, AsyncTransport


class _Call:
    """The routed call that an HTTP request stands for."""

    __slots__ = ("headers", "kind", "last", "looks_up", "stream", "text", "timeout")

    def __init__(self, kind: str, text: str, looks_up: bool = False) -> None:
        #: What the native client is asked for, and how.
        self.kind: Any = kind
        self.text = text
        #: Whether it only looks into the catalog: then `kind` is a method.
        self.looks_up = looks_up
        #: Whether a stream is asked for, and what ends it.
        self.stream = False
        self.last = b""
        self.timeout: float | None = None
        self.headers: list[tuple[str, str]] | None = None


# What a path asks for, and what ends its streams where it has any.
_POSTS: dict[str, tuple[str, bytes | None]] = {
    "/chat/completions": ("chat", b"data: [DONE]\n\n"),
    "/embeddings": ("embed", None),
    "/responses": ("respond", b""),
}
_SERVED = "POST /chat/completions, /embeddings and /responses, and GET /models, /models/{slug} and /models/{slug}/endpoints"


def _call(request: Any, body: bytes) -> _Call:
    """The routed call that an HTTP request stands for; an error where there is none."""
    path: str = request.url.path
    if request.method == "GET" and (found := re.search(r"/models(?:/(.+))?$", path)):
        slug = unquote(found.group(1) or "")
        if not slug:
            return _Call("models", "{}")
        return _Call("endpoints", slug[:-10], looks_up=True) if slug.endswith("/endpoints") else _Call("model", slug, looks_up=True)
    for end, (kind, last) in _POSTS.items():
        if request.method == "POST" and path.endswith(end):
            call = _Call(kind, body.decode())
            call.timeout = (request.extensions.get("timeout") or {}).get("read")
            call.headers = _callers(request.headers)
            if last is not None and b'"stream"' in body and _streams(body):
                call.stream = True
                call.last = last
            return call
    if "/responses/" in path:
        raise _refusal(NotFoundError, f"{request.method} {path}: junto keeps no responses; send the conversation with each request")
    raise _refusal(NotFoundError, f"junto does not serve {request.method} {path}; it serves {_SERVED}")


def _streams(body: bytes) -> bool:
    try:
        return bool(json.loads(body).get("stream"))
    except (ValueError, AttributeError):
        # The core says what is wrong with it.
        return False


def _refusal(kind: type[JuntoError], message: str) -> JuntoError:
    body = {"code": "not_found", "message": message, "type": "invalid_request_error", "param": None, "metadata": {"error_type": "NoEndpoint"}}
    return kind(message, body)


# What the SDK and its HTTP library say about themselves, and the key that junto has no use for.
_SDKS = frozenset(
    ["accept", "accept-encoding", "authorization", "connection", "content-length", "content-type", "cookie", "host", "idempotency-key"]
    + ["openai-organization", "openai-project", "transfer-encoding", "user-agent"]
)


def _callers(headers: Any) -> list[tuple[str, str]] | None:
    """The headers that the caller added, for the vendor."""
    return [(name, value) for name, value in headers.items() if name not in _SDKS and not name.startswith("x-stainless-")] or None


def _headers(kind: str) -> dict[str, str]:
    return {"content-type": kind, "x-request-id": f"junto-{next(_COUNT)}"}


def _numbers() -> Iterator[int]:
    at = 0
    while True:
        at += 1
        yield at


_COUNT = _numbers()


def _answer(http: Any, request: Any, status: int, body: str) -> Any:
    return http.Response(status, headers=_headers("application/json"), content=body.encode(), request=request)


def _failure(http: Any, request: Any, error: JuntoError) -> Any:
    if isinstance(error, APITimeoutError) and error.provider_status is None:
        # A limit passed; where a vendor says so it is an answer like any other.
        raise http.ReadTimeout(error.message, request=request)
    # junto has tried again where that made sense: the SDK shall not.
    headers = {**_headers("application/json"), "x-should-retry": "false"}
    if error.retry_after is not None:
        headers["retry-after"] = f"{error.retry_after:g}"
    body = json.dumps({"error": error.body})
    return http.Response(error.status_code or 502, headers=headers, content=body.encode(), request=request)


class _as_http:
    """Inside a body, an error can only be the HTTP library's."""

    def __init__(self, http: Any) -> None:
        self._http = http

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, JuntoError):
            raise self._http.ReadError(error.message) from error
