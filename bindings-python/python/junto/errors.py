"""What a call raises. The names are the OpenAI SDK's where it has one."""

from __future__ import annotations

from ._json_text import loads
from .plan import Rejection
from .types import Attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Mapping

__all__ = [
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "CanceledError",
    "ContentFilterError",
    "ContextLengthError",
    "InsufficientCreditsError",
    "InternalServerError",
    "JuntoError",
    "ModelNotFoundError",
    "NoEndpointError",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "RateLimitError",
    "UnprocessableEntityError",
]


class JuntoError(Exception):
    """Everything that junto raises about a call.

    ``message`` is one sentence, the vendor's own where it gave one.
    """

    message: str
    #: The error as an OpenAI-compatible server would answer it: the inside of ``{"error": ...}``.
    body: dict[str, Any]
    #: The name of the failure, the same in every language: ``RateLimited``, ``ContextLength``, ...
    kind: str | None
    #: The HTTP status that a server would answer with.
    status_code: int | None
    #: For a program: ``rate_limit_exceeded``, ``context_length_exceeded``, ...
    code: str | None
    #: The OpenAI-style type.
    type: str | None
    #: The field of the request that is wrong.
    param: str | None
    #: The provider that answered, where one did.
    provider: str | None
    #: The HTTP status that the provider answered with.
    provider_status: int | None
    #: How many seconds the vendor asked to wait.
    retry_after: float | None

    def __init__(self, message: str, body: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.body = dict(body or {})
        self.code = self.body.get("code")
        self.type = self.body.get("type")
        self.param = self.body.get("param")
        metadata = self._metadata
        self.kind = metadata.get("error_type")
        self.status_code = _STATUS.get(self.kind or "")
        self.provider = metadata.get("provider")
        self.provider_status = metadata.get("provider_status")
        self.retry_after = metadata.get("retry_after")

    def __reduce__(self) -> tuple[Any, ...]:
        return self.__class__, (self.message, self.body)

    @property
    def _metadata(self) -> dict[str, Any]:
        return self.body.get("metadata") or {}

    @property
    def attempts(self) -> list[Attempt]:
        """What was tried, in order."""
        return [Attempt(attempt) for attempt in self._metadata.get("attempts", ())]

    @property
    def excluded_by(self) -> list[Rejection]:
        """Why each endpoint was left out, where none was left."""
        return [Rejection(rejection) for rejection in self._metadata.get("excluded_by", ())]


class APIError(JuntoError):
    """A call failed."""


class APIStatusError(APIError):
    """A vendor, or junto in its place, answered with an error status."""


class BadRequestError(APIStatusError):
    """The request is wrong, whoever serves it; ``param`` names the field."""


class ContentFilterError(BadRequestError):
    """A safety filter stopped the prompt or the answer."""


class ContextLengthError(BadRequestError):
    """The prompt does not fit the model's context."""


class AuthenticationError(APIStatusError):
    """The vendor refused the key."""


class InsufficientCreditsError(APIStatusError):
    """The account at the vendor has no credit left."""


class PermissionDeniedError(APIStatusError):
    """The key is valid but may not do this."""


class NotFoundError(APIStatusError):
    """Nothing serves the model."""


class ModelNotFoundError(NotFoundError):
    """No such model, here or at the vendor."""


class NoEndpointError(NotFoundError):
    """No endpoint may serve the request; ``excluded_by`` says why."""


class UnprocessableEntityError(APIStatusError):
    """The endpoint cannot express the request."""


class RateLimitError(APIStatusError):
    """The vendor's rate limit was hit; see ``retry_after``."""


class InternalServerError(APIStatusError):
    """The vendor failed."""


class OverloadedError(InternalServerError):
    """The vendor is overloaded."""


class APIConnectionError(APIError):
    """The vendor could not be reached, or the connection broke."""


class APITimeoutError(APIConnectionError):
    """A deadline passed."""


class APIResponseValidationError(APIError):
    """The vendor answered something that is not its own format."""


class CanceledError(APIError):
    """The caller gave up."""


# One row per kind of the core: its HTTP status and its class.
_KINDS: dict[str, tuple[int, type[JuntoError]]] = {
    "Authentication": (401, AuthenticationError),
    "BadRequest": (400, BadRequestError),
    "Canceled": (499, CanceledError),
    "ContentFilter": (400, ContentFilterError),
    "ContextLength": (400, ContextLengthError),
    "Decode": (502, APIResponseValidationError),
    "InsufficientCredits": (402, InsufficientCreditsError),
    "ModelNotFound": (404, ModelNotFoundError),
    "NoEndpoint": (404, NoEndpointError),
    "Overloaded": (503, OverloadedError),
    "PermissionDenied": (403, PermissionDeniedError),
    "RateLimited": (429, RateLimitError),
    "Timeout": (504, APITimeoutError),
    "Transport": (502, APIConnectionError),
    "Unsupported": (422, UnprocessableEntityError),
    "Upstream": (502, InternalServerError),
}
_STATUS = {kind: status for kind, (status, _) in _KINDS.items()}


def from_json(text: str) -> JuntoError:
    """The exception for the JSON of an error; called by the native module."""
    body = loads(text)["error"]
    _, kind = _KINDS.get((body.get("metadata") or {}).get("error_type", ""), (0, APIError))
    return kind(_sentence(body), body)


def _sentence(body: dict[str, Any]) -> str:
    provider = (body.get("metadata") or {}).get("provider")
    return f"{provider}: {body['message']}" if provider else str(body["message"])
