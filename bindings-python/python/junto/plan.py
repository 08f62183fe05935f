"""What `explain` returns: the endpoints a request would be tried at, in order, and why others would not be."""

from __future__ import annotations

from .types import Object

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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

    def __init__(self, plan: dict[str, Any], table: str) -> None:
        super().__init__(plan)
        # Beside the fields: an attribute of an `Object` is one.
        object.__setattr__(self, "_table", table)

    def __str__(self) -> str:
        return self._table  # type: ignore[no-any-return]

    def _repr_html_(self) -> str:
        from html import escape  # for notebooks alone

        return f"<pre>{escape(str(self))}</pre>"

    def __copy__(self) -> Plan:
        return Plan(self, self._table)

    copy = __copy__

    def __reduce__(self) -> tuple[Any, ...]:
        return Plan, (self.to_dict(), self._table)
