"""The clients: JSON text to the native module and back, nothing decided here."""

from __future__ import annotations

from ._native import ChatStream as _NativeStream
from ._native import Client as _NativeClient
from ._native import parse_slug as _native_parse_slug
from ._callbacks import taken
from ._hooks import hook
from ._json_text import dumps, loads
from .plan import Plan
from .types import (
    Attempt,
    ChatCompletion,
    ChatCompletionChunk,
    CreateEmbeddingResponse,
    Model,
    ModelEndpoints,
    ModelList,
    Slug,
    Spend,
    Summary,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, AsyncIterator, Callable, Iterator, Literal, Mapping, Sequence, TypeVar, overload

    from ._hooks import Hook
    from ._native import Script as _NativeScript
    from .settings import Key, Search, SearchEngine
    from .testing import Script

    _Client = TypeVar("_Client", bound="Base")
else:

    def overload(function: Any) -> None:
        """Nothing at run time: `typing.overload` keeps a registry that nobody reads."""


def _text(request: dict[str, Any]) -> str:
    try:
        return dumps(request)
    except (TypeError, ValueError) as error:
        for name, value in request.items():
            try:
                dumps(value)
            except (TypeError, ValueError) as cause:
                raise TypeError(f"{name}: {cause}") from None
        raise TypeError(str(error)) from None


class _Options:
    """What a call falls back to; `with_options` makes another one over the same native client."""

    __slots__ = ("extra_body", "headers", "timeout")

    def __init__(self, timeout: float | None, headers: Mapping[str, str] | None, extra_body: Mapping[str, Any] | None) -> None:
        self.timeout = timeout
        self.headers = dict(headers or {})
        self.extra_body = dict(extra_body or {})

    def call(self, timeout: Any, headers: Mapping[str, str] | None) -> tuple[float | None, list[tuple[str, str]] | None]:
        """The timeout and the headers of one call."""
        if timeout is None:
            timeout = self.timeout
        elif isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
            raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
        if not headers:
            return timeout, _headers(self.headers) if self.headers else None
        return timeout, _headers({**self.headers, **_mapping("extra_headers", headers)})

    def body(self, extra_body: Mapping[str, Any] | None, request: dict[str, Any], params: dict[str, Any]) -> str:
        """The request as text, with its parameters and the fields that stand beside it."""
        for name, value in params.items():
            if value is not None:
                request[name] = value
        if self.extra_body:
            request.update(self.extra_body)
        if extra_body:
            request.update(_mapping("extra_body", extra_body))
        return _text(request)

    def changed(self, timeout: float | None, headers: Mapping[str, str] | None, extra_body: Mapping[str, Any] | None) -> _Options:
        return _Options(
            timeout if timeout is not None else self.timeout,
            {**self.headers, **(headers or {})},
            {**self.extra_body, **(extra_body or {})},
        )


def _mapping(name: str, value: Any) -> Any:
    if not hasattr(value, "keys"):
        raise TypeError(f"{name} must be a mapping, not {type(value).__name__}")
    return value


def _headers(headers: Mapping[str, Any]) -> list[tuple[str, str]]:
    for name, value in headers.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise TypeError(f"extra_headers must map text to text; {name!r} does not")
    return list(headers.items())


def _chat(options: _Options, messages: Any, model: str | None, extra_body: Mapping[str, Any] | None, params: dict[str, Any]) -> str:
    if isinstance(messages, (str, bytes)) or not hasattr(messages, "__iter__"):
        raise TypeError(f"messages must be a list of messages, not {type(messages).__name__}")
    if model is not None and not isinstance(model, str):
        raise TypeError(f"model must be a string, not {type(model).__name__}")
    request: dict[str, Any] = {"model": model} if model is not None else {}
    request["messages"] = messages
    return options.body(extra_body, request, params)


class _Arriving:
    """What both streams share: the native one, and the chunks of its last read."""

    __slots__ = ("_native", "_ready")

    def __init__(self, native: _NativeStream) -> None:
        self._native = native
        self._ready: Iterator[ChatCompletionChunk] = iter(())

    def _close(self) -> None:
        self._native.close()
        self._ready = iter(())


class Stream(_Arriving):
    """The chunks of an answer. Leaving a ``for`` loop early, ``close()`` and the end of a ``with`` block close the
    vendor's connection. To look at a chunk and go on, use ``next(stream)``."""

    __slots__ = ()

    def __next__(self) -> ChatCompletionChunk:
        for chunk in self._ready:
            return chunk
        try:
            batch = self._native.next_batch()
        except BaseException:
            self._native.close()
            raise
        if batch is None:
            raise StopIteration
        self._ready = map(ChatCompletionChunk, loads(batch))
        return self.__next__()

    def __iter__(self) -> Iterator[ChatCompletionChunk]:
        # One `for` loop: when it is left, this generator goes, and the connection with it.
        try:
            while True:
                yield from self._ready
                yield self.__next__()
        except StopIteration:
            pass
        finally:
            self.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the vendor's connection; the stream is at its end."""
        self._close()


class AsyncStream(_Arriving):
    """As `Stream`, in asyncio. Cancelling the task that waits for a chunk closes the vendor's connection."""

    __slots__ = ()

    async def __anext__(self) -> ChatCompletionChunk:
        for chunk in self._ready:
            return chunk
        try:
            batch = self._native.next_batch_async()
            if batch is not None and not isinstance(batch, str):
                batch = await batch
        except BaseException:
            self._native.close()
            raise
        if batch is None:
            raise StopAsyncIteration
        self._ready = map(ChatCompletionChunk, loads(batch))
        return await self.__anext__()

    def __aiter__(self) -> AsyncIterator[ChatCompletionChunk]:
        return _AsyncLeaving(self)

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the vendor's connection; the stream is at its end."""
        self._close()

    aclose = close


class _AsyncLeaving:
    """One ``async for`` loop over a stream: when the loop is left, the loop's iterator goes, and the connection with it."""

    __slots__ = ("_stream",)

    def __init__(self, stream: AsyncStream) -> None:
        self._stream = stream

    async def __anext__(self) -> ChatCompletionChunk:
        for chunk in self._stream._ready:
            return chunk
        return await self._stream.__anext__()

    def __aiter__(self) -> _AsyncLeaving:
        return self

    def __del__(self) -> None:
        self._stream._close()


class _Calls:
    """What a client's parts share."""

    def __init__(self, native: _NativeClient, options: _Options) -> None:
        self._native = native
        self._options = options


class Completions(_Calls):
    """``client.chat.completions``."""

    @overload
    def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: Literal[False] = False,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: Literal[True],
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Stream: ...

    def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: bool = False,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> ChatCompletion | Stream:
        """Asks a model. Parameters are OpenAI's, and `models`, `provider`, `reasoning`, `plugins`.

        :param model: a slug, for instance ``anthropic/claude-sonnet-4-5:thinking``.
        :param messages: the conversation; messages of earlier answers may stand in it as they are.
        :param stream: whether to return the answer as it arrives, as a `Stream`.
        :param timeout: seconds until the answer, or until a stream begins; fallbacks included.
        :param extra_headers: headers of every request to a vendor. Keys are not among them: they belong to ``providers``.
        :param extra_body: more fields of the request.
        :raises JuntoError: where no endpoint gave an answer; see `junto.errors`.
        """
        request = _chat(self._options, messages, model, extra_body, params)
        limit, headers = self._options.call(timeout, extra_headers)
        if stream:
            return Stream(self._native.stream("chat", request, limit, headers))
        return ChatCompletion(loads(self._native.ask("chat", request, limit, headers)))


class AsyncCompletions(_Calls):
    """``client.chat.completions`` of `AsyncJunto`."""

    @overload
    async def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: Literal[False] = False,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> ChatCompletion: ...

    @overload
    async def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: Literal[True],
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> AsyncStream: ...

    async def create(
        self,
        *,
        messages: Any,
        model: str | None = None,
        stream: bool = False,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> ChatCompletion | AsyncStream:
        """As `Completions.create`."""
        request = _chat(self._options, messages, model, extra_body, params)
        limit, headers = self._options.call(timeout, extra_headers)
        if stream:
            return AsyncStream(await self._native.stream_async("chat", request, limit, headers))
        return ChatCompletion(loads(await self._native.ask_async("chat", request, limit, headers)))


class Chat:
    """``client.chat``."""

    def __init__(self, native: _NativeClient, options: _Options) -> None:
        self.completions = Completions(native, options)


class AsyncChat:
    """``client.chat`` of `AsyncJunto`."""

    def __init__(self, native: _NativeClient, options: _Options) -> None:
        self.completions = AsyncCompletions(native, options)


def _embedding(options: _Options, input: Any, model: str, extra_body: Mapping[str, Any] | None, params: dict[str, Any]) -> str:
    if not isinstance(model, str):
        raise TypeError(f"model must be a string, not {type(model).__name__}")
    return options.body(extra_body, {"model": model, "input": input}, params)


class Embeddings(_Calls):
    """``client.embeddings``."""

    def create(
        self,
        *,
        input: Any,
        model: str,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> CreateEmbeddingResponse:
        """The vectors of texts. Parameters are OpenAI's, and `provider` and `input_type`.

        :param input: a string, a list of strings, or tokens.
        :param model: a slug, for instance ``openai/text-embedding-3-small``.
        :raises JuntoError: where no endpoint gave an answer; see `junto.errors`.
        """
        request = _embedding(self._options, input, model, extra_body, params)
        return CreateEmbeddingResponse(loads(self._native.ask("embed", request, *self._options.call(timeout, extra_headers))))


class AsyncEmbeddings(_Calls):
    """``client.embeddings`` of `AsyncJunto`."""

    async def create(
        self,
        *,
        input: Any,
        model: str,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> CreateEmbeddingResponse:
        """As `Embeddings.create`."""
        request = _embedding(self._options, input, model, extra_body, params)
        return CreateEmbeddingResponse(loads(await self._native.ask_async("embed", request, *self._options.call(timeout, extra_headers))))


def _query(available: bool, provider: Mapping[str, Any] | None, local: bool) -> str:
    return _text({"available": available, "provider": provider, "local": local})


def _model(native: _NativeClient, model: str) -> Model:
    return Model(loads(native.model(model)))


def _endpoints(native: _NativeClient, model: str) -> ModelEndpoints:
    return ModelEndpoints(loads(native.endpoints(model))["data"])


class Models(_Calls):
    """``client.models``: what the catalog has, and how its endpoints fared here."""

    def list(self, *, available: bool = False, provider: Mapping[str, Any] | None = None, local: bool = False) -> ModelList:
        """The models that there are.

        :param available: only those that this client can use, with its keys and preferences.
        :param provider: preferences; only the models that they allow.
        :param local: also what local servers such as Ollama have; they are asked.
        """
        return ModelList(loads(self._native.ask("models", _query(available, provider, local))))

    def retrieve(self, model: str) -> Model:
        """One model.

        :raises ModelNotFoundError: where the catalog has no such model; the message names the nearest ones.
        """
        return _model(self._native, model)

    def endpoints(self, model: str) -> ModelEndpoints:
        """A model with everyone who serves it: prices, limits, policies, and what was measured here."""
        return _endpoints(self._native, model)


class AsyncModels(_Calls):
    """``client.models`` of `AsyncJunto`."""

    async def list(self, *, available: bool = False, provider: Mapping[str, Any] | None = None, local: bool = False) -> ModelList:
        """As `Models.list`."""
        return ModelList(loads(await self._native.ask_async("models", _query(available, provider, local))))

    async def retrieve(self, model: str) -> Model:
        """As `Models.retrieve`."""
        return _model(self._native, model)

    async def endpoints(self, model: str) -> ModelEndpoints:
        """As `Models.endpoints`."""
        return _endpoints(self._native, model)


class _Closed:
    """Stands where a closed client had its connections."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("the client is closed")


class _Own:
    """What a client was given that is not text."""

    __slots__ = ("on_attempt", "on_response", "script")

    def __init__(self, script: _NativeScript | None, on_attempt: Hook | None, on_response: Hook | None) -> None:
        self.script = script
        self.on_attempt = on_attempt
        self.on_response = on_response


class Base:
    """What both clients share: configuration and planning, neither of which waits for anything."""

    _native: _NativeClient
    _options: _Options
    _config: dict[str, Any]
    _own: _Own

    def __init__(
        self,
        *,
        api_key: Key | None = None,
        providers: Mapping[str, Any] | None = None,
        preferences: Mapping[str, Any] | None = None,
        timeout: float | None = None,
        seed: int | None = None,
        search: SearchEngine | Search | Sequence[SearchEngine | Search] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        on_attempt: Callable[[Attempt], Any] | None = None,
        on_response: Callable[[Summary], Any] | None = None,
        transport: Script | None = None,
        **config: Any,
    ) -> None:
        """Keys come from the environment by the names the vendors document, unless they are given here.

        :param api_key: a key of the hosted router, ``sk-junto-...``.
        :param providers: settings by provider: ``{"anthropic": {"api_key": "...", "base_url": "..."}}``; a new name adds a provider.
            ``api_key`` may be a function that gives the key, and is asked before each attempt; ``access_token`` one that gives
            a bearer token, such as Azure's. With `AsyncJunto` it may be a coroutine function.
        :param preferences: the `provider` object of every request that has none of its own.
        :param timeout: seconds until an answer, or until a stream begins.
        :param seed: makes the choice of endpoints repeatable.
        :param search: who searches the web for ``:online`` where a vendor does not: an engine,
            ``{"engine": "exa", "api_key": "..."}``, a function of your own ``(query, max_results) -> [{"url", "title", "content"}]``
            (which a request's `web` plugin calls ``custom``; or ``{"engine": "docs", "source": function}``), or a list of them.
        :param extra_headers: headers of every request to a vendor.
        :param extra_body: fields of every request.
        :param on_attempt: called with every `Attempt` when it has ended.
        :param on_response: called with the `Summary` of every call that has ended: with an answer, with a stream read to its
            end, with an error, or because the caller left. Hooks run on threads of junto's, so they should be quick; what
            they raise is logged, and the call goes on.
        :param transport: a `junto.testing.Script` that answers in place of the network.
        :param config: more settings: ``budget``, ``{"limit": 5.0, "period": "day"}`` in US dollars; ``health``, an export to start
            with; ``first_content_timeout``, ``idle_timeout``, ``max_retries``; and ``env``, false to leave the
            environment alone or a dict in its place; an unknown one is an error that names it.
        """
        if api_key is not None:
            providers = {**(providers or {}), "junto": {**((providers or {}).get("junto") or {}), "api_key": api_key}}
        given = {"providers": providers, "preferences": preferences, "seed": seed, "search": search, **config}
        settings = {name: value for name, value in given.items() if value is not None}
        own = _Own(transport._native if transport is not None else None, hook("on_attempt", on_attempt), hook("on_response", on_response))
        self._open(settings, _Options(timeout, extra_headers, extra_body), own, None)

    def _open(self, config: dict[str, Any], options: _Options, own: _Own, native: _NativeClient | None) -> None:
        options.call(None, None)
        self._config = config
        self._options = options
        self._own = own
        self._native = native or self._build()
        self._attach()

    def _build(self) -> _NativeClient:
        config, callbacks = taken(self._config)
        return _NativeClient(_text(config), self._own.script, self._own.on_attempt, self._own.on_response, callbacks)

    def _attach(self) -> None:
        raise NotImplementedError

    def with_options(
        self: _Client,
        *,
        timeout: float | None = None,
        extra_headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> _Client:
        """Another client with these settings changed. Where only `timeout`, `extra_headers` or `extra_body` change, both
        share their connections and what they learnt about the vendors."""
        options = self._options.changed(timeout, extra_headers, extra_body)
        other = type(self).__new__(type(self))
        other._open({**self._config, **config}, options, self._own, None if config else self._native)
        return other

    def _close(self) -> None:
        # Every use of it raises.
        self._native = _Closed()  # type: ignore[assignment]
        self._attach()

    def explain(self, *, model: str | None = None, messages: Any = (), **params: Any) -> Plan:
        """Where a request would go and why, without sending anything."""
        plan, table = self._native.explain(_chat(self._options, messages, model, None, params))
        return Plan(loads(plan), table)

    def export_health(self) -> str:
        """What was measured in the last 5 minutes, as JSON for `import_health` or the ``health`` setting of another client."""
        return self._native.export_health()

    def import_health(self, health: str) -> None:
        """Starts with what another client exported; a mistake in it is a `BadRequestError` that names its path."""
        self._native.import_health(health)

    def spend(self) -> Spend:
        """What was spent since the client was made, and what its ``budget`` has left."""
        return Spend(loads(self._native.spend()))

    def __repr__(self) -> str:
        # Keys may be in the configuration: only names are shown.
        return f"{type(self).__name__}({', '.join(f'{name}=...' for name in self._config)})"

    def __getstate__(self) -> Any:
        raise TypeError(f"{type(self).__name__} holds keys and connections and cannot be pickled: make one in the other process")


class Junto(Base):
    """A router to every vendor. One client serves any number of threads; after a fork it goes on by itself."""

    chat: Chat
    embeddings: Embeddings
    models: Models

    def _attach(self) -> None:
        self.chat = Chat(self._native, self._options)
        self.embeddings = Embeddings(self._native, self._options)
        self.models = Models(self._native, self._options)

    def refresh_catalog(self, url: str) -> None:
        """Fetches a list of models and takes over what it says, for this client; your ``catalog_overlay`` stays on top.

        :param url: a list in junto's own form, models.dev's ``api.json``, LiteLLM's price list, or an answer of OpenRouter's
            ``/models``.
        :raises JuntoError: where it cannot be fetched or read; the catalog stays as it was.
        """
        self._native.ask("refresh_catalog", url)

    def __enter__(self) -> Junto:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the connections: later calls raise."""
        self._close()


class AsyncJunto(Base):
    """As `Junto`, for asyncio. One client serves any number of event loops."""

    chat: AsyncChat
    embeddings: AsyncEmbeddings
    models: AsyncModels

    def _attach(self) -> None:
        self.chat = AsyncChat(self._native, self._options)
        self.embeddings = AsyncEmbeddings(self._native, self._options)
        self.models = AsyncModels(self._native, self._options)

    async def refresh_catalog(self, url: str) -> None:
        """As `Junto.refresh_catalog`."""
        await self._native.ask_async("refresh_catalog", url)

    async def __aenter__(self) -> AsyncJunto:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def close(self) -> None:
        """Lets go of the connections: later calls raise."""
        self._close()


def parse_slug(slug: str) -> Slug:
    """The parts of a model slug. Which models there are is for the catalog to say.

    :raises BadRequestError: where it is not one.
    """
    return Slug(loads(_native_parse_slug(slug)))
