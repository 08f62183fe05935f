"""pydantic-ai, LangChain, OpenAI's agents and instructor through `junto.openai`, with the simulator's vendors behind it:
a plain call, a stream, a tool call and an error, on an Anthropic, a Gemini and an OpenAI upstream."""

from __future__ import annotations

import asyncio
import importlib.metadata
from typing import Any, Iterator

import pytest

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.filterwarnings("default")

from simulator import MODELS, Simulator

import junto.openai
from junto import AsyncJunto, Junto
from junto.openai import AsyncOpenAI, OpenAI



@pytest.fixture(scope="module")
def config() -> Iterator[dict[str, Any]]:
    simulator = Simulator()
    yield simulator.config
    simulator.close()


@pytest.fixture(autouse=True)
def installed(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    """Each framework is installed in a folder of its own, so each run has one of them."""
    package = PACKAGES[request.node.originalname]
    try:
        version = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{package} is not installed here")
    with capsys.disabled():
        print(f"\n{package} {version} on openai {openai.__version__}: {request.node.name} ", end="")


PACKAGES = {
    "test_pydantic_ai": "pydantic-ai-slim",
    "test_langchain": "langchain-openai",
    "test_openai_agents": "openai-agents",
    "test_instructor": "instructor",
}


@pytest.mark.parametrize("model", MODELS)
def test_pydantic_ai(config: dict[str, Any], model: str) -> None:
    from pydantic_ai import Agent
    from pydantic_ai.exceptions import ModelHTTPError
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    asked: list[str] = []

    def get_weather(city: str, days: int) -> str:
        """The weather."""
        asked.append(city)
        return "21 degrees"

    async def main() -> None:
        provider = OpenAIProvider(openai_client=AsyncOpenAI(junto=AsyncJunto(**config)))

        def agent(name: str, **more: Any) -> Any:
            return Agent(OpenAIChatModel(name, provider=provider), **more)

        assert "Rayleigh" in (await agent(model).run("Hello!")).output
        async with agent(model).run_stream("Hello!") as streamed:
            assert "Rayleigh" in "".join([piece async for piece in streamed.stream_text(delta=True, debounce_by=None)])
        assert "Rayleigh" in (await agent(f"{model}@tools", tools=[get_weather]).run("Weather?")).output
        with pytest.raises(ModelHTTPError) as caught:
            await agent(f"{model}@status=401").run("Hello!")
        assert caught.value.status_code == 401

    asyncio.run(main())
    assert asked == ["Oslo"]


@pytest.mark.parametrize("model", MODELS)
def test_langchain(config: dict[str, Any], model: str) -> None:
    from langchain_openai import ChatOpenAI

    sync, asynchronous = junto.openai.http_client(Junto(**config)), junto.openai.async_http_client(AsyncJunto(**config))

    def chat(name: str) -> Any:
        return ChatOpenAI(
            model=name, api_key="unused", base_url="http://junto.local/v1", max_retries=0, http_client=sync, http_async_client=asynchronous
        )

    assert "Rayleigh" in chat(model).invoke("Hello!").content
    assert "Rayleigh" in "".join(str(chunk.content) for chunk in chat(model).stream("Hello!"))

    async def main() -> str:
        return "".join([str(chunk.content) async for chunk in chat(model).astream("Hello!")])

    assert "Rayleigh" in asyncio.run(main())
    parameters = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "get_weather", "description": "The weather", "parameters": parameters}}
    calls = chat(f"{model}@tools").bind_tools([tool]).invoke("Weather?").tool_calls
    assert [(call["name"], call["args"]["city"]) for call in calls] == [("get_weather", "Oslo")]
    with pytest.raises(openai.AuthenticationError):
        chat(f"{model}@status=401").invoke("Hello!")


@pytest.mark.parametrize("model", MODELS)
def test_openai_agents(config: dict[str, Any], model: str) -> None:
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool, set_tracing_disabled

    set_tracing_disabled(True)
    asked: list[str] = []

    @function_tool
    def get_weather(city: str, days: int) -> str:
        """The weather."""
        asked.append(city)
        return "21 degrees"

    async def main() -> None:
        client = AsyncOpenAI(junto=AsyncJunto(**config))

        def agent(name: str, **more: Any) -> Any:
            return Agent(name="Forecaster", instructions="Be brief.", model=OpenAIChatCompletionsModel(name, openai_client=client), **more)

        assert "Rayleigh" in (await Runner.run(agent(model), "Hello!")).final_output
        streamed = Runner.run_streamed(agent(f"{model}@tools", tools=[get_weather]), "Weather?")
        events = [event async for event in streamed.stream_events()]
        assert len(events) > 3 and "Rayleigh" in streamed.final_output
        assert "Rayleigh" in (await Runner.run(agent(f"{model}@tools", tools=[get_weather]), "Weather?")).final_output
        with pytest.raises(openai.AuthenticationError):
            await Runner.run(agent(f"{model}@status=401"), "Hello!")

    asyncio.run(main())
    assert asked == ["Oslo", "Oslo"]


@pytest.mark.parametrize("model", MODELS)
def test_instructor(config: dict[str, Any], model: str) -> None:
    import instructor
    from pydantic import BaseModel

    class Weather(BaseModel):
        city: str
        days: int

    ask = [{"role": "user", "content": "Weather?"}]
    client = instructor.from_openai(OpenAI(junto=Junto(**config)))
    weather = client.chat.completions.create(model=f"{model}@tools", messages=ask, response_model=Weather)
    assert weather.model_dump() == {"city": "Oslo", "days": 3}
    partial = list(client.chat.completions.create_partial(model=f"{model}@tools", messages=ask, response_model=Weather))
    assert partial[-1].city == "Oslo" and partial[-1].days == 3
    assert "Rayleigh" in client.chat.completions.create(model=model, messages=ask, response_model=None).choices[0].message.content
    with pytest.raises(Exception) as caught:
        client.chat.completions.create(model=f"{model}@status=401", messages=ask, response_model=Weather, max_retries=0)
    assert "401" in str(caught.value)
