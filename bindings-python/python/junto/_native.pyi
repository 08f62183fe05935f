from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, final

__all__ = ["ChatStream", "Client", "Script", "__version__", "parse_slug"]

__version__: str

_Kind: TypeAlias = Literal["chat", "embed", "models", "refresh_catalog", "respond"]

def parse_slug(slug: str) -> str: ...
@final
class Client:
    def __new__(
        cls,
        config: str,
        script: Script | None = None,
        on_attempt: Callable[[str], None] | None = None,
        on_response: Callable[[str], None] | None = None,
        callbacks: list[tuple[str, str, Callable[[str, Any, Callable[..., None]], None]]] = ...,
    ) -> Client: ...
    def ask(self, kind: _Kind, request: str, timeout: float | None = None, headers: list[tuple[str, str]] | None = None) -> str: ...
    def ask_async(
        self, kind: _Kind, request: str, timeout: float | None = None, headers: list[tuple[str, str]] | None = None
    ) -> Awaitable[str]: ...
    def stream(
        self,
        kind: Literal["chat", "respond"],
        request: str,
        timeout: float | None = None,
        headers: list[tuple[str, str]] | None = None,
        events: bool = False,
    ) -> ChatStream: ...
    def stream_async(
        self,
        kind: Literal["chat", "respond"],
        request: str,
        timeout: float | None = None,
        headers: list[tuple[str, str]] | None = None,
        events: bool = False,
    ) -> Awaitable[ChatStream]: ...
    def explain(self, request: str) -> tuple[str, str]: ...
    def model(self, slug: str) -> str: ...
    def endpoints(self, slug: str) -> str: ...
    def export_health(self) -> str: ...
    def import_health(self, health: str) -> None: ...
    def spend(self) -> str: ...

@final
class ChatStream:
    def next_batch(self) -> str | None: ...
    def next_batch_async(self) -> Awaitable[str | None] | str | None: ...
    def close(self) -> None: ...

@final
class Script:
    def __new__(cls, real_time: bool = False) -> Script: ...
    def elapsed(self) -> float: ...
    def then(
        self,
        status: int,
        headers: list[tuple[str, str]],
        reads: list[tuple[float, bytes]],
        *,
        delay: float = 0.0,
        url: str | None = None,
        repeat: bool = False,
        error: tuple[str, str] | None = None,
    ) -> None: ...
    def requests(self) -> str: ...
    def remaining(self) -> int: ...
