"""Streams: every chunk, in order; left early, the vendor hears of it."""

from __future__ import annotations

import asyncio
import gc
import sys
import time

import pytest
from conftest import ASK
from vendor import Vendor

from junto import APIError, AsyncJunto, Junto
from junto.testing import Script


def test_chunks_come_whole_and_in_order(client: Junto) -> None:
    chunks = list(client.chat.completions.create(model="openai/count-50", messages=ASK, stream=True))
    text = "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)
    assert text == "".join(f"piece {at} " for at in range(50))
    assert len({chunk.id for chunk in chunks}) == 1 and {chunk.provider for chunk in chunks} == {"openai"}
    assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 5
    assert chunks[-1].routing is not None and chunks[-1].routing.attempts[-1].status == 200


def test_async_chunks_are_the_same(client: Junto, vendor: Vendor) -> None:
    async def texts() -> list[str]:
        stream = await AsyncJunto(**vendor.config).chat.completions.create(model="openai/count-50", messages=ASK, stream=True)
        return [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]

    stream = client.chat.completions.create(model="openai/count-50", messages=ASK, stream=True)
    assert "".join(asyncio.run(texts())) == "".join(choice.delta.content or "" for chunk in stream for choice in chunk.choices)


@pytest.mark.parametrize("leave", ["break", "close", "with", "drop", "raise"])
def test_leaving_a_stream_closes_the_connection(client: Junto, vendor: Vendor, leave: str) -> None:
    stream = client.chat.completions.create(model="openai/endless", messages=ASK, stream=True)
    assert next(stream).choices[0].delta.content == "piece 0 "
    if leave == "break":
        for chunk in stream:
            break
    elif leave == "close":
        stream.close()
    elif leave == "with":
        with stream:
            pass
    elif leave == "drop":
        del stream
        gc.collect()
    else:
        with pytest.raises(ZeroDivisionError):
            for chunk in stream:
                1 / 0
    assert vendor.wait(left=1) < 0.5


@pytest.mark.parametrize("leave", ["break", "close", "with", "cancel", "timeout"])
def test_leaving_an_async_stream_closes_the_connection(vendor: Vendor, leave: str) -> None:
    async def read(stream: object) -> None:
        async for _ in stream:  # type: ignore[attr-defined]
            pass

    async def main() -> None:
        client = AsyncJunto(**vendor.config)
        stream = await client.chat.completions.create(model="openai/endless", messages=ASK, stream=True)
        assert (await stream.__anext__()).choices[0].delta.content == "piece 0 "
        if leave == "break":
            async for _ in stream:
                break
        elif leave == "close":
            await stream.close()
        elif leave == "with":
            async with stream:
                pass
        elif leave == "cancel":
            task = asyncio.ensure_future(read(stream))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(read(stream), 0.1)
        assert await asyncio.to_thread(vendor.wait, left=1) < 0.5

    asyncio.run(main())


def test_a_closed_stream_is_at_its_end(client: Junto) -> None:
    stream = client.chat.completions.create(model="openai/endless", messages=ASK, stream=True)
    next(stream)
    stream.close()
    assert list(stream) == []


def test_a_broken_stream_gives_its_chunks_and_then_the_error() -> None:
    script = Script().stream(["one ", "two"], break_off=True)
    client = Junto(transport=script, env=False, max_retries=0, providers={"openai": {"api_key": "k"}})
    text = ""
    finish: list[str | None] = []
    with pytest.raises(APIError):
        for chunk in client.chat.completions.create(model="openai/m", messages=ASK, stream=True):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            finish += [choice.finish_reason for choice in chunk.choices]
    assert text == "one two" and finish[-1] == "error"


def test_an_error_before_the_first_chunk_is_raised_by_create() -> None:
    client = Junto(transport=Script().error(401, "bad key", repeat=True), env=False, providers={"openai": {"api_key": "k"}})
    with pytest.raises(APIError, match="bad key"):
        client.chat.completions.create(model="openai/m", messages=ASK, stream=True)


def test_two_hundred_streams_left_early_leave_nothing_open(vendor: Vendor) -> None:
    async def main() -> None:
        client = AsyncJunto(**vendor.config)

        async def leave() -> None:
            stream = await client.chat.completions.create(model="openai/endless", messages=ASK, stream=True)
            await stream.__anext__()
            await stream.close()

        for _ in range(20):
            await asyncio.gather(*(leave() for _ in range(10)))
        await asyncio.to_thread(vendor.wait, left=200)

    asyncio.run(main())


@pytest.mark.parametrize("way", ["cancel", "timeout", "close", "sync close"])
def test_the_vendors_connection_is_closed_within_a_tenth_of_a_second(vendor: Vendor, way: str) -> None:
    async def leave(client: AsyncJunto) -> None:
        stream = await client.chat.completions.create(model="openai/endless", messages=ASK, stream=True)

        async def read() -> None:
            async for _ in stream:
                pass

        if way == "cancel":
            task = asyncio.ensure_future(read())
            await asyncio.sleep(0.03)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        elif way == "timeout":
            with pytest.raises(asyncio.TimeoutError):
                if sys.version_info >= (3, 11):
                    async with asyncio.timeout(0.03):
                        await read()
                else:
                    await asyncio.wait_for(read(), 0.03)
        else:
            await stream.close()

    def leave_sync(client: Junto) -> None:
        client.chat.completions.create(model="openai/endless", messages=ASK, stream=True).close()

    times = []
    for at in range(5):
        asyncio.run(leave(AsyncJunto(**vendor.config))) if way != "sync close" else leave_sync(Junto(**vendor.config))
        times.append(vendor.wait(left=at + 1))
    # The vendor looks every 5 ms; the median, because the machine may be busy.
    assert sorted(times)[2] < 0.1, times


def test_two_tasks_share_a_stream(vendor: Vendor) -> None:
    async def main() -> int:
        stream = await AsyncJunto(**vendor.config).chat.completions.create(model="openai/count-200", messages=ASK, stream=True)

        async def read() -> int:
            count = 0
            while True:
                try:
                    count += bool((await stream.__anext__()).choices)
                except StopAsyncIteration:
                    return count

        return sum(await asyncio.gather(read(), read()))

    assert asyncio.run(main()) >= 200


def test_a_slow_reader_gets_everything(client: Junto) -> None:
    """More than is read ahead."""
    stream = client.chat.completions.create(model="openai/count-8000", messages=ASK, stream=True)
    first = next(stream)
    time.sleep(0.5)
    text = "".join(choice.delta.content or "" for chunk in (first, *stream) for choice in chunk.choices)
    assert text == "".join(f"piece {at} " for at in range(8000))
