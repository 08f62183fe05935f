"""Runs the code blocks of README.md and of the guide, against simulated vendors: what a reader copies works.

    python docs/blocks.py [PAGE ...]        all pages, or those whose path holds one of these words

A block is run in its language: `python` (the blocks of a page share their names, as in one session), `js`, `sh`. `rust`
blocks are doctests of the tests crate and run with the same vendors. `json` blocks are parsed. A block marked
`before` shows another library, for a comparison: only its syntax is checked. `console` and `text` are what a program
printed. Any other block is an error.

The vendors' keys and URLs are in the environment, as a reader's would be. The gateway is up where a page asks it.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "examples"))
from simulated import TARGET, environment, server, vendors  # noqa: E402

WORK = TARGET / "docs"
PROGRAMS = TARGET / "debug"
GATEWAY = "127.0.0.1:8787"
SHOWN = {"console", "text", "output"}


@dataclass
class Block:
    page: Path
    line: int
    language: str
    marks: list[str]
    code: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks_of(page: Path) -> list[Block]:
    blocks, fence, start = [], None, 0
    lines = page.read_text().splitlines()
    for at, line in enumerate(lines):
        opened = re.match(r"\s*```\s*(.*)$", line)
        if not opened:
            continue
        if fence is None:
            fence, start = opened[1].strip(), at
            if not fence:
                raise SystemExit(f"{page.relative_to(ROOT)}:{at + 1}: a code block without a language")
        else:
            language, *marks = re.split(r"[,\s]+", fence)
            code = "\n".join(lines[start + 1 : at]) + "\n"
            blocks.append(Block(page, start + 1, language, marks, code))
            fence = None
    return blocks


def run(block: Block, command: list[str], env: dict[str, str], failures: list[str]) -> None:
    try:
        done = subprocess.run(
            command, cwd=WORK, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120
        )
        status, output = done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as error:
        status, output = "no end within two minutes", (error.stdout or b"").decode(errors="replace")
    print(f"{'ok  ' if status == 0 else 'FAIL'} {block.name} {block.language}", flush=True)
    if status != 0:
        failures.append(block.name)
        print(f"{output}\n(ended with {status})")


# Runs the blocks of one page as one session; each keeps its own name and lines in a traceback.
SESSION = """
import json, sys
names = {"__name__": "__main__"}
for name, code in json.load(open(sys.argv[1])):
    print("#", name, flush=True)
    exec(compile(code, name, "exec"), names)
"""


def run_page(blocks: list[Block], env: dict[str, str], failures: list[str]) -> None:
    session = []
    for at, block in enumerate(blocks):
        script = WORK / f"{block.page.stem}-{at}.mjs"
        if block.language in SHOWN or block.language == "rust":
            continue
        if "before" in block.marks and block.language == "python":
            compile(block.code, block.name, "exec")
        elif block.language == "python":
            session.append((block.name, "\n" * block.line + block.code))
        elif block.language == "js":
            script.write_text(block.code)
            run(block, ["node", *(["--check"] if "before" in block.marks else []), script.name], env, failures)
        elif block.language == "sh":
            run(block, ["bash", "-euo", "pipefail", "-c", block.code], env, failures)
        elif block.language == "json":
            json.loads(block.code)
        else:
            raise SystemExit(f"{block.name}: nobody runs a block of `{block.language}`")
    if session:
        page = next(block for block in blocks if block.language == "python")
        (WORK / "session.json").write_text(json.dumps(session))
        run(page, [sys.executable, "-c", SESSION, "session.json"], env, failures)


def check_links(pages: list[Path]) -> list[str]:
    """Links between pages and to files of the repository. Those to the web are not followed."""
    broken = []
    for page in pages:
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            path, _, anchor = link.partition("#")
            if "://" in link or link.startswith("mailto:"):
                continue
            goal = (page.parent / path).resolve() if path else page
            if not goal.exists():
                broken.append(f"{page.relative_to(ROOT)}: {link}")
            elif anchor and goal.suffix == ".md" and anchor not in anchors(goal):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    return broken


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def main() -> None:
    pages = [ROOT / "README.md", ROOT / "examples/gateway/README.md", *sorted((ROOT / "docs/guide").glob("*.md"))]
    broken = check_links([page for page in pages if page.exists()])
    if broken:
        raise SystemExit("broken links:\n  " + "\n  ".join(broken))
    wanted = sys.argv[1:]
    pages = [page for page in pages if page.exists() and (not wanted or any(word in str(page) for word in wanted))]
    WORK.mkdir(parents=True, exist_ok=True)
    env, failures = environment(), []
    env["PYTHONPATH"] = str(WORK / "python")
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), str(PROGRAMS), env["PATH"]])
    # What belongs to the reader's folder, such as `gateway.db`, is new at every run.
    for left in WORK.glob("*.db*"):
        left.unlink()
    with ExitStack() as running:
        running.enter_context(vendors(env))
        if any(GATEWAY in page.read_text() for page in pages):
            command = [str(PROGRAMS / "gateway"), "--db", str(WORK / "gateway.db")]
            created = subprocess.run([*command, "keys", "create", "--name", "reader"], stdout=subprocess.PIPE, check=True)
            env["JUNTO_KEY"] = created.stdout.decode().strip()
            running.enter_context(server([*command, "serve", "--address", GATEWAY], f"http://{GATEWAY}/healthz", env))
        for page in pages:
            run_page(blocks_of(page), env, failures)
        if not wanted or "rust" in wanted:
            doctests = subprocess.run(["cargo", "test", "-q", "-p", "junto-tests", "--doc"], cwd=ROOT, env=env)
            if doctests.returncode:
                failures.append("the Rust blocks")
    if failures:
        raise SystemExit("failed: " + ", ".join(failures))
    print("every block ran")


if __name__ == "__main__":
    main()
