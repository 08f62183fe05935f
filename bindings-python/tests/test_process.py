"""The life of a process: exits with work in flight, forks, and worker processes."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]

EXITS = {
    "stream": """
        stream = client.chat.completions.create(model="openai/endless", messages=m, stream=True)
        print(next(stream).choices[0].delta.content)
    """,
    "async stream": """
        async def main():
            stream = await AsyncJunto(**config).chat.completions.create(model="openai/endless", messages=m, stream=True)
            async for chunk in stream:
                print(chunk.choices[0].delta.content)
                return
        asyncio.run(main())
    """,
    "200 calls": """
        async def main():
            ask = AsyncJunto(**config).chat.completions.create
            calls = [asyncio.ensure_future(ask(model="openai/plain", messages=m)) for _ in range(200)]
            await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            print("first")
        asyncio.run(main())
    """,
    "sys.exit in a thread's stream": """
        import threading
        def read():
            for chunk in client.chat.completions.create(model="openai/endless", messages=m, stream=True):
                ready.set()
        ready = threading.Event()
        threading.Thread(target=read, daemon=True).start()
        ready.wait()
        print("reading")
    """,
}


@pytest.mark.parametrize("program", EXITS.values(), ids=EXITS.keys())
def test_exit_with_work_in_flight_is_quiet(run: Run, program: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda _: run(program), range(6)):
            assert done.stdout and done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.parametrize("first", ["", "ask()"], ids=["before first use", "after first use"])
def test_forked_children_go_on_three_levels_deep(run: Run, first: str) -> None:
    run(
        f"""
        import signal, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        signal.alarm(20)
        def ask():
            assert client.chat.completions.create(model="openai/plain", messages=m).choices[0].message.content == "Hello!"
            async def main():
                return await AsyncJunto(**config).chat.completions.create(model="openai/plain", messages=m)
            assert asyncio.run(main()).choices[0].message.content == "Hello!"
            assert len(list(client.chat.completions.create(model="openai/count-5", messages=m, stream=True))) >= 5
        {first}
        for depth in range(3):
            child = os.fork()
            if child:
                _, status = os.waitpid(child, 0)
                ask()
                os._exit(0 if status == 0 else 1)
            signal.alarm(20)
            ask()
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_parents_stream_is_the_parents(run: Run) -> None:
    run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        stream = client.chat.completions.create(model="openai/endless", messages=m, stream=True)
        next(stream)
        child = os.fork()
        if child == 0:
            list(stream)
            del stream
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for _ in range(100):
            next(stream)
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_pool(run: Run) -> None:
    run(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        def ask(_):
            return client.chat.completions.create(model="openai/plain", messages=m)
        ask(0)
        with multiprocessing.get_context("fork").Pool(3) as pool:
            answers = pool.map(ask, range(12))
        assert [answer.choices[0].message.content for answer in answers] == ["Hello!"] * 12
        """
    )


def test_import_is_light(run: Run) -> None:
    done = run("print(*sorted(name for name in sys.modules if name in {'asyncio', 'httpx', 'httpx2', 'openai', 'pydantic', 'dataclasses'}))")
    bare = subprocess.run([sys.executable, "-c", "import junto, sys; print(*(n for n in ('httpx', 'openai', 'asyncio') if n in sys.modules))"], capture_output=True, text=True)
    assert "openai" not in done.stdout and bare.stdout.strip() == ""
