"""``python -m junto explain|chat|models``: the plan of a request as a table, an answer as it arrives, and what there is."""

from __future__ import annotations

import argparse
import os
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
    models = commands.add_parser("models", help="list models, or who serves one")
    models.add_argument("text", nargs="?", default="", help="only models whose slug holds this; a whole slug shows who serves it")
    models.add_argument("--available", action="store_true", help="only models that your keys can use")
    models.add_argument("--local", action="store_true", help="also models of local servers such as Ollama")
    options = parser.parse_args(arguments)
    try:
        return {"explain": _explain, "chat": _chat, "models": _models}[options.command](options)
    except JuntoError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        for rejection in error.excluded_by:
            print(f"  {rejection.endpoint}: {rejection.message}", file=sys.stderr)
        for attempt in error.attempts:
            print(f"  {_attempt(attempt)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


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
    thinking = False
    for chunk in Junto().chat.completions.create(stream=True, **_request(options, prompt)):
        for choice in chunk.choices:
            if choice.delta.reasoning:
                # Beside the answer, so that it can be piped on.
                print(choice.delta.reasoning, end="", file=sys.stderr, flush=True)
                thinking = True
            if choice.delta.content:
                if thinking:
                    print("\n", file=sys.stderr)
                    thinking = False
                print(choice.delta.content, end="", flush=True)
        routing = chunk.routing or routing
        cost = chunk.usage.cost if chunk.usage else cost
    print()
    if routing:
        for attempt in routing.attempts:
            print(f"  {_attempt(attempt)}", file=sys.stderr)
    if cost is not None:
        print(f"  ${cost:.6f}", file=sys.stderr)
    return 0


def _models(options: Any) -> int:
    client = Junto()
    listed = [model for model in client.models.list(available=options.available, local=options.local) if options.text.lower() in model.id]
    if any(model.id == options.text for model in listed):
        rows = [
            [each.tag, each.upstream_id, _tokens(each.context_length), *_prices(each.pricing), _measured(each), each.unavailable_reason or "yes"]
            for each in client.models.endpoints(options.text).endpoints
        ]
        print(_table(["endpoint", "model there", "context", "$/M in", "$/M out", "uptime", "available"], rows))
        return 0
    rows = [
        [model.id, _tokens(model.context_length), *_prices(model.pricing), ", ".join(model.architecture.input_modalities or ())]
        for model in listed
    ]
    print(_table(["model", "context", "$/M in", "$/M out", "reads"], rows))
    print(f"\n{len(rows)} models", file=sys.stderr)
    return 0 if rows else 1


def _table(columns: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _tokens(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _prices(pricing: Any) -> list[str]:
    return ["?" if (price := (pricing or {}).get(name)) is None else f"{float(price) * 1e6:g}" for name in ("prompt", "completion")]


def _measured(endpoint: Any) -> str:
    return "-" if endpoint.uptime_last_30m is None else f"{endpoint.uptime_last_30m:.0f} %"


def _attempt(attempt: Any) -> str:
    outcome = attempt.error.message if attempt.error else "served"
    return f"{attempt.provider}/{attempt.model}  {attempt.status or '-'}  {attempt.duration_ms} ms  {outcome}"


if __name__ == "__main__":
    raise SystemExit(main())
