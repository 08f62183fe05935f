"""Calls, from the caller's side: what comes back, what is sent, what is raised."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import signal
import threading
import time
from typing import Any

import pytest
from conftest import ASK
from vendor import Vendor

import junto
from junto import AsyncJunto, Junto, errors
from junto.testing import Script


def scripted(script: Script, **config: Any) -> Junto:
    return Junto(transport=script, env=False, providers={"openai": {"api_key": "sk-test-secret"}}, **config)


def test_an_answer_over_http(client: Junto, vendor: Vendor) -> None:
    r = client.chat.completions.create(model="openai/plain", messages=ASK, temperature=0.5, unknown_parameter={"a": 1})
    assert r.choices[0].message.content == "Hello!" and r.choices[0].finish_reason == "stop"
    assert r.usage is not None and r.usage.prompt_tokens == 3
    assert r.provider == "openai" and r.routing is not None and r.routing.attempts[-1].status == 200
    sent = vendor.requests[0]["body"]
    assert sent["messages"] == ASK and sent["temperature"] == 0.5 and sent["unknown_parameter"] == {"a": 1}
    assert vendor.requests[0]["headers"]["authorization"] == "Bearer sk-test-secret"


def test_a_message_of_an_answer_goes_into_the_next_request(client: Junto, vendor: Vendor) -> None:
    r = client.chat.completions.create(model="openai/plain", messages=ASK)
    client.chat.completions.create(model="openai/plain", messages=[*ASK, r.choices[0].message, *ASK])
    assert vendor.requests[1]["body"]["messages"][1] == {"role": "assistant", "content": "Hello!"}


def test_async_answers_on_several_loops(vendor: Vendor) -> None:
    client = AsyncJunto(**vendor.config)

    async def ask() -> list[Any]:
        return await asyncio.gather(*(client.chat.completions.create(model="openai/plain", messages=ASK) for _ in range(20)))

    for _ in range(3):
        assert [r.choices[0].message.content for r in asyncio.run(ask())] == ["Hello!"] * 20


def test_threads_share_a_client(client: Junto) -> None:
    answers: list[str] = []

    def ask() -> None:
        for _ in range(5):
            answers.append(str(client.chat.completions.create(model="openai/plain", messages=ASK).choices[0].message.content))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Hello!"] * 40


def test_a_second_provider_serves_where_the_first_fails() -> None:
    script = Script().error(503, "down", url="groq").answer("from openai", url="openai")
    providers = {"groq": {"api_key": "a"}, "openai": {"api_key": "b"}}
    client = Junto(transport=script, env=False, providers=providers)
    r = client.chat.completions.create(model="groq/m", models=["openai/m"], messages=ASK)
    assert r.choices[0].message.content == "from openai"
    assert r.routing is not None and [attempt.status for attempt in r.routing.attempts] == [503, 200]
    assert r.routing.attempts[0].error is not None and r.routing.attempts[0].error.kind == "Overloaded"
    assert len(script.requests) == 2 and script.remaining == 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.InsufficientCreditsError),
        (403, errors.PermissionDeniedError),
        (404, errors.ModelNotFoundError),
        (429, errors.RateLimitError),
        (500, errors.InternalServerError),
        (503, errors.OverloadedError),
    ],
)
def test_a_status_is_its_exception(status: int, kind: type[errors.APIStatusError]) -> None:
    script = Script().error(status, "the vendor's own words", retry_after=7, repeat=True)
    with pytest.raises(kind, match="the vendor's own words") as caught:
        scripted(script, max_retries=0).chat.completions.create(model="openai/m", messages=ASK)
    error = caught.value
    assert error.provider_status == status and error.provider == "openai" and error.code
    assert error.attempts[-1].provider == "openai" and error.attempts[-1].status == status
    assert error.retry_after == (7 if status in (429, 503) else error.retry_after)
    assert "sk-test-secret" not in f"{error!r}{error}{error.body}"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and again.body == error.body and again.status_code == error.status_code


def test_every_kind_of_the_core_has_a_class() -> None:
    for kind, (status, cls) in errors._KINDS.items():
        error = errors.from_json(json.dumps({"error": {"code": "c", "message": "m", "metadata": {"error_type": kind}}}))
        assert type(error) is cls and error.status_code == status and error.kind == kind
        assert cls.__name__ in junto.__all__


def test_no_connection_and_no_answer_in_time(client: Junto, vendor: Vendor) -> None:
    with pytest.raises(errors.APIConnectionError):
        scripted(Script().unreachable(repeat=True), max_retries=0).chat.completions.create(model="openai/m", messages=ASK)
    began = time.monotonic()
    with pytest.raises(errors.APITimeoutError):
        client.chat.completions.create(model="openai/hang", messages=ASK, timeout=0.2)
    assert time.monotonic() - began < 1
    vendor.wait(left=1, timeout=1)


@pytest.mark.parametrize(
    ("arguments", "error", "name"),
    [
        ({"messages": "Hello!"}, TypeError, "messages"),
        ({"model": 3}, TypeError, "model"),
        ({"tools": object()}, TypeError, "tools"),
        ({"temperature": float("nan")}, TypeError, "temperature"),
        ({"temperature": "hot"}, errors.BadRequestError, "temperature"),
        ({"messages": []}, errors.BadRequestError, "messages"),
        ({"provider": {"ordr": []}}, errors.BadRequestError, "ordr"),
        ({"timeout": -1}, ValueError, "timeout"),
        ({"timeout": "soon"}, TypeError, "timeout"),
        ({"extra_headers": [1]}, TypeError, "extra_headers"),
        ({"extra_headers": {"x": 1}}, TypeError, "extra_headers"),
        ({"extra_headers": {"Authorization": "Bearer x"}}, errors.BadRequestError, "header `Authorization`"),
        ({"extra_headers": {"x-a": "1\n2"}}, errors.BadRequestError, "header `x-a`"),
        ({"extra_body": 3}, TypeError, "extra_body"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], error: type[Exception], name: str) -> None:
    with pytest.raises(error, match=name):
        scripted(Script()).chat.completions.create(**{"model": "openai/m", "messages": ASK, **arguments})


def test_a_wrong_setting_is_named_at_once() -> None:
    with pytest.raises(errors.BadRequestError, match="sede"):
        Junto(sede=3)


def test_no_key_at_all_says_what_to_set() -> None:
    with pytest.raises(errors.NoEndpointError, match="OPENAI_API_KEY|no_credentials|key") as caught:
        Junto(env=False, transport=Script()).chat.completions.create(model="openai/gpt-4o", messages=ASK)
    assert "no_credentials" in {rejection.code for rejection in caught.value.excluded_by}


def test_keys_are_in_no_repr_and_no_pickle() -> None:
    client = scripted(Script())
    assert "sk-test-secret" not in repr(client)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(client)


def test_a_key_is_in_no_traceback(client: Junto) -> None:
    try:
        client.chat.completions.create(model="openai/status-401", messages=ASK)
    except errors.AuthenticationError as error:
        import traceback

        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        # Python can show every local variable; what a key stands in shows names alone.
        shown = "".join(line for line in lines if "vendor.config" not in line)
        assert "sk-test-secret" not in shown and "scripted status-401" in shown
    else:
        raise AssertionError("an error was expected")
    assert "sk-test-secret" not in f"{client!r}{client._native!r}{client.chat!r}{client._options!r}{vars(errors)!r}"


def test_with_options_changes_and_shares(client: Junto, vendor: Vendor) -> None:
    other = client.with_options(extra_body={"user": "me"}, timeout=0.2)
    assert isinstance(other, Junto)
    other.chat.completions.create(model="openai/plain", messages=ASK, extra_body={"seed": 1})
    assert vendor.requests[0]["body"]["user"] == "me" and vendor.requests[0]["body"]["seed"] == 1
    with pytest.raises(errors.APITimeoutError):
        other.chat.completions.create(model="openai/hang", messages=ASK)
    elsewhere = client.with_options(providers={"openai": {"api_key": "other", "base_url": vendor.base_url}})
    elsewhere.chat.completions.create(model="openai/plain", messages=ASK)
    assert vendor.requests[-1]["headers"]["authorization"] == "Bearer other"


def test_headers_of_a_call_reach_the_vendor(client: Junto, vendor: Vendor) -> None:
    other = client.with_options(extra_headers={"x-team": "a", "x-trace": "0"})
    other.chat.completions.create(model="openai/plain", messages=ASK, extra_headers={"X-Trace": "7"})
    client.chat.completions.create(model="openai/plain", messages=ASK)
    sent = [{name.lower(): value for name, value in request["headers"].items()} for request in vendor.requests]
    assert sent[0]["x-team"] == "a" and sent[0]["x-trace"] == "7" and "x-team" not in sent[1]
    assert sent[0]["authorization"] == "Bearer sk-test-secret"


def test_a_closed_client_says_so(client: Junto) -> None:
    with client:
        client.chat.completions.create(model="openai/plain", messages=ASK)
    with pytest.raises(RuntimeError, match="closed"):
        client.chat.completions.create(model="openai/plain", messages=ASK)


def test_explain_is_a_table_and_sends_nothing() -> None:
    script = Script()
    plan = scripted(script).explain(model="openai/gpt-4o", models=["anthropic/claude-sonnet-4-5"], messages=ASK)
    assert plan.candidates and script.requests == []
    assert plan.rejected and any(rejection.code == "no_credentials" for rejection in plan.rejected)
    asked, _, head, first, *rest = str(plan).splitlines()
    assert asked.startswith("openai/gpt-4o  (about ") and "data" in head.split() and "keeps 30 days" in first
    assert len(rest) == len(plan.candidates) - 1 + len(["", "not used:"]) + len(plan.rejected)
    assert "$/M in" in plan._repr_html_() and "&lt;" not in plan._repr_html_()
    for same in (copy.copy(plan), plan.copy(), copy.deepcopy(plan), pickle.loads(pickle.dumps(plan))):
        assert (same, str(same), same.candidates[0].endpoint) == (plan, str(plan), plan.candidates[0].endpoint)


def test_a_plan_marks_speeds_that_nobody_measured_here() -> None:
    client = Junto(transport=Script(), env=False, providers={"groq": {"api_key": "sk-test-secret"}})
    plan = client.explain(model="openai/gpt-oss-120b", messages=ASK)
    assert f"~{plan.candidates[0].health.throughput:.0f} tok/s" in str(plan)


def test_ctrl_c_ends_a_blocking_call(client: Junto, vendor: Vendor) -> None:
    def press() -> None:
        vendor.wait(requests=1)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=press).start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        client.chat.completions.create(model="openai/hang", messages=ASK)
    assert time.monotonic() - began < 2
    vendor.wait(left=1, timeout=1)


def test_cancelling_a_task_reaches_the_vendor(vendor: Vendor) -> None:
    async def main() -> None:
        client = AsyncJunto(**vendor.config)
        task = asyncio.ensure_future(client.chat.completions.create(model="openai/hang", messages=ASK))
        await asyncio.to_thread(vendor.wait, requests=1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.chat.completions.create(model="openai/hang", messages=ASK), 0.1)

    asyncio.run(main())
    assert vendor.wait(left=2) < 0.5


def test_no_event_loop_is_a_clear_error(vendor: Vendor) -> None:
    coroutine = AsyncJunto(**vendor.config).chat.completions.create(model="openai/plain", messages=ASK)
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


def test_health_travels_and_spending_is_counted(client: Junto) -> None:
    client.chat.completions.create(model="openai/plain", messages=ASK)
    spend = client.spend()
    assert spend.requests == 1 and spend.unknown_cost_requests == 1 and spend.budget is None
    health = client.export_health()
    assert json.loads(health)["endpoints"][0]["provider"] == "openai"
    other = scripted(Script(), health=health, budget={"limit": 2.5, "period": "day"})
    assert json.loads(other.export_health())["endpoints"][0]["model"] == "openai/plain"
    budget = other.spend().budget
    assert budget is not None and budget.remaining == 2.5 and budget.resets_at is not None
    with pytest.raises(errors.BadRequestError, match="health.version"):
        other.import_health('{"version": 99}')
