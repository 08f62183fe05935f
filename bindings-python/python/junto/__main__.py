"""``python -m junto explain|chat``: the plan of a request as a table, and an answer as it arrives."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from . import Junto, JuntoError, __version__
from .types import Routing


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m junto", description="A model router inside your process.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, text in (("explain", "show where a request would go, and why"), ("chat", "ask a model and print the answer as it arrives")):
        command = commands.add_parser(name, help=text)
        command.add_argument("model", help="a slug, for instance anthropic/claude-sonnet-4-5:floor")
        command.add_argument("prompt", nargs="?", default=None, help="the question; by default it is read from standard input")
        command.add_argument("--order", metavar="A,B", help="providers to try first")
        command.add_argument("--only", metavar="A,B", help="providers to try at all")
        command.add_argument("--ignore", metavar="A,B", help="providers to leave out")
        command.add_argument("--sort", choices=["price", "throughput", "latency"])
        command.add_argument("--zdr", action="store_true", default=None, help="only endpoints that keep nothing")
        command.add_argument("--max-tokens", type=int)
    options = parser.parse_args(arguments)
    try:
        return _explain(options) if options.command == "explain" else _chat(options)
    except JuntoError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        for rejection in error.excluded_by:
            print(f"  {rejection.endpoint}: {rejection.message}", file=sys.stderr)
        for attempt in error.attempts:
            print(f"  {_attempt(attempt)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _request(options: Any, prompt: str) -> dict[str, Any]:
    preferences: dict[str, Any] = {"sort": options.sort, "zdr": options.zdr}
    for name in ("order", "only", "ignore"):
        given = getattr(options, name)
        preferences[name] = given.split(",") if given else None
    preferences = {name: value for name, value in preferences.items() if value is not None}
    return {
        "model": options.model,
        "messages": [{"role": "user", "content": prompt}],
        "provider": preferences or None,
        "max_tokens": options.max_tokens,
    }


def _explain(options: Any) -> int:
    print(Junto().explain(**_request(options, options.prompt or "Hello!")))
    return 0


def _chat(options: Any) -> int:
    prompt = options.prompt if options.prompt is not None else sys.stdin.read()
    routing: Routing | None = None
    cost: float | None = None
    for chunk in Junto().chat.completions.create(stream=True, **_request(options, prompt)):
        for choice in chunk.choices:
            print(choice.delta.content or "", end="", flush=True)
        routing = chunk.routing or routing
        cost = chunk.usage.cost if chunk.usage else cost
    print()
    if routing:
        for attempt in routing.attempts:
            print(f"  {_attempt(attempt)}", file=sys.stderr)
    if cost is not None:
        print(f"  ${cost:.6f}", file=sys.stderr)
    return 0


def _attempt(attempt: Any) -> str:
    outcome = attempt.error.message if attempt.error else "served"
    return f"{attempt.provider}/{attempt.model}  {attempt.status or '-'}  {attempt.duration_ms} ms  {outcome}"


if __name__ == "__main__":
    raise SystemExit(main())
