"""Functions of the caller's that junto waits for: keys and searches."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Callable

import pytest
from conftest import ASK
from vendor import Vendor
from watch import Watch

from junto import APITimeoutError, AsyncJunto, AuthenticationError, InternalServerError, Junto
from junto.testing import Script


def asked(function: Callable[[], Any], field: str = "api_key") -> dict[str, Any]:
    return {"env": False, "max_retries": 0, "providers": {"openai": {field: function}}}


def test_a_key_is_asked_for_before_each_attempt(vendor: Vendor, watch: Watch) -> None:
    given = [f"sk-test-{at}" for at in range(9)]
    watch.keys.update(given)
    keys = iter(given)
    config = {**asked(lambda: next(keys)), "max_retries": 1}
    config["providers"]["openai"]["base_url"] = vendor.base_url
    client = Junto(**config)
    client.chat.completions.create(model="openai/plain", messages=ASK)
    list(client.with_options(timeout=5).chat.completions.create(model="openai/count-1", messages=ASK, stream=True))
    with pytest.raises(AuthenticationError):
        client.chat.completions.create(model="openai/status-401", messages=ASK)
    assert [request["headers"]["authorization"] for request in vendor.requests] == [f"Bearer sk-test-{at}" for at in range(3)]
    assert "sk-test" not in repr(client)


def test_azure_gets_the_token_as_a_bearer(watch: Watch) -> None:
    watch.keys.add("token-of-azure")
    token = {"azure": {"access_token": lambda: "token-of-azure", "base_url": "https://me.openai.azure.com", "deployments": {"gpt-4o": "mine"}}}
    script = Script().answer("Hello!")
    client = Junto(transport=script, env=False, providers=token)
    client.chat.completions.create(model="openai/gpt-4o", messages=ASK, provider={"only": ["azure"]})
    headers = script.requests[0]["headers"]
    assert "authorization" in headers and "api-key" not in headers


def test_a_function_may_take_its_time_and_the_others_go_on() -> None:
    gate = threading.Barrier(3)

    def key() -> str:
        gate.wait(10)
        return "k"

    async def main() -> None:
        client = AsyncJunto(transport=Script().answer("Hello!", repeat=True), **asked(key))
        await asyncio.gather(*(client.chat.completions.create(model="openai/m", messages=ASK) for _ in range(3)))

    asyncio.run(main())


def test_what_is_awaited_is_awaited_in_the_loop_of_the_call() -> None:
    loops: list[Any] = []

    async def key() -> str:
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())
        return "k"

    async def main() -> list[Any]:
        client = AsyncJunto(transport=Script().answer("Hello!").stream(["a", "b"]), **asked(key))
        await client.chat.completions.create(model="openai/m", messages=ASK)
        async with await client.chat.completions.create(model="openai/m", messages=ASK, stream=True) as stream:
            assert [chunk async for chunk in stream]
        return [asyncio.get_running_loop()] * 2

    assert asyncio.run(main()) == loops


async def _awaitable() -> str:
    return "k"


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: 1 / 0, "providers.openai.api_key: ZeroDivisionError: division by zero"),
        (lambda: b"sk-test-secret", "providers.openai.api_key: TypeError: a key is a string, not bytes"),
        (lambda: " ", "providers.openai.api_key: ValueError: the key is empty"),
        (_awaitable, "providers.openai.api_key: TypeError: it gave an awaitable, and only AsyncJunto awaits"),
    ],
)
def test_a_function_that_gives_no_key_is_an_authentication_error(function: Callable[[], Any], says: str) -> None:
    script = Script()
    with pytest.raises(AuthenticationError) as caught:
        Junto(transport=script, **asked(function)).chat.completions.create(model="openai/m", messages=ASK)
    assert caught.value.message == f"openai: {says}" or caught.value.message == says
    assert not script.requests and "sk-test-secret" not in f"{caught.value.body}"


def test_the_next_provider_takes_over_where_there_is_no_key() -> None:
    providers = {"groq": {"api_key": lambda: 1 / 0}, "openai": {"api_key": "k"}}
    client = Junto(transport=Script().answer("Hello!"), env=False, providers=providers)
    r = client.chat.completions.create(model="groq/m", models=["openai/m"], messages=ASK)
    assert r.routing is not None
    assert [(each.provider, each.error and each.error.kind) for each in r.routing.attempts] == [("groq", "Authentication"), ("openai", None)]


def test_a_key_that_does_not_come_is_a_timeout() -> None:
    event = threading.Event()
    client = Junto(transport=Script(real_time=True), **asked(lambda: (event.wait(10), "k")[1]))
    with pytest.raises(APITimeoutError):
        client.chat.completions.create(model="openai/m", messages=ASK, timeout=0.1)
    event.set()


PAGE = {"url": "https://example.com/sky", "title": "The sky", "content": "It is blue.", "brand_new": 1}


def online(search: Any, script: Script, **params: Any) -> Any:
    client = Junto(transport=script, env=False, providers={"groq": {"api_key": "k"}}, search=search)
    return client.chat.completions.create(model="groq/m:online", messages=ASK, **params)


def test_a_search_of_ones_own() -> None:
    questions: list[tuple[str, int]] = []

    def search(query: str, max_results: int) -> list[dict[str, Any]]:
        questions.append((query, max_results))
        return [PAGE]

    script = Script().answer("Blue.", repeat=True)
    r = online(search, script)
    assert questions == [("Hello!", 5)] and "It is blue." in str(script.requests[0]["body"]["messages"])
    assert [attempt.provider for attempt in r.routing.attempts] == ["custom", "groq"]
    named = [{"engine": "exa", "api_key": "k"}, {"engine": "docs", "source": search, "max_results": 2}]
    online(named, script, plugins=[{"id": "web", "engine": "docs"}])
    assert questions[1:] == [("Hello!", 2)]


def test_a_search_that_limits_its_domains() -> None:
    given: dict[str, Any] = {}

    def search(query: str, max_results: int, **domains: Any) -> list[dict[str, Any]]:
        given.update(domains)
        return [PAGE]

    limits = [{"id": "web", "include_domains": ["example.com"]}]
    online(search, Script().answer("Blue."), plugins=limits)
    assert given == {"include_domains": ["example.com"]}
    with pytest.raises(InternalServerError, match="include_domains"):
        online(lambda query, max_results: [PAGE], Script(), plugins=limits)


@pytest.mark.parametrize(
    ("search", "says"),
    [
        (lambda query, most: 1 / 0, "search custom: ZeroDivisionError"),
        (lambda query, most: [{"title": "no url"}], "a list of {url, title, content}"),
        (lambda query, most: None, "search custom: TypeError"),
    ],
)
def test_a_search_that_fails_says_so(search: Any, says: str) -> None:
    with pytest.raises(Exception, match=says):
        online(search, Script().answer("Blue."))


def test_a_search_source_must_be_callable() -> None:
    with pytest.raises(TypeError, match="search.source must be callable, not str"):
        Junto(search={"engine": "docs", "source": "https://docs.test"})  # type: ignore[typeddict-item]


LIST = {"openai": {"models": {"gpt-99": {"cost": {"input": 1, "output": 2}, "limit": {"context": 1000000, "output": 0}}}}}


def test_the_catalog_is_refreshed() -> None:
    script = Script().respond(200, LIST, repeat=True)
    client = Junto(transport=script, env=False)
    client.refresh_catalog("https://models.test/api.json")
    assert client.models.retrieve("openai/gpt-99").context_length == 1_000_000

    async def main() -> None:
        client = AsyncJunto(transport=script, env=False)
        await client.refresh_catalog("https://models.test/api.json")
        assert (await client.models.retrieve("openai/gpt-99")).id == "openai/gpt-99"

    asyncio.run(main())
    with pytest.raises(Exception, match="expected http:// or https://"):
        client.refresh_catalog("ftp://models.test")
