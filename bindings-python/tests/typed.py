"""What a caller's type checker sees: checked by pyright and mypy in strict mode, and never run."""

from __future__ import annotations

from junto import AsyncJunto, Junto, RateLimitError, parse_slug
from junto.settings import SearchResult
from junto.testing import Script
from junto.types import Attempt, ChatCompletionChunk, Summary


def attempt(told: Attempt) -> None:
    print(told.provider, told.duration_ms)


def summary(told: Summary) -> None:
    print(told.requested, told.usage.cost if told.usage else None)


def search(query: str, max_results: int) -> list[SearchResult]:
    pages: list[SearchResult] = [{"url": "https://example.com", "title": query}]
    return pages[:max_results]


async def key() -> str:
    return "k"


def sync() -> str:
    script = Script().answer("Hello!")
    with Junto(transport=script, on_attempt=attempt, on_response=summary, timeout=30) as client:
        answer = client.chat.completions.create(model="openai/gpt-4o", messages=[{"role": "user", "content": "Hello!"}])
        text: str | None = answer.choices[0].message.content
        for chunk in client.chat.completions.create(model="openai/gpt-4o", messages=[], stream=True):
            piece: str | None = chunk.choices[0].delta.content
            print(piece)
        vectors: list[float] = client.embeddings.create(model="openai/text-embedding-3-small", input="x").data[0].embedding
        slugs: list[str] = [model.id for model in client.models.list(available=True)]
        tags: list[str] = [endpoint.tag for endpoint in client.models.endpoints("openai/gpt-4o").endpoints]
        print(client.explain(model="openai/gpt-4o").candidates[0].endpoint, vectors, slugs, tags, parse_slug("a/b").name)
        try:
            client.with_options(timeout=1).chat.completions.create(messages=[], extra_headers={"x-a": "b"})
        except RateLimitError as error:
            print(error.retry_after, error.attempts[0].provider)
        return text or ""


def asked() -> None:
    Junto(api_key=lambda: "k", search=search).refresh_catalog("https://models.dev/api.json")
    AsyncJunto(api_key=key, search=[{"engine": "exa"}, {"engine": "docs", "source": search}, search])


async def asynchronous(client: AsyncJunto) -> list[ChatCompletionChunk]:
    answer = await client.chat.completions.create(model="openai/gpt-4o", messages=[])
    print(answer.usage.total_tokens if answer.usage else None)
    async with await client.chat.completions.create(model="openai/gpt-4o", messages=[], stream=True) as stream:
        return [chunk async for chunk in stream]
