"""The life of a process: exits with work in flight, forks, and worker processes."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Callable

import pytest
from vendor import Vendor

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# `make test-python-soak` sets it: everything that could go wrong once in a while is tried as often as it takes.
SOAK = bool(os.environ.get("JUNTO_SOAK"))

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
    "stream, then sys.exit": """
        for chunk in client.chat.completions.create(model="openai/endless", messages=m, stream=True):
            print(chunk.choices[0].delta.content)
            sys.exit()
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
    "a key that is asked for": """
        import threading, time
        def key():
            asked.set()
            time.sleep(0.2)
            return "k"
        asked = threading.Event()
        config["providers"]["openai"]["api_key"] = key
        ask = Junto(**config).chat.completions.create
        threading.Thread(target=lambda: ask(model="openai/plain", messages=m), daemon=True).start()
        asked.wait()
        print("asked")
    """,
}


@pytest.mark.parametrize("program", EXITS.values(), ids=EXITS.keys())
def test_exit_with_work_in_flight_is_quiet(run: Run, program: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(lambda _: run(program), range(100 if SOAK else 5)):
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


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_prefork_workers_serve_and_exit_by_themselves(run: Run) -> None:
    """As gunicorn does: the application is loaded, and used, before the workers are forked."""
    run(
        """
        import signal, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        def ask():
            assert client.chat.completions.create(model="openai/plain", messages=m).choices[0].message.content == "Hello!"
        ask()
        async def serve():
            shared = AsyncJunto(**config)
            answers = await asyncio.gather(*(shared.chat.completions.create(model="openai/plain", messages=m) for _ in range(10)))
            assert len(answers) == 10
        children = []
        for worker in range(4):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                threads = [threading.Thread(target=ask) for _ in range(3)]
                for thread in threads: thread.start()
                asyncio.run(serve())
                for thread in threads: thread.join()
                sys.exit(7)
            children.append(child)
        ask()
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [7] * 4
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_inside_a_running_loop(run: Run) -> None:
    run(
        """
        import signal, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        shared = AsyncJunto(**config)
        async def ask():
            return (await shared.chat.completions.create(model="openai/plain", messages=m)).choices[0].message.content
        async def main():
            assert await ask() == "Hello!"
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                import threading
                done = []
                thread = threading.Thread(target=lambda: done.append(asyncio.run(ask())))
                thread.start()
                thread.join()
                os._exit(0 if done == ["Hello!"] else 1)
            assert await asyncio.to_thread(os.waitpid, child, 0) == (child, 0)
            assert await ask() == "Hello!"
        asyncio.run(main())
        """
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_pool_that_replaces_its_workers(run: Run) -> None:
    """As Celery does: workers are forked again and again, and terminated."""
    run(
        """
        import multiprocessing, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        def ask(_):
            return client.chat.completions.create(model="openai/plain", messages=m).choices[0].message.content
        def hang(_):
            client.chat.completions.create(model="openai/hang", messages=m)
        pool = multiprocessing.get_context("fork").Pool(2, maxtasksperchild=2)
        assert pool.map(ask, range(8), chunksize=1) == ["Hello!"] * 8
        pool.map_async(hang, range(2))
        pool.terminate()
        pool.join()
        """
    )


def test_many_streams_that_are_cancelled_leave_nothing(run: Run, vendor: Vendor) -> None:
    """No connection, and no memory."""
    warm, count = (200, 1000) if SOAK else (100, 100)
    done = run(
        f"""
        import gc, random
        def resident():
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096 if os.path.exists("/proc/self/statm") else 0
        async def read(stream):
            async for chunk in stream:
                pass
        async def leave(shared, how):
            stream = await shared.chat.completions.create(model="openai/endless", messages=m, stream=True)
            if how == 0:
                await stream.close()
            elif how == 1:
                async for chunk in stream:
                    break
            else:
                task = asyncio.ensure_future(read(stream))
                await asyncio.sleep(random.random() / 50)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    pass
        async def main():
            shared = AsyncJunto(**config)
            async def some(count):
                for at in range(0, count, 10):
                    await asyncio.gather(*(leave(shared, (at + each) % 3) for each in range(10)))
                await asyncio.sleep(0.2)
            await some({warm})
            before = resident()
            await some({count})
            print(resident() - before)
        asyncio.run(main())
        """,
        timeout=300,
    )
    vendor.wait(left=warm + count)
    print(f"{count} cancelled streams: {int(done.stdout)} bytes more, and every connection of {warm + count} closed")
    assert int(done.stdout) < 4 << 20


def test_uvloop(run: Run) -> None:
    pytest.importorskip("uvloop")
    done = run(
        """
        import warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import uvloop
        shared = AsyncJunto(**config)
        async def main():
            answers = await asyncio.gather(*(shared.chat.completions.create(model="openai/plain", messages=m) for _ in range(20)))
            assert [answer.choices[0].message.content for answer in answers] == ["Hello!"] * 20
            stream = await shared.chat.completions.create(model="openai/count-20", messages=m, stream=True)
            assert len([chunk async for chunk in stream]) >= 20
            try:
                await asyncio.wait_for(shared.chat.completions.create(model="openai/hang", messages=m), 0.1)
            except asyncio.TimeoutError:
                print("timed out")
        for _ in range(3):
            loop = uvloop.new_event_loop()
            loop.run_until_complete(main())
            loop.close()
        asyncio.run(main())
        """
    )
    assert done.stdout == "timed out\n" * 4 and done.stderr == ""


def test_a_loop_without_sockets(run: Run) -> None:
    """As Windows' default loop, which watches none."""
    done = run(
        """
        class Loop(asyncio.SelectorEventLoop):
            def add_reader(self, fd, callback, *args):
                raise NotImplementedError
        shared = AsyncJunto(**config)
        async def main():
            answers = await asyncio.gather(*(shared.chat.completions.create(model="openai/plain", messages=m) for _ in range(20)))
            stream = await shared.chat.completions.create(model="openai/count-20", messages=m, stream=True)
            print(len(answers), len([chunk async for chunk in stream]) >= 20)
        for _ in range(2):
            loop = Loop()
            loop.run_until_complete(main())
            loop.close()
        """
    )
    assert done.stdout == "20 True\n" * 2 and done.stderr == ""


def test_two_loops_in_turn_on_one_thread(run: Run) -> None:
    run(
        """
        shared = AsyncJunto(**config)
        loops = [asyncio.new_event_loop() for _ in range(2)]
        async def ask():
            return (await shared.chat.completions.create(model="openai/plain", messages=m)).choices[0].message.content
        for _ in range(3):
            for loop in loops:
                assert loop.run_until_complete(ask()) == "Hello!"
        for loop in loops:
            loop.close()
        """
    )


def test_a_sub_interpreter_is_refused_clearly(run: Run) -> None:
    done = run(
        """
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        program = "import os, sys\\nsys.path = %r\\ntry:\\n import junto\\nexcept ImportError as e:\\n os.write(1, str(e).encode())"
        interpreters.run_string(interpreters.create(), program % (sys.path,))
        """
    )
    assert "subinterpreter" in done.stdout


def test_import_is_light() -> None:
    heavy = ("asyncio", "dataclasses", "enum", "httpx", "httpx2", "json", "logging", "openai", "pydantic", "re", "threading", "typing")
    program = f"import sys; before = set(sys.modules); import junto; print(*sorted((set(sys.modules) - before) & {set(heavy)}))"
    bare = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert bare.stdout.strip() == "", bare.stderr
