"""The cases of `tests/conformance/`, which state once for every language what junto does. Blocking and in asyncio."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any, Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from watch import Watch

from junto import AsyncJunto, Junto, JuntoError, parse_slug
from junto.testing import Script

ROOT = Path(__file__).resolve().parents[2] / "tests" / "conformance"
ONLY = os.environ.get("JUNTO_CASE", "")


def cases() -> list[Any]:
    found = []
    for path in sorted(ROOT.glob("*/*.json")):
        name = f"{path.parent.name}/{path.stem}"
        if path.parent.name == "configs" or ONLY not in name:
            continue
        case = json.loads(path.read_text("utf-8"))
        found.append(pytest.param(case, id=name))
    return found


def test_there_are_cases() -> None:
    assert ONLY or len(cases()) >= 150


@pytest.mark.parametrize("case", cases())
@pytest.mark.parametrize("way", ["sync", "async"])
def test_case(case: dict[str, Any], way: str, watch: Watch) -> None:
    wrong: list[str] = []
    if "slug" in case:
        check_slug(case["slug"], case["expect"], wrong)
        assert not wrong, "\n".join(wrong)
        return
    script = Script()
    config = configuration(case)
    try:
        client: Junto | AsyncJunto = (Junto if way == "sync" else AsyncJunto)(transport=script, **config)
    except JuntoError as error:
        check(case.get("expect", {}), Outcome(error=error), 0.0, wrong)
        assert not wrong, "\n".join(wrong)
        return
    for step in case.get("steps", [case]):
        lines = watch.lines
        take(client, script, config, step, bool(case.get("repeat_last")), wrong)
        if watch.lines == lines and "request" in step and step.get("exchanges"):
            wrong.append("nothing was logged, so no log was searched for keys")
    assert not wrong, "\n".join(wrong)


def check_slug(text: str, expect: dict[str, Any], wrong: list[str]) -> None:
    try:
        slug = parse_slug(text)
    except JuntoError as error:
        check(expect, Outcome(error=error), 0.0, wrong)
        return
    compare("expect", expect, {"slug": slug}, wrong)
    compare("read again", slug, parse_slug(slug.display), wrong)


def configuration(case: dict[str, Any]) -> dict[str, Any]:
    own = dict(case.get("config") or {})
    base = own.pop("base", None)
    config: dict[str, Any] = json.loads((ROOT / "configs" / f"{base}.json").read_text("utf-8")) if base else {"env": False}
    return merged(config, own)


def merged(into: Any, own: Any) -> Any:
    if isinstance(into, dict) and isinstance(own, dict):
        return {**into, **{key: merged(into.get(key), value) for key, value in own.items()}}
    return own


class Outcome:
    def __init__(self, answer: Any = None, chunks: list[Any] | None = None, error: JuntoError | None = None, plan: Any = None, events: list[Any] | None = None) -> None:
        self.answer = answer
        self.events = [] if events is None else events
        self.chunks = chunks or []
        self.error = error
        self.plan = plan


def take(
    client: Junto | AsyncJunto, script: Script, config: dict[str, Any], step: dict[str, Any], repeat_last: bool, wrong: list[str]
) -> None:
    exchanges = step.get("exchanges", [])
    before, began = len(script.requests), script.elapsed
    for at, exchange in enumerate(exchanges):
        queue(script, exchange, repeat_last and at == len(exchanges) - 1)
    plans = "exchanges" not in step and "plan" in step.get("expect", {})
    if "request" not in step:
        outcome = call_other(client, step)
    else:
        outcome = plan(client, step["request"]) if plans else call(client, step["request"])
    check(step.get("expect", {}), outcome, script.elapsed - began, wrong, lambda seed: again(config, step["request"], seed))
    sent = script.requests[before:]
    if step.get("unordered"):
        hosts = [exchange["expect_request"]["host"] for exchange in exchanges]
        sent = sorted((each for each in sent if urlsplit(each["url"]).hostname in hosts), key=lambda each: hosts.index(urlsplit(each["url"]).hostname))
    if not repeat_last and len(sent) != len(exchanges):
        wrong.append(f"requests: expected {len(exchanges)}, found {[request['url'] for request in sent]}")
    for at, (exchange, request) in enumerate(zip(exchanges, sent)):
        expected = exchange.get("expect_request", {})
        if "host" in expected and urlsplit(request["url"]).hostname != expected["host"]:
            wrong.append(f"request {at}: expected {expected['host']}, found {request['url']}")
        check_request(f"request {at}", expected, request, wrong)
        if "body" in expected:
            compare(f"request {at}", expected["body"], request["body"], wrong)
        if expected.get("body_lacks", "\0") in json.dumps(request["body"], ensure_ascii=False):
            wrong.append(f"request {at}: has {expected['body_lacks']}")


def check_request(at: str, expected: dict[str, Any], request: dict[str, Any], wrong: list[str]) -> None:
    """What a recording holds of a request; `query` and `key` are not among it, and headers that carry keys read `***`."""
    for name, found in (("method", request["method"]), ("path", urlsplit(request["url"]).path)):
        if name in expected:
            compare(f"{at}.{name}", expected[name], found, wrong)
    for name, value in expected.get("headers", {}).items():
        found = request["headers"].get(name)
        compare(f"{at}.headers.{name}", {"$any": True} if found == "***" else value, found, wrong, found is not None)
    if "form" in expected:
        compare(f"{at}.form", expected["form"], dict(parse_qsl(request["body"])), wrong)


def queue(script: Script, exchange: dict[str, Any], repeat: bool) -> None:
    url = exchange.get("expect_request", {}).get("host")
    if "error" in exchange:
        script._native.then(0, [], [], url=url, repeat=repeat, error=(exchange["error"], "scripted"))
    elif "response" in exchange:
        response = exchange["response"]
        data = response["text"].encode() if "text" in response else json.dumps(response["body"], ensure_ascii=False).encode()
        headers = {"content-type": "application/json", **response.get("headers", {})}
        script._native.then(response["status"], list(headers.items()), [(0.0, data)] if data else [], url=url, repeat=repeat)
    else:
        reads, error = events(exchange["stream"], "\r\n" if exchange.get("line_end") == "crlf" else "\n")
        script._native.then(200, [("content-type", "text/event-stream")], reads, url=url, repeat=repeat, error=error)


def events(stream: list[dict[str, Any]], line_end: str) -> tuple[list[tuple[float, bytes]], tuple[str, str] | None]:
    reads: list[tuple[float, bytes]] = []
    for event in stream:
        if event.get("cut"):
            return reads, ("interrupted", "scripted")
        if "raw" in event:
            reads.append((0.0, event["raw"].encode()))
            continue
        data = event["data"] if isinstance(event["data"], str) else json.dumps(event["data"], ensure_ascii=False)
        name = f"event: {event['event']}{line_end}" if "event" in event else ""
        reads.append((0.0, f"{name}data: {data}{line_end}{line_end}".encode()))
    return reads, None


def plan(client: Junto | AsyncJunto, request: Any) -> Outcome:
    try:
        return Outcome(plan=json.loads(client._native.explain(json.dumps(request))[0]))
    except JuntoError as error:
        return Outcome(error=error)


def again(config: dict[str, Any], request: Any, seed: int) -> Any:
    return plan(Junto(transport=Script(), **{**config, "seed": seed}), request).plan


def call(client: Junto | AsyncJunto, request: Any) -> Outcome:
    """The request as it is written, through the public client where Python's own checks would not come first."""
    if not isinstance(request, dict) or not isinstance(request.get("messages"), list) or not isinstance(request.get("model", ""), str):
        try:
            return Outcome(answer=json.loads(client._native.ask("chat", json.dumps(request))))
        except JuntoError as error:
            return Outcome(error=error)
    if isinstance(client, Junto):
        return call_sync(client, request)
    return asyncio.run(call_async(client, request))


def call_other(client: Junto | AsyncJunto, step: dict[str, Any]) -> Outcome:
    """A call beside chat, in the core's own JSON."""
    native = client._native
    waits = isinstance(client, Junto)
    try:
        if step.get("respond", {}).get("stream"):
            return respond(client, json.dumps(step["respond"]))
        if "respond" in step:
            request = json.dumps(step["respond"])
            text = native.ask("respond", request) if waits else asyncio.run(wait(lambda: native.ask_async("respond", request)))
        elif "embed" in step:
            request = json.dumps(step["embed"])
            text = native.ask("embed", request) if waits else asyncio.run(wait(lambda: native.ask_async("embed", request)))
        elif "model" in step or "endpoints" in step:
            text = native.model(step["model"]) if "model" in step else native.endpoints(step["endpoints"])
        else:
            query = json.dumps(step["models"])
            text = native.ask("models", query) if waits else asyncio.run(wait(lambda: native.ask_async("models", query)))
    except JuntoError as error:
        return Outcome(error=error)
    return Outcome(answer=json.loads(text))


def respond(client: Junto | AsyncJunto, request: str) -> Outcome:
    """The events of a streamed response; its answer is the response object of the last one."""
    events: list[Any] = []
    outcome = Outcome(events=events)

    async def read() -> None:
        stream = await client._native.stream_async("respond", request)
        while True:
            batch = stream.next_batch_async()
            batch = batch if batch is None or isinstance(batch, str) else await batch
            if batch is None:
                return
            events.extend(json.loads(batch))

    try:
        if isinstance(client, AsyncJunto):
            asyncio.run(read())
        else:
            stream = client._native.stream("respond", request)
            while (batch := stream.next_batch()) is not None:
                events.extend(json.loads(batch))
    except JuntoError as error:
        outcome.error = error
    outcome.answer = events[-1]["response"] if events else None
    return outcome


async def wait(call: Callable[[], Any]) -> Any:
    return await call()


def call_sync(client: Junto, request: Any) -> Outcome:
    chunks = []
    try:
        if not request.get("stream"):
            return Outcome(answer=client.chat.completions.create(**request))
        for chunk in client.chat.completions.create(**request):
            chunks.append(chunk)
    except JuntoError as error:
        return Outcome(chunks=chunks, error=error)
    return Outcome(chunks=chunks)


async def call_async(client: AsyncJunto, request: Any) -> Outcome:
    chunks = []
    try:
        if not request.get("stream"):
            return Outcome(answer=await client.chat.completions.create(**request))
        async for chunk in await client.chat.completions.create(**request):
            chunks.append(chunk)
    except JuntoError as error:
        return Outcome(chunks=chunks, error=error)
    return Outcome(chunks=chunks)


def check(expect: dict[str, Any], outcome: Outcome, waited: float, wrong: list[str], plan_again: Callable[[int], Any] | None = None) -> None:
    if outcome.error is not None and "error" not in expect:
        wrong.append(f"error: {outcome.error!r} {outcome.error.body}")
    for name, expected in expect.items():
        if name in CHECKS:
            CHECKS[name](expected, outcome, wrong)
        elif name == "plan":
            check_plan(expected, outcome.plan, wrong, plan_again)
        elif name == "waited":
            if waited * 1000 < expected["at_least_ms"] if expected else waited > 0:
                wrong.append(f"waited: expected {expected}, found {waited} s")
        else:
            wrong.append(f"no such expectation: {name}")


def deltas(outcome: Outcome, name: str) -> str:
    return "".join(choice["delta"].get(name) or "" for chunk in outcome.chunks for choice in chunk["choices"] if choice["index"] == 0)


def check_text(expected: Any, outcome: Outcome, wrong: list[str], name: str = "content") -> None:
    found = deltas(outcome, name) if outcome.answer is None else outcome.answer["choices"][0]["message"].get(name)
    compare("text" if name == "content" else name, expected, found, wrong)


def check_error(expected: Any, outcome: Outcome, wrong: list[str]) -> None:
    error = outcome.error
    if error is None:
        wrong.append(f"error: expected {expected}, found none")
        return
    found = {
        "kind": error.kind,
        "status": error.status_code,
        "message": error.body["message"],
        "param": error.param,
        "provider": error.provider,
        "upstream_status": error.provider_status,
        "retry_after": error.retry_after,
        "excluded_by": {rejection["endpoint"]: rejection["code"] for rejection in error.excluded_by},
        "json": json.dumps({"error": error.body}),
        "body": {"error": error.body},
    }
    compare("error", expected, found, wrong)


def check_attempts(expected: Any, outcome: Outcome, wrong: list[str]) -> None:
    if outcome.error is not None:
        found = list(outcome.error.attempts)
    else:
        routing = (outcome.answer or outcome.chunks[-1]).get("routing") or {}
        found = routing.get("attempts", [])
    compare("attempts", expected, found, wrong)


def check_chunks(expected: Any, outcome: Outcome, wrong: list[str]) -> None:
    chunks = outcome.chunks
    finishes = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice.get("finish_reason")]
    for name, value in expected.items():
        if name == "finish":
            compare("chunks.finish", value, finishes[-1] if finishes else None, wrong)
        elif name == "last":
            compare("chunks.last", value, chunks[-1] if chunks else None, wrong)
        elif name == "each":
            for at, chunk in enumerate(chunks):
                compare(f"chunks[{at}]", value, chunk, wrong)
        elif name == "same":
            for field in value:
                if len({chunk[field] for chunk in chunks}) != 1:
                    wrong.append(f"chunks: {field} differs: {[chunk[field] for chunk in chunks]}")
        elif name == "tool_calls" and value == "well_formed":
            check_tool_calls(chunks, wrong)
        else:
            wrong.append(f"no such expectation: chunks.{name}")


def check_tool_calls(chunks: list[Any], wrong: list[str]) -> None:
    """`id`, `type` and name come once, with the first piece of each call; the arguments concatenate to JSON."""
    calls: dict[int, str] = {}
    for piece in [piece for chunk in chunks for choice in chunk["choices"] for piece in choice["delta"].get("tool_calls", ())]:
        first = piece["index"] not in calls
        head = [piece.get("id"), piece.get("type"), piece["function"].get("name")]
        if first != all(head) or first != any(head):
            wrong.append(f"tool call: {piece}")
        calls[piece["index"]] = calls.get(piece["index"], "") + (piece["function"].get("arguments") or "")
    if not calls:
        wrong.append("no tool calls")
    for arguments in calls.values():
        json.loads(arguments)


def check_folded(expected: Any, outcome: Outcome, wrong: list[str]) -> None:
    compare("folded", expected, folded(outcome.chunks), wrong)


def folded(chunks: list[Any]) -> dict[str, Any]:
    """The message that the chunks of a stream spell, as a caller would put it together."""
    whole: dict[str, Any] = {**(chunks[0] if chunks else {}), "choices": []}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        whole.update({key: value for key, value in chunk.items() if key != "choices" and value is not None})
        for choice in chunk["choices"]:
            into = choices.setdefault(choice["index"], {"index": choice["index"], "message": {"role": "assistant"}})
            into.update({key: value for key, value in choice.items() if key != "delta" and value is not None})
            message = into["message"]
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    calls = message.setdefault("tool_calls", [])
                    for piece in value:
                        while len(calls) <= piece["index"]:
                            calls.append({"type": "function", "function": {"name": "", "arguments": ""}})
                        target = calls[piece["index"]]
                        target.update({key: each for key, each in piece.items() if key not in ("function", "index")})
                        for key, each in (piece.get("function") or {}).items():
                            target["function"][key] = target["function"][key] + each if key == "arguments" else each
                elif name == "reasoning_details":
                    for piece in value:
                        fold_detail(message.setdefault(name, []), piece)
                elif isinstance(value, str) and name != "role":
                    message[name] = (message.get(name) or "") + value
                elif isinstance(value, list):
                    message.setdefault(name, []).extend(value)
                else:
                    message[name] = value
    whole["object"] = "chat.completion"
    whole["choices"] = [choices[index] for index in sorted(choices)]
    return whole


def fold_detail(details: list[Any], piece: dict[str, Any]) -> None:
    """Pieces of one block share their index."""
    for block in details:
        if block.get("index") == piece.get("index") and block["type"] == piece["type"]:
            for key, value in piece.items():
                block[key] = block.get(key, "") + value if key in ("text", "summary", "data") else value
            return
    details.append(dict(piece))


def check_events(expected: Any, outcome: Outcome, wrong: list[str]) -> None:
    compare("events", expected, [event["type"] for event in outcome.events], wrong)
    compare("sequence", list(range(len(outcome.events))), [event["sequence_number"] for event in outcome.events], wrong)


CHECKS: dict[str, Callable[[Any, Outcome, list[str]], None]] = {
    "text": check_text,
    "reasoning": lambda expected, outcome, wrong: check_text(expected, outcome, wrong, "reasoning"),
    "error": check_error,
    "attempts": check_attempts,
    "chunks": check_chunks,
    "events": check_events,
    "folded": check_folded,
    "response": lambda expected, outcome, wrong: compare(
        "response", expected, outcome.answer if outcome.answer is not None else folded(outcome.chunks), wrong
    ),
}


def check_plan(expected: Any, found: Any, wrong: list[str], plan_again: Callable[[int], Any] | None) -> None:
    if found is None:
        wrong.append("plan: expected one, found none")
        return
    for name, value in expected.items():
        names = value if isinstance(value, list) else []
        order = tags(found, bool(names) and " " in names[0])
        if name in ("candidates", "first", "last", "contains", "models") and not names:
            ok = False  # a name that is not in a list would say nothing
        elif name == "candidates":
            ok = order == names
        elif name == "first":
            ok = order[: len(names)] == names
        elif name == "last":
            ok = order[-len(names) :] == names
        elif name == "contains":
            ok = set(names) <= set(order)
        elif name == "models":
            models = [candidate["model"] for candidate in found["candidates"]]
            ok = [model for at, model in enumerate(models) if at == 0 or models[at - 1] != model] == names
        elif name == "rejected":
            compare("plan.rejected", value, {each["endpoint"]: each["code"] for each in found["rejected"]}, wrong)
            ok = True
        elif name == "cost":
            ok = found["candidates"][0]["estimated_cost"] > 0
        elif name == "same_again":
            assert plan_again is not None
            ok = plan_again(42)["candidates"] == plan_again(42)["candidates"]
        elif name == "led_by":
            assert plan_again is not None
            leaders = [tags(plan_again(seed), False)[0] for seed in range(100)]
            ok = all(low <= leaders.count(leader) <= high for leader, (low, high) in value.items())
        else:
            ok = False
        if not ok:
            wrong.append(f"plan.{name}: expected {value}, found {order}, rejected {found['rejected']}")


def tags(found: Any, with_model: bool) -> list[str]:
    return [f"{each['model']} {each['endpoint']}" if with_model else each["endpoint"] for each in found["candidates"]]


def compare(path: str, expected: Any, found: Any, wrong: list[str], there: bool = True) -> None:
    """Adds to `wrong` what is not as expected, each with its path. Objects may hold more than is expected."""
    if isinstance(expected, dict) and len(expected) == 1 and next(iter(expected)).startswith("$"):
        ((test, argument),) = expected.items()
        if not special(test, argument, found, there):
            wrong.append(f"{path}: expected {test} {argument}, found {found!r:.300}")
    elif isinstance(expected, dict):
        if not isinstance(found, dict):
            wrong.append(f"{path}: expected an object, found {found!r:.300}")
            return
        for key, value in expected.items():
            compare(f"{path}.{key}", value, found.get(key), wrong, key in found)
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(found) != len(expected):
            wrong.append(f"{path}: expected {len(expected)} items, found {found!r:.300}")
            return
        for at, (each, other) in enumerate(zip(expected, found)):
            compare(f"{path}[{at}]", each, other, wrong)
    elif expected != found or isinstance(expected, bool) is not isinstance(found, bool):
        wrong.append(f"{path}: expected {expected!r:.300}, found {found!r:.300}")


def special(test: str, argument: Any, found: Any, there: bool) -> bool:
    text = found if isinstance(found, str) else json.dumps(found)
    words = argument if isinstance(argument, list) else [argument]
    if test == "$absent":
        return not there
    if test == "$any":
        return found is not None
    if test == "$contains":
        return all(word in text for word in words)
    if test == "$lacks":
        return not any(word in text for word in words)
    if test == "$near":
        return isinstance(found, (int, float)) and abs(argument - found) <= abs(argument) * 1e-6
    if test == "$json":
        wrong: list[str] = []
        compare("", argument, json.loads(found), wrong)
        return not wrong
    raise AssertionError(f"no such test: {test}")
