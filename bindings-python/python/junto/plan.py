"""What `explain` returns: the endpoints a request would be tried at, in order, and why others would not be."""

from __future__ import annotations

from html import escape
from typing import Any, Sequence

from .types import Object


class Candidate(Object):
    """An endpoint that may serve, in the order in which it is tried."""

    model: str
    endpoint: str


class Rejection(Object):
    """An endpoint that may not serve; `code` is for a program, `message` for a person."""

    model: str
    endpoint: str
    code: str
    message: str


class Plan(Object, candidates=Candidate, rejected=Rejection):
    """A plan. It prints as a table, and shows as one in a notebook."""

    candidates: list[Candidate]
    rejected: list[Rejection]

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        tables = []
        for title, rows in (("Would be tried, in this order", self.candidates), ("Would not be tried", self.rejected)):
            if rows:
                columns = _columns(rows)
                tables.append((title, columns, [[_cell(row.get(column)) for column in columns] for row in rows]))
        return tables

    def __str__(self) -> str:
        return "\n\n".join(f"{title}\n{_text(columns, rows)}" for title, columns, rows in self._tables()) or "No endpoint."

    def _repr_html_(self) -> str:
        return "".join(_html(title, columns, rows) for title, columns, rows in self._tables()) or "<p>No endpoint.</p>"


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every field that has a value to show, in the order in which the first rows have them."""
    found: dict[str, None] = {}
    for row in rows:
        for name, value in row.items():
            if value is not None and not isinstance(value, (dict, list)):
                found.setdefault(name)
    return list(found)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _text(columns: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(columns, *rows)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _html(title: str, columns: list[str], rows: list[list[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(title)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
