"""Types of what a client is told. For type checkers: junto itself takes plain values, and does not import this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypedDict, Union

__all__ = ["Key", "Search", "SearchEngine", "SearchResult"]

#: A key, or a function that gives it and is asked before each attempt. Only `AsyncJunto` takes one that gives an awaitable.
Key = Union[str, Callable[[], Union[str, Awaitable[str]]]]


class _Found(TypedDict):
    url: str


class SearchResult(_Found, total=False):
    """A page that a search found; ``content`` is what it says that matters, as text or Markdown."""

    title: str
    content: str
    published: str


#: A search of one's own: given the words and how many pages to find at most. Where a request limits the domains, they are given
#: as ``include_domains`` and ``exclude_domains``.
Search = Callable[..., Union[Iterable[SearchResult], Awaitable[Iterable[SearchResult]]]]


class SearchEngine(TypedDict, total=False):
    """``engine`` is ``exa``, ``tavily``, ``brave`` or ``searxng``, or with ``source`` any name. ``price`` is in US dollars a
    search, ``timeout`` in seconds."""

    engine: str
    source: Search
    api_key: str
    base_url: str
    max_results: int
    price: float
    timeout: float
    allow_empty: bool
    search_prompt: str
