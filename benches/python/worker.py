"""One client doing one task, in a process of its own: prints the CPU microseconds (all threads, user and system) per piece
of work. `bench.py` runs it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Awaitable, Callable

ASK = [{"role": "user", "content": "What is the airspeed velocity of an unladen swallow?"}]
Call = Callable[[str], Awaitable[int]]


async def aiohttp_client(url: str) -> tuple[Call, Call, Call | None]:
    import aiohttp

    session = aiohttp.ClientSession(headers={"authorization": "Bearer sk-bench"})

    async def call(model: str) -> int:
        async with session.post(f"{url}/groq/chat/completions", json={"model": model, "messages": ASK}) as response:
            answer = json.loads(await response.read())
            return len(answer["choices"][0]["message"]["content"])

    async def stream(model: str) -> int:
        pieces = 0
        async with session.post(f"{url}/groq/chat/completions", json={"model": model, "messages": ASK, "stream": True}) as response:
            async for line in response.content:
                if line.startswith(b"data: ") and not line.startswith(b"data: [DONE]"):
                    choices = json.loads(line[6:])["choices"]
                    if choices and choices[0]["delta"].get("content"):
                        pieces += 1
        return pieces

    async def fallback(model: str) -> int:
        async with session.post(f"{url}/together/chat/completions", json={"model": "m@status=400", "messages": ASK}) as response:
            json.loads(await response.read())
            assert response.status == 400
        return await call(model)

    return call, stream, fallback


async def junto_client(url: str) -> tuple[Call, Call, Call | None]:
    from junto import AsyncJunto

    providers = {name: {"api_key": "sk-bench", "base_url": f"{url}/{name}"} for name in ("groq", "together")}
    client = AsyncJunto(env=False, providers=providers)
    create = client.chat.completions.create

    async def call(model: str) -> int:
        answer = await create(model=f"groq/{model}", messages=ASK)
        return len(answer.choices[0].message.content)

    async def stream(model: str) -> int:
        pieces = 0
        async for chunk in await create(model=f"groq/{model}", messages=ASK, stream=True):
            choices = chunk.choices
            if choices and choices[0].delta.content:
                pieces += 1
        return pieces

    async def fallback(model: str) -> int:
        answer = await create(model="together/m@status=400", models=[f"groq/{model}"], messages=ASK)
        assert len(answer.routing.attempts) == 2
        return len(answer.choices[0].message.content)

    return call, stream, fallback


async def openai_client(url: str) -> tuple[Call, Call, Call | None]:
    from openai import AsyncOpenAI

    create = AsyncOpenAI(api_key="sk-bench", base_url=f"{url}/groq", max_retries=0).chat.completions.create

    async def call(model: str) -> int:
        return len((await create(model=model, messages=ASK)).choices[0].message.content)

    async def stream(model: str) -> int:
        pieces = 0
        async for chunk in await create(model=model, messages=ASK, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                pieces += 1
        return pieces

    return call, stream, None


async def litellm_client(url: str) -> tuple[Call, Call, Call | None]:
    import litellm

    async def create(model: str, **more: Any) -> Any:
        return await litellm.acompletion(model=f"openai/{model}", messages=ASK, api_base=f"{url}/groq", api_key="sk-bench", max_retries=0, **more)

    async def call(model: str) -> int:
        return len((await create(model)).choices[0].message.content)

    async def stream(model: str) -> int:
        pieces = 0
        async for chunk in await create(model, stream=True):
            if chunk.choices and chunk.choices[0].delta.content:
                pieces += 1
        return pieces

    return call, stream, None


CLIENTS = {"aiohttp": aiohttp_client, "junto": junto_client, "openai": openai_client, "litellm": litellm_client}


async def main(name: str, task: str, url: str, count: int) -> None:
    call, stream, fallback = await CLIENTS[name](url)
    if task == "call":
        assert await call("m") > 0
        for _ in range(min(count, 50)):
            await call("m")
        began = time.process_time_ns()
        for _ in range(count):
            await call("m")
    elif task == "calls":
        await asyncio.gather(*(call("m") for _ in range(32)))
        began = time.process_time_ns()
        for _ in range(count // 32):
            await asyncio.gather(*(call("m") for _ in range(32)))
        count = count // 32 * 32
    elif task == "fallback":
        assert fallback is not None
        for _ in range(min(count, 50)):
            await fallback("m")
        began = time.process_time_ns()
        for _ in range(count):
            await fallback("m")
    elif task == "flood":
        assert await stream("m@chunks=1000") == 1000
        began = time.process_time_ns()
        for _ in range(count // 1000):
            await stream("m@chunks=1000")
    else:
        assert await stream("m@chunks=5,tps=100") == 5
        began = time.process_time_ns()
        pieces = await stream(f"m@chunks={count},tps=100")
        assert pieces == count
    print((time.process_time_ns() - began) / count / 1000)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
