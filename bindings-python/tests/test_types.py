"""Results: attributes and mapping, nothing lost, cheap to keep and to send on."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest

from junto.types import ChatCompletion, ChatCompletionChunk, ChatCompletionMessage, Choice, Object

ANSWER: dict[str, Any] = {
    "id": "1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi", "tool_calls": []}}],
    "usage": {"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
    "not_known_yet": {"deep": [{"er": 1}]},
}


def answer() -> ChatCompletion:
    return ChatCompletion(copy.deepcopy(ANSWER))


def test_attributes_and_items_are_the_same_values() -> None:
    r = answer()
    assert r.choices[0].message.content == r["choices"][0]["message"]["content"] == "hi"
    assert isinstance(r.choices[0], Choice) and isinstance(r.choices[0].message, ChatCompletionMessage)
    assert r.choices is r.choices
    r.choices[0].message.content = "changed"
    assert r["choices"][0]["message"]["content"] == "changed"


def test_documented_fields_that_are_absent_are_none_and_others_raise() -> None:
    r = answer()
    assert r.usage is not None and r.usage.completion_tokens is None and r.usage.cost is None
    assert r.choices[0].message.refusal is None
    with pytest.raises(AttributeError, match="'ChatCompletion' object has no attribute 'choises'"):
        r.choises
    assert not hasattr(r, "choises")


def test_unknown_fields_are_kept() -> None:
    r = answer()
    assert r.not_known_yet.deep[0].er == 1
    assert r.to_dict() == ANSWER and json.loads(r.to_json()) == ANSWER
    assert r.model_dump()["not_known_yet"] == {"deep": [{"er": 1}]}


def test_dumps_are_plain_all_the_way_down() -> None:
    r = answer()
    assert repr(r.choices[0].message)
    assert type(r.to_dict()["choices"][0]["message"]) is dict and type(r.model_dump()["usage"]) is dict
    assert "refusal" not in r.model_dump(exclude_none=True)["choices"][0]["message"]
    assert set(r.model_dump(include={"id"})) == {"id"} and "id" not in r.model_dump(exclude={"id"})
    assert json.loads(r.model_dump_json()) == ANSWER


def test_equality_copy_and_pickle() -> None:
    r = answer()
    assert r.choices[0].index == 0
    for other in (copy.copy(r), copy.deepcopy(r), pickle.loads(pickle.dumps(r)), answer()):
        assert other == r and type(other) is ChatCompletion and isinstance(other.choices[0], Choice)
    deep = copy.deepcopy(r)
    deep.choices[0].message.content = "changed"
    assert deep != r and r.choices[0].message.content == "hi"


def test_repr_names_classes_and_fields() -> None:
    assert repr(answer().choices[0]) == (
        "Choice(index=0, finish_reason='stop', message=ChatCompletionMessage(role='assistant', content='hi', tool_calls=[]))"
    )


def test_field_names_of_dicts_stay_reachable() -> None:
    tool = Object({"items": {"type": "string"}})
    assert tool["items"]["type"] == "string" and repr(tool) == "Object(items=Object(type='string'))"


def test_a_chunk_without_a_delta_text_says_none() -> None:
    chunk = ChatCompletionChunk({"choices": [{"index": 0, "delta": {}}]})
    assert chunk.choices[0].delta.content is None and chunk.usage is None
