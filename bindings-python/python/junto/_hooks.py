"""Hooks: called by the native module on threads of its own, with JSON text. Whatever a hook raises ends here."""

from __future__ import annotations

from ._json_text import loads
from .types import Attempt, Object, Summary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    Hook = Callable[[str], None]

_KINDS: dict[str, type[Object]] = {"on_attempt": Attempt, "on_response": Summary}


def hook(name: str, function: Callable[[Any], Any] | None) -> Hook | None:
    """What the native module calls for this function of the caller's."""
    if function is None:
        return None
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    kind = _KINDS[name]

    def tell(text: str) -> None:
        try:
            function(kind(loads(text)))
        except BaseException:
            import logging

            logging.getLogger("junto").exception("%s raised; the call goes on", name)

    return tell
