"""junto beside bare aiohttp with `json`, the OpenAI SDK and litellm, against the simulator, in one run.

CPU is user and system time of the whole client process, its threads included. Clients take turns in rounds and each number
is the median over rounds, so a noisy machine harms all alike; read the ratios. `make bench-python` runs it.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PEERS = os.environ.get("PEERS", "aiohttp junto openai litellm").split()
# Task, title, pieces of work per round; slow peers do a part of it.
TASKS = [
    ("call", "a request, one at a time", 600),
    ("calls", "a request, 32 at a time", 1600),
    ("flood", "a streamed chunk, flat out", 20_000),
    ("paced", "a streamed chunk, one per 10 ms", 200),
]


def run(name: str, task: str, url: str, count: int) -> float:
    count = count if name in ("aiohttp", "junto") or task == "paced" else {"flood": 2000}.get(task, count // 4)
    done = subprocess.run([sys.executable, str(HERE / "worker.py"), name, task, url, str(count)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} {task}: {done.stderr}")
    return float(done.stdout)


# A child's peak memory as the kernel reports it to its parent begins with the parent's, so the child says itself.
RESIDENT = "\nprint(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


def start(program: str, *arguments: str) -> tuple[float, float, float]:
    """CPU milliseconds, peak memory in MB and wall milliseconds of an interpreter that runs a program."""
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", program + RESIDENT, *arguments], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu * 1e3, int(done.stdout) / 1024, (time.perf_counter() - began) * 1e3


FIRST = {
    "junto": "import sys; from junto import Junto\n"
    "c = Junto(env=False, providers={'groq': {'api_key': 'k', 'base_url': sys.argv[1] + '/groq'}})\n"
    "assert c.chat.completions.create(model='groq/m', messages=[{'role': 'user', 'content': 'x'}]).choices[0].message.content",
    "aiohttp": "import sys, asyncio, json, aiohttp\nasync def main():\n"
    "    async with aiohttp.ClientSession() as s, s.post(sys.argv[1] + '/groq/chat/completions', json={'model': 'm', 'messages': []}) as r:\n"
    "        assert json.loads(await r.read())['choices']\nasyncio.run(main())",
    "openai": "import sys; from openai import OpenAI\n"
    "c = OpenAI(api_key='k', base_url=sys.argv[1] + '/groq')\n"
    "assert c.chat.completions.create(model='m', messages=[{'role': 'user', 'content': 'x'}]).choices[0].message.content",
    "litellm": "import sys, litellm\n"
    "assert litellm.completion(model='openai/m', api_base=sys.argv[1] + '/groq', api_key='k', messages=[{'role': 'user', 'content': 'x'}]).choices",
}


def main(simulator: str) -> None:
    vendor = subprocess.Popen([simulator, "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
    try:
        assert vendor.stdout is not None
        found = re.search(r"http://[\d.:]+", vendor.stdout.readline())
        assert found, "the simulator says where it is"
        url = found.group()
        versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PEERS if name != "junto")
        print(f"{versions}, Python {sys.version.split()[0]}, {os.cpu_count()} cores, {ROUNDS} rounds\n")
        head("CPU microseconds per")
        medians: dict[tuple[str, str], float] = {}
        for task, title, count in TASKS:
            rounds = [{name: run(name, task, url, count) for name in PEERS} for _ in range(ROUNDS)]
            medians.update({(task, name): statistics.median(each[name] for each in rounds) for name in PEERS})
            row(title, {name: medians[task, name] for name in PEERS}, "aiohttp")
        pairs = [(run("junto", "fallback", url, 600), run("junto", "call", url, 600), run("aiohttp", "call", url, 600)) for _ in range(ROUNDS)]
        added = statistics.median((fallback - call) / bare for fallback, call, bare in pairs)
        print(f"\nA fallback adds {added:.0%} of a plain aiohttp call.\n")
        head("Process")
        bare = [start("pass") for _ in range(9)]
        cpu, memory = (statistics.median(each[at] for each in bare) for at in (0, 1))
        loads = {name: [start(f"import {name}") for _ in range(9 if name in ("junto", "aiohttp") else 3)] for name in PEERS}
        row("import, CPU ms above bare", {name: statistics.median(each[0] for each in loads[name]) - cpu for name in PEERS}, None)
        row("import, MB above bare", {name: statistics.median(each[1] for each in loads[name]) - memory for name in PEERS}, None)
        firsts = {name: [start(FIRST[name], url) for _ in range(9 if name in ("junto", "aiohttp") else 3)] for name in PEERS}
        row("first answer, ms from start", {name: statistics.median(each[2] for each in firsts[name]) for name in PEERS}, None)
    finally:
        vendor.terminate()


def head(title: str) -> None:
    print(f"{title:<34}" + "".join(f"{name:>18}" for name in PEERS))


def row(title: str, numbers: dict[str, float], base: str | None) -> None:
    def cell(number: float) -> str:
        ratio = f" ({number / numbers[base]:.2f})" if base in numbers else ""
        return f"{number:.1f}{ratio}"

    print(f"{title:<34}" + "".join(f"{cell(numbers[name]):>18}" for name in PEERS), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
