"""The same in asyncio: many calls at once, a stream, and a limit that reaches the vendor."""

import asyncio
import os

from junto import AsyncJunto

MODEL = os.environ.get("MODEL", "anthropic/claude-haiku-4-5")
ASK = [{"role": "user", "content": "Why is the sky blue?"}]


async def main() -> None:
    async with AsyncJunto() as client:
        models = [MODEL, "openai/gpt-4o"]
        answers = await asyncio.gather(*(client.chat.completions.create(model=model, messages=ASK) for model in models))
        for answer in answers:
            print(answer.provider, answer.choices[0].message.content)

        # A task that is cancelled, as here by a timeout, closes its connection.
        async def read() -> None:
            async for chunk in await client.chat.completions.create(model=MODEL, messages=ASK, stream=True):
                print(chunk.choices[0].delta.content or "" if chunk.choices else "", end="", flush=True)

        await asyncio.wait_for(read(), timeout=30)
        print()


asyncio.run(main())
