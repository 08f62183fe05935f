"""JSON text to values and back without `json`, whose import brings `re` and `enum` and costs twice what junto's does.

The work is done by the C half of `json` in either case. An interpreter that has none, or another one, gets `json` itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    _Encode = Callable[[Any], str]
    _Decode = Callable[[str], Any]


def _by_c(default: Callable[[Any], Any]) -> tuple[_Encode, _Decode]:
    from _json import encode_basestring, make_encoder, make_scanner

    class Reading:
        strict = True
        object_hook = object_pairs_hook = array_hook = None
        parse_float = float
        parse_int = int
        parse_constant = float

    scan = make_scanner(Reading)  # type: ignore[arg-type]  # it looks at the attributes alone

    def encode(value: Any) -> str:
        # The dict notices a value that holds itself.
        return "".join(make_encoder({}, default, encode_basestring, None, ":", ",", False, False, False)(value, 0))

    def decode(text: str) -> Any:
        return scan(text, 0)[0]

    probe = {"a": [1.5, None, True, "\u00e9\n"]}
    if encode(probe) != '{"a":[1.5,null,true,"\u00e9\\n"]}' or decode(encode(probe)) != probe:
        raise ImportError("another `_json`")
    return encode, decode


def _by_json(default: Callable[[Any], Any]) -> tuple[_Encode, _Decode]:
    import json

    return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default).encode, json.loads


def coder(default: Callable[[Any], Any]) -> tuple[_Encode, _Decode]:
    """What writes values, `default` making values of other objects, and what reads them."""
    try:
        return _by_c(default)
    except Exception:
        return _by_json(default)


def _default(value: Any) -> Any:
    """Pydantic models and the OpenAI SDK's messages may stand in a request."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", exclude_none=True)
    if isinstance(value, (tuple, set, frozenset)) or hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


dumps, loads = coder(_default)
