"""What `explain` returns: the endpoints a request would be tried at, in order, and why others would not be."""

from __future__ import annotations

from .types import Object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class Candidate(Object):
    """An endpoint that may serve, in the order in which it is tried. Prices are in US dollars per token, as text."""

    model: str
    endpoint: str
    provider: str
    upstream: str
    context_length: int | None
    max_completion_tokens: int | None
    pricing: Object | None
    quantization: str | None
    policy: Object | None
    health: Object
    estimated_cost: float | None
    dropped_parameters: list[str]
    reasoning: bool
    search: str | None


class Rejection(Object):
    """An endpoint that may not serve; `code` is for a program, `message` for a person."""

    model: str
    endpoint: str
    code: str
    message: str


class Plan(Object, candidates=Candidate, rejected=Rejection):
    """A plan. It prints as a table, and shows as one in a notebook."""

    requested: str
    models: list[str]
    prompt_tokens: int
    completion_tokens: int
    candidates: list[Candidate]
    rejected: list[Rejection]

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        tried = [[str(at), *(cell(candidate) for _, cell in _TRIED)] for at, candidate in enumerate(self.candidates, 1)]
        left_out = [[each.endpoint, each.model, each.code, each.message] for each in self.rejected]
        tables = [("Tried in this order", ["", *(name for name, _ in _TRIED)], tried)]
        if left_out:
            tables.append(("Not used", ["endpoint", "model", "code", "why"], left_out))
        return tables

    def __str__(self) -> str:
        return "\n\n".join(f"{title}\n{table(columns, rows)}" for title, columns, rows in self._tables())

    def _repr_html_(self) -> str:
        return "".join(_html(title, columns, rows) for title, columns, rows in self._tables())


def _per_million(name: str) -> Callable[[Candidate], str]:
    def cell(candidate: Candidate) -> str:
        price = (candidate.pricing or Object()).get(name)
        return "?" if price is None else f"{float(price) * 1e6:g}"

    return cell


def _cost(candidate: Candidate) -> str:
    return "?" if candidate.estimated_cost is None else f"${candidate.estimated_cost:.6f}"


def _health(candidate: Candidate) -> str:
    health = candidate.health or Object()
    words = []
    if health.get("cooling_down") is not None:
        words.append(f"cooling {health['cooling_down']:.0f} s")
    if health.get("recent_outage"):
        words.append("failed lately")
    if health.get("throughput") is not None:
        words.append(f"{health['throughput']:.0f} tok/s")
    if health.get("latency") is not None:
        words.append(f"{health['latency']:.2f} s")
    return ", ".join(words) or "-"


_TRIED: tuple[tuple[str, Callable[[Candidate], str]], ...] = (
    ("endpoint", lambda candidate: candidate.endpoint),
    ("model there", lambda candidate: candidate.upstream),
    ("$/M in", _per_million("prompt")),
    ("$/M out", _per_million("completion")),
    ("health", _health),
    ("est. cost", _cost),
    ("left out", lambda candidate: ", ".join(candidate.dropped_parameters or ()) or "-"),
)


def table(columns: list[str], rows: list[list[str]]) -> str:
    """A table for a terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _html(title: str, columns: list[str], rows: list[list[str]]) -> str:
    from html import escape  # for notebooks alone

    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
