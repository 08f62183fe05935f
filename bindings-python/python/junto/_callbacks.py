"""Functions of the caller's that junto waits for: keys, searches. Each question gets a thread of its own, so a function may
take its time. What it gives may be awaitable, and is then awaited in the event loop of the call."""

from __future__ import annotations

from ._json_text import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Any, Callable, Mapping

    Callback = Callable[[str, Any, Callable[..., None]], None]
    Callbacks = list[tuple[str, str, Callback]]

_CREDENTIALS = ("api_key", "access_token")


def taken(config: Mapping[str, Any]) -> tuple[dict[str, Any], Callbacks]:
    """The configuration without its functions, and the functions."""
    rest = dict(config)
    callbacks: Callbacks = []
    providers, search = config.get("providers"), config.get("search")
    if providers is not None and hasattr(providers, "items"):
        rest["providers"] = {slug: _provider(slug, given, callbacks) for slug, given in providers.items()}
    if isinstance(search, (list, tuple)):
        rest["search"] = [_engine(each, callbacks) for each in search]
    elif search is not None:
        rest["search"] = _engine(search, callbacks)
    return rest, callbacks


def _provider(slug: str, given: Any, callbacks: Callbacks) -> Any:
    functions = [field for field in _CREDENTIALS if hasattr(given, "items") and callable(given.get(field))]
    for field in functions:
        callbacks.append((field, slug, _callback(f"providers.{slug}.{field}", _without_question(given[field]), _key)))
    return {name: value for name, value in given.items() if name not in functions} if functions else given


def _without_question(function: Callable[[], Any]) -> Callable[[str], Any]:
    return lambda _: function()


def _engine(given: Any, callbacks: Callbacks) -> Any:
    if callable(given):
        given = {"engine": "custom", "source": given}
    if not hasattr(given, "items") or "source" not in given:
        return given
    name, source = given.get("engine", "custom"), given["source"]
    if not callable(source):
        raise TypeError(f"search.source must be callable, not {type(source).__name__}")

    def search(question: str) -> Any:
        asked = loads(question)
        # Only where the request limits them: a function that does not know domains fails rather than search everywhere.
        domains = {limit: asked[limit] for limit in ("include_domains", "exclude_domains") if asked[limit]}
        return source(asked["query"], asked["max_results"], **domains)

    callbacks.append(("search", name, _callback(f"search {name}", search, lambda found: dumps(list(found)))))
    return {**{field: value for field, value in given.items() if field != "source"}, "engine": name}


def _key(value: Any) -> str:
    # Whatever it is, it is not shown.
    if not isinstance(value, str):
        raise TypeError(f"a key is a string, not {type(value).__name__}")
    if not value.strip():
        raise ValueError("the key is empty")
    return value


def _callback(name: str, function: Callable[[str], Any], text: Callable[[Any], str]) -> Callback:
    """What the native module asks: with a question, the call's event loop if it has one, and where the answer goes."""

    def ask(question: str, event_loop: Any, reply: Callable[..., None]) -> None:
        from threading import Thread  # a function of the caller's is rare

        def give(result: Callable[[], Any]) -> None:
            try:
                value = result()
                if hasattr(value, "__await__"):
                    _later(value, event_loop).add_done_callback(lambda done: give(done.result))
                else:
                    reply(text(value))
            except BaseException as error:
                reply("", f"{name}: {type(error).__name__}: {error}")

        # One that Python knows: the interpreter waits for it before it exits.
        Thread(target=give, args=(lambda: function(question),), name="junto").start()

    return ask


def _later(value: Any, event_loop: Any) -> Future[Any]:
    if event_loop is None:
        # Else Python warns that nobody awaited it.
        getattr(value, "close", lambda: None)()
        raise TypeError("it gave an awaitable, and only AsyncJunto awaits")
    from asyncio import run_coroutine_threadsafe

    async def wait() -> Any:
        return await value

    return run_coroutine_threadsafe(wait(), event_loop)
