"""The official SDK through `junto.openai`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.filterwarnings("default")

from conftest import ASK
from vendor import Vendor

import junto.openai
from junto import AsyncJunto, Junto
from junto.openai import AsyncOpenAI, OpenAI
from junto.testing import Script


def scripted(script: Script) -> Any:
    return OpenAI(junto=Junto(transport=script, env=False, max_retries=0, providers={"openai": {"api_key": "sk-test-secret"}}))


@pytest.fixture
def sdk(vendor: Vendor) -> Any:
    return OpenAI(junto=Junto(**vendor.config))


def test_versions(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\nopenai {openai.__version__} on {junto.openai._library().__name__}")


def test_a_plain_call(sdk: Any, vendor: Vendor) -> None:
    r = sdk.chat.completions.create(model="openai/plain", messages=ASK)
    assert isinstance(r, openai.types.chat.ChatCompletion)
    assert r.choices[0].message.content == "Hello!" and r.usage.total_tokens == 5 and r.routing["endpoint"] == "openai"
    assert r._request_id.startswith("junto-") and len(vendor.requests) == 1


def test_a_raw_response(sdk: Any) -> None:
    raw = sdk.chat.completions.with_raw_response.create(model="openai/plain", messages=ASK)
    assert raw.status_code == 200 and raw.headers["x-request-id"] and raw.parse().choices[0].message.content == "Hello!"


def test_a_stream(sdk: Any) -> None:
    chunks = list(sdk.chat.completions.create(model="openai/count-20", messages=ASK, stream=True))
    assert "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices) == "".join(f"piece {at} " for at in range(20))


def test_leaving_a_stream_reaches_the_vendor(sdk: Any, vendor: Vendor) -> None:
    with sdk.chat.completions.create(model="openai/endless", messages=ASK, stream=True) as stream:
        next(iter(stream))
    assert vendor.wait(left=1) < 0.5


def test_a_tool_call() -> None:
    script = Script().answer(tool_calls=[{"name": "weather", "arguments": {"city": "Bern"}}])
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    r = scripted(script).chat.completions.create(model="openai/m", messages=ASK, tools=[tool])
    assert r.choices[0].message.tool_calls[0].function.arguments == '{"city": "Bern"}'
    assert script.requests[0]["body"]["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequestError"), (401, "AuthenticationError"), (404, "NotFoundError"), (429, "RateLimitError"), (503, "InternalServerError")],
)
def test_errors_are_the_sdks_and_are_not_retried_by_it(status: int, name: str) -> None:
    script = Script().error(status, "the vendor's own words", retry_after=7, repeat=True)
    with pytest.raises(getattr(openai, name), match="the vendor's own words") as caught:
        scripted(script).with_options(max_retries=5).chat.completions.create(model="openai/m", messages=ASK)
    assert caught.value.body["metadata"]["attempts"][0]["status"] == status and caught.value.request_id
    if status == 429:
        assert caught.value.response.headers["retry-after"] == "7"
    assert len(script.requests) == 1


def test_the_sdks_timeout_is_the_sdks_error(sdk: Any, vendor: Vendor) -> None:
    began = time.monotonic()
    with pytest.raises(openai.APITimeoutError):
        sdk.with_options(timeout=0.2).chat.completions.create(model="openai/hang", messages=ASK)
    assert time.monotonic() - began < 2
    vendor.wait(left=1, timeout=1)


def test_what_junto_does_not_serve_is_a_clear_404(sdk: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="junto does not serve POST /v1/moderations"):
        sdk.moderations.create(input="x")


def test_any_sdk_client_takes_the_http_client(vendor: Vendor) -> None:
    plain = openai.OpenAI(api_key="unused", http_client=junto.openai.http_client(Junto(**vendor.config)))
    assert plain.chat.completions.create(model="openai/plain", messages=ASK).choices[0].message.content == "Hello!"


def test_async_calls_streams_and_cancellation(vendor: Vendor) -> None:
    async def main() -> None:
        sdk = AsyncOpenAI(junto=AsyncJunto(**vendor.config))
        r = await sdk.chat.completions.create(model="openai/plain", messages=ASK)
        assert r.choices[0].message.content == "Hello!"
        stream = await sdk.chat.completions.create(model="openai/count-5", messages=ASK, stream=True)
        assert len([chunk async for chunk in stream if chunk.choices and chunk.choices[0].delta.content]) == 5
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(sdk.chat.completions.create(model="openai/hang", messages=ASK), 0.2)
        await asyncio.to_thread(vendor.wait, left=1)

    asyncio.run(main())


def test_a_broken_stream_is_an_api_error() -> None:
    stream = scripted(Script().stream(["one ", "two"], break_off=True)).chat.completions.create(model="openai/m", messages=ASK, stream=True)
    text = ""
    with pytest.raises(openai.APIError):
        for chunk in stream:
            text += chunk.choices[0].delta.content or ""
    assert text == "one two"


def test_embeddings() -> None:
    vectors = [{"object": "embedding", "index": at, "embedding": [at, 0.5]} for at in range(2)]
    usage = {"prompt_tokens": 4, "total_tokens": 4}
    script = Script().respond(200, {"object": "list", "model": "m", "data": vectors, "usage": usage}, repeat=True)
    sdk = scripted(script)
    for more in ({}, {"encoding_format": "float"}):
        r = sdk.embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"], **more)
        assert [each.embedding for each in r.data] == [[0, 0.5], [1, 0.5]] and r.usage.prompt_tokens == 4


def test_models(sdk: Any) -> None:
    models = list(sdk.models.list())
    assert len(models) > 20 and any(model.id == "openai/gpt-4o" for model in models)
    assert sdk.models.retrieve("openai/gpt-4o").owned_by == "openai"
    with pytest.raises(openai.NotFoundError, match="gpt-4o"):
        sdk.models.retrieve("openai/gpt-4p")


def test_responses(sdk: Any, vendor: Vendor) -> None:
    r = sdk.responses.create(model="openai/plain", input="Hello!", instructions="Be brief.")
    assert r.output_text == "Hello!" and r.status == "completed" and r.usage.input_tokens == 3
    assert [message["role"] for message in vendor.requests[0]["body"]["messages"]] == ["system", "user"]
    events = list(sdk.responses.create(model="openai/count-20", input="Hello!", stream=True))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == events[-1].response.output_text == "".join(f"piece {at} " for at in range(20))


def test_responses_in_asyncio(vendor: Vendor) -> None:
    async def main() -> None:
        sdk = AsyncOpenAI(junto=AsyncJunto(**vendor.config))
        assert (await sdk.responses.create(model="openai/plain", input="Hello!")).output_text == "Hello!"
        stream = await sdk.responses.create(model="openai/endless", input="Hello!", stream=True)
        async for event in stream:
            if event.type == "response.output_text.delta":
                break
        await stream.close()
        await asyncio.to_thread(vendor.wait, left=1)

    asyncio.run(main())


def test_what_needs_a_servers_memory_is_a_clear_error(sdk: Any) -> None:
    with pytest.raises(openai.UnprocessableEntityError, match="previous_response_id"):
        sdk.responses.create(model="openai/plain", input="Hello!", previous_response_id="resp_1")
    with pytest.raises(openai.NotFoundError, match="junto keeps no responses"):
        sdk.responses.retrieve("resp_1")


def test_the_callers_headers_reach_the_vendor_and_the_sdks_own_do_not(sdk: Any, vendor: Vendor) -> None:
    sdk.chat.completions.create(model="openai/plain", messages=ASK, extra_headers={"X-Trace": "7"})
    sent = {name.lower(): value for name, value in vendor.requests[0]["headers"].items()}
    assert sent["x-trace"] == "7" and sent["authorization"] == "Bearer sk-test-secret"
    assert not any(name.startswith("x-stainless") for name in sent)
