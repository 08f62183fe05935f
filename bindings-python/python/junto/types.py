"""What a call returns.

Every result is a ``dict`` with attributes: ``r.choices[0].message.content`` and ``r["choices"][0]["message"]["content"]``
are the same value, ``json.dumps(r)`` and ``pickle`` work, a message can be put into the next request as it is, and
fields that junto does not know are kept. Objects below the first level are made when they are first looked at.
"""

from __future__ import annotations

import sys
from _operator import methodcaller

# `typing` costs a quarter of the import, and only type checkers read it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, ClassVar, Iterator, Mapping, TypeVar

    _Self = TypeVar("_Self", bound="Object")


class Object(dict):  # type: ignore[type-arg]  # a bare dict keeps `Object` cheap to make
    """A JSON object with attribute access."""

    _fields: ClassVar[frozenset[str]] = frozenset()
    _kinds: ClassVar[Mapping[str, type[Object]]] = {}

    def __init_subclass__(cls, **kinds: type[Object]) -> None:
        # A documented field that is absent reads as None; a field of another object is made of its class.
        # A base class may be named by a field too (`Object` for any object).
        own = _annotated(cls)
        cls._fields = cls._fields.union(own)
        cls._kinds = {**cls._kinds, **kinds}
        for name, kind in own.items():
            # Found on the class, and for plain values without running Python: several times as fast as `__getattr__`.
            holds_objects = name in cls._kinds or "Object" in kind or "list" in kind
            setattr(cls, name, property(_nested(name) if holds_objects else methodcaller("get", name)))

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self._look(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _look(self, name: str) -> Any:
        value = self[name]
        kind = type(value)
        if kind is dict:
            value = self[name] = self._kinds.get(name, Object)(value)
        elif kind is list and value and type(value[0]) is dict:
            item = self._kinds.get(name, Object)
            value[:] = [item(each) if type(each) is dict else each for each in value]
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._fields, *(key for key in self.keys() if isinstance(key, str))})

    def __repr__(self) -> str:
        fields = ", ".join(f"{key}={self._look(key)!r}" for key in self.keys())
        return f"{type(self).__name__}({fields})"

    def __copy__(self: _Self) -> _Self:
        return type(self)(self)

    copy = __copy__

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.to_dict(),)

    def to_dict(self) -> dict[str, Any]:
        """Plain dicts and lists, all the way down."""
        return {key: _plain(value) for key, value in self.items()}

    def to_json(self, *, indent: int | None = None) -> str:
        """The object as JSON text."""
        return _json(self, indent)

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: set[str] | None = None,
        exclude: set[str] | None = None,
        by_alias: bool | None = None,
        exclude_unset: bool = True,
        exclude_defaults: bool = False,
        exclude_none: bool = False,
    ) -> dict[str, Any]:
        """As pydantic's. Values come from JSON, so both modes are the same; what the vendor did not send is not there."""
        plain = _without_none(self.to_dict()) if exclude_none else self.to_dict()
        return {
            key: value for key, value in plain.items() if (include is None or key in include) and (exclude is None or key not in exclude)
        }

    def model_dump_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """As pydantic's."""
        return _json(self.model_dump(exclude_none=exclude_none), indent)


def _json(value: Any, indent: int | None) -> str:
    import json  # here, because most programs do not ask for it

    return json.dumps(value, indent=indent, ensure_ascii=False)


def _annotated(cls: type) -> dict[str, str]:
    """The fields that the class itself documents. 3.14 makes annotations on demand, earlier ones inherit them."""
    annotations = cls.__dict__.get("__annotations__")
    return dict(cls.__annotations__ if annotations is None and sys.version_info >= (3, 14) else annotations or {})


def _nested(name: str) -> Callable[[Object], Any]:
    def look(self: Object) -> Any:
        value = self.get(name)
        kind = type(value)
        return self._look(name) if kind is dict or (kind is list and value and type(value[0]) is dict) else value

    return look


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_none(each) for each in value]
    return value


class PromptTokensDetails(Object):
    """What the prompt tokens were."""

    cached_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    audio_tokens: int | None
    image_tokens: int | None


class CompletionTokensDetails(Object):
    """What the completion tokens were."""

    reasoning_tokens: int | None
    audio_tokens: int | None
    image_tokens: int | None
    accepted_prediction_tokens: int | None
    rejected_prediction_tokens: int | None


class CompletionUsage(Object, prompt_tokens_details=PromptTokensDetails, completion_tokens_details=CompletionTokensDetails):
    """Tokens and cost in US dollars. A number that the vendor did not give is None, never 0."""

    prompt_tokens: int | None
    completion_tokens: int | None
    total_tokens: int | None
    prompt_tokens_details: PromptTokensDetails | None
    completion_tokens_details: CompletionTokensDetails | None
    cost: float | None
    cost_details: Object | None
    server_tool_use_details: Object | None


class AttemptError(Object):
    """Why an attempt failed."""

    kind: str
    message: str


class Attempt(Object, error=AttemptError, usage=CompletionUsage):
    """One call to one endpoint. Times are in milliseconds, the cost in US dollars."""

    provider: str
    model: str
    status: int | None
    error: AttemptError | None
    started: int
    ttft_ms: int | None
    duration_ms: int
    usage: CompletionUsage | None
    cost: float | None
    dropped_parameters: list[str] | None


class PassedOver(Object):
    """An endpoint that ``max_cost`` or the client's budget left out."""

    model: str
    endpoint: str
    code: str
    estimated_cost: float | None


class BudgetState(Object):
    """A client's budget, in US dollars. ``resets_at`` is Unix time in seconds."""

    limit: float
    spent: float
    reserved: float
    remaining: float
    resets_at: int | None


class Spend(Object, budget=BudgetState):
    """What a client has spent, in US dollars."""

    cost: float
    wasted_cost: float
    requests: int
    unknown_cost_requests: int
    budget: BudgetState | None


class Routing(Object, attempts=Attempt, passed_over=PassedOver, budget=BudgetState):
    """How an answer came to be. Costs are in US dollars; what failed attempts cost is not part of ``usage.cost``."""

    requested: str
    model: str
    endpoint: str
    attempts: list[Attempt]
    estimated_cost: float | None
    wasted_cost: float | None
    passed_over: list[PassedOver] | None
    budget: BudgetState | None


class Function(Object):
    """The call a model asks for; ``arguments`` is JSON text."""

    name: str
    arguments: str


class ToolCall(Object, function=Function):
    """A call for the caller to run."""

    id: str
    type: str
    function: Function


class UrlCitation(Object):
    """A web page and the part of the answer that rests on it."""

    url: str
    title: str
    content: str | None
    start_index: int
    end_index: int


class Annotation(Object, url_citation=UrlCitation):
    """A source that the answer cites."""

    type: str
    url_citation: UrlCitation | None


class ErrorBody(Object):
    """What went wrong after an answer began."""

    code: str
    message: str
    type: str
    param: str | None
    metadata: Object


class ChatCompletionMessage(Object, tool_calls=ToolCall, annotations=Annotation):
    """What the model said."""

    role: str
    content: str | None
    refusal: str | None
    reasoning: str | None
    reasoning_details: list[Object] | None
    tool_calls: list[ToolCall] | None
    annotations: list[Annotation] | None
    images: list[Object] | None
    audio: Object | None


class Choice(Object, message=ChatCompletionMessage, error=ErrorBody):
    """One answer."""

    index: int
    message: ChatCompletionMessage
    finish_reason: str | None
    native_finish_reason: str | None
    logprobs: Object | None
    error: ErrorBody | None


class ChatCompletion(Object, choices=Choice, usage=CompletionUsage, routing=Routing):
    """A whole answer."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    choices: list[Choice]
    usage: CompletionUsage | None
    routing: Routing | None
    service_tier: str | None
    system_fingerprint: str | None


class FunctionDelta(Object):
    """A piece of a call: the name once, then fragments of ``arguments``."""

    name: str | None
    arguments: str | None


class ToolCallDelta(Object, function=FunctionDelta):
    """A piece of a tool call: ``id``, ``type`` and name once."""

    index: int
    id: str | None
    type: str | None
    function: FunctionDelta | None


class Delta(Object, tool_calls=ToolCallDelta, annotations=Annotation):
    """A piece of a message."""

    role: str | None
    content: str | None
    refusal: str | None
    reasoning: str | None
    reasoning_details: list[Object] | None
    tool_calls: list[ToolCallDelta] | None
    annotations: list[Annotation] | None
    images: list[Object] | None
    audio: Object | None


class ChunkChoice(Object, delta=Delta):
    """What one choice gained."""

    index: int
    delta: Delta
    finish_reason: str | None
    native_finish_reason: str | None
    logprobs: Object | None


class ChatCompletionChunk(Object, choices=ChunkChoice, usage=CompletionUsage, routing=Routing, error=ErrorBody):
    """One piece of an answer. Usage and routing are on the last one."""

    id: str
    object: str
    created: int
    model: str
    provider: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None
    routing: Routing | None
    error: ErrorBody | None
    service_tier: str | None
    system_fingerprint: str | None


class Embedding(Object):
    """The vector of one input: numbers, or base64 text where that was asked for."""

    object: str
    index: int
    embedding: list[float]


class CreateEmbeddingResponse(Object, data=Embedding, usage=CompletionUsage, routing=Routing):
    """The vectors of the inputs, in their order."""

    object: str
    data: list[Embedding]
    model: str
    provider: str
    usage: CompletionUsage | None
    routing: Routing | None


class Architecture(Object):
    """What a model reads and writes."""

    modality: str | None
    input_modalities: list[str]
    output_modalities: list[str]
    tokenizer: str | None


class Model(Object, architecture=Architecture):
    """A model of the catalog. Prices are in US dollars per token, as text; they and the limits are its first endpoint's."""

    id: str
    object: str
    created: int
    owned_by: str
    canonical_slug: str
    name: str
    context_length: int | None
    architecture: Architecture
    pricing: Object | None
    top_provider: Object
    supported_parameters: list[str]


class ModelList(Object, data=Model):
    """Models; a ``for`` loop over the list gives them one by one."""

    object: str
    data: list[Model]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.data)


class Endpoint(Object):
    """One provider's offer of a model. What is measured was measured in this process."""

    name: str
    model_id: str
    provider_name: str
    tag: str
    upstream_id: str
    context_length: int | None
    max_prompt_tokens: int | None
    max_completion_tokens: int | None
    pricing: Object | None
    quantization: str | None
    supported_parameters: list[str]
    status: int
    uptime_last_30m: float | None
    latency_last_30m: Object | None
    throughput_last_30m: Object | None
    supports_implicit_caching: bool
    data_policy: Object | None
    available: bool
    unavailable_reason: str | None


class ModelEndpoints(Object, architecture=Architecture, endpoints=Endpoint):
    """A model with everyone who serves it."""

    id: str
    name: str
    created: int
    architecture: Architecture
    endpoints: list[Endpoint]


class Summary(Object, usage=CompletionUsage, error=ErrorBody, attempts=Attempt):
    """How a call ended: what `on_response` is called with."""

    requested: str
    stream: bool
    id: str | None
    model: str | None
    endpoint: str | None
    usage: CompletionUsage | None
    error: ErrorBody | None
    attempts: list[Attempt]
    duration_ms: int


class Slug(Object):
    """A parsed model slug, ``author/name[:variant]*``; ``display`` is its canonical form."""

    author: str | None
    name: str
    variants: list[str]
    display: str
    sort: str | None
