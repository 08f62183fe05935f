"""What there is: models, endpoints, slugs, and the command line that shows them."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import sys
from typing import Any

import pytest
from vendor import Vendor

from junto import AsyncJunto, BadRequestError, Junto, ModelNotFoundError, parse_slug
from junto.testing import Script
from junto.types import Model, ModelList

KEYS = {"env": False, "providers": {"openai": {"api_key": "sk-test-secret"}}}


def test_models_are_listed_and_iterated() -> None:
    client = Junto(**KEYS)
    listed = client.models.list()
    assert isinstance(listed, ModelList) and len(listed.data) == len(list(listed)) > 20
    first = next(iter(listed))
    assert isinstance(first, Model) and "/" in first.id and repr(listed).startswith("ModelList(object='list'")
    for again in (pickle.loads(pickle.dumps(listed)), json.loads(json.dumps(listed)), listed.to_dict(), json.loads(listed.to_json())):
        assert again == listed
    available = {model.id for model in client.models.list(available=True)}
    assert "openai/gpt-4o" in available and "anthropic/claude-sonnet-4-5" not in available


def test_one_model_and_who_serves_it() -> None:
    client = Junto(**KEYS)
    model = client.models.retrieve("openai/gpt-4o")
    assert model.id == "openai/gpt-4o" and model.context_length and model.architecture.input_modalities
    endpoints = client.models.endpoints("openai/gpt-4o").endpoints
    assert {endpoint.tag: endpoint.available for endpoint in endpoints}["openai"]
    with pytest.raises(ModelNotFoundError, match="gpt-4o"):
        client.models.retrieve("openai/gpt-4p")


def test_models_in_asyncio() -> None:
    async def main() -> tuple[Any, Any, Any]:
        models = AsyncJunto(**KEYS).models
        return await models.list(available=True), await models.retrieve("openai/gpt-4o"), await models.endpoints("openai/gpt-4o")

    listed, model, endpoints = asyncio.run(main())
    assert model in list(listed) and endpoints.id == model.id


def test_slugs_are_parsed() -> None:
    slug = parse_slug("OpenAI/gpt-4o:floor:Online")
    assert (slug.author, slug.name, slug.variants, slug.sort) == ("openai", "gpt-4o", ["floor", "online"], "floor")
    with pytest.raises(BadRequestError):
        parse_slug("")


def test_the_command_line(vendor: Vendor) -> None:
    def junto(*arguments: str, expect: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "error", "-m", "junto", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30)
        assert done.returncode == expect, done.stderr
        return done

    plan = junto("explain", "openai/gpt-4o", "--sort", "price", OPENAI_API_KEY="sk-test-secret").stdout
    assert plan.startswith("openai/gpt-4o  (about ") and "not used:" in plan and "(set AZURE_" in plan and "sk-test-secret" not in plan
    models = junto("models", "gpt-4o").stdout
    assert "openai/gpt-4o" in models and "claude" not in models
    assert "azure" in junto("models", "openai/gpt-4o").stdout
    key = {"OPENAI_API_KEY": "sk-test-secret", "OPENAI_BASE_URL": vendor.base_url}
    answer = junto("chat", "openai/count-3", "Hello!", **key)
    assert answer.stdout == "piece 0 piece 1 piece 2 \n" and "served" in answer.stderr
    failed = junto("chat", "openai/status-401", "Hello!", expect=1, **key)
    assert failed.stderr.startswith("AuthenticationError: openai: scripted status-401") and not failed.stdout


def test_embeddings() -> None:
    vectors = {"object": "list", "model": "m", "data": [{"object": "embedding", "index": at, "embedding": [at, 0.5]} for at in range(2)]}
    script = Script().respond(200, {**vectors, "usage": {"prompt_tokens": 4, "total_tokens": 4}}, repeat=True)
    r = Junto(transport=script, **KEYS).embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"], dimensions=2)
    assert [each.embedding for each in r.data] == [[0, 0.5], [1, 0.5]] and r.usage is not None and r.usage.prompt_tokens == 4
    assert r.routing is not None and r.routing.endpoint == "openai" and script.requests[0]["body"]["dimensions"] == 2

    async def main() -> Any:
        return await AsyncJunto(transport=script, **KEYS).embeddings.create(model="openai/text-embedding-3-small", input=["a", "b"])

    assert len(asyncio.run(main()).data) == 2
    with pytest.raises(TypeError, match="model"):
        Junto(**KEYS).embeddings.create(model=3, input="x")  # type: ignore[arg-type]
