/** What a failed call throws: one class for each of the core's error kinds, with the OpenAI SDK's names where it has one. */

import { native } from "./native.js";
import type { Attempt, ErrorBody, Rejection } from "./types.js";

/** The kinds of failure. */
export type ErrorKind =
  | "Authentication"
  | "BadRequest"
  | "Canceled"
  | "ContentFilter"
  | "ContextLength"
  | "Decode"
  | "InsufficientCredits"
  | "ModelNotFound"
  | "NoEndpoint"
  | "Overloaded"
  | "PermissionDenied"
  | "RateLimited"
  | "Timeout"
  | "Transport"
  | "Unsupported"
  | "Upstream";

interface KindRow {
  name: ErrorKind;
  status: number;
  code: string;
  type: string;
}

let rows: Map<string, KindRow> | undefined;

/** The HTTP status of a kind, by the core's own table. */
export function statusOf(kind: string): number {
  rows ??= new Map((JSON.parse(native.errorKinds()) as KindRow[]).map((row) => [row.name, row]));
  return rows.get(kind)?.status ?? 500;
}

/** Every failure of a call. */
export class JuntoError extends Error {
  /** The kind, as the core names it. */
  readonly kind: ErrorKind;
  /** The HTTP status that a server in front of junto would answer with. */
  readonly status: number;
  /** For a program: `rate_limit_exceeded`, `no_endpoint`, ... */
  readonly code: string;
  /** The OpenAI-style type. */
  readonly type: string;
  /** The field of the request that is wrong. */
  readonly param: string | undefined;
  /** The provider that answered, where one did. */
  readonly provider: string | undefined;
  /** Seconds that the vendor asked to wait. */
  readonly retryAfter: number | undefined;
  /** What was tried, in order. */
  readonly attempts: Attempt[];
  /** Why each endpoint was left out of the plan. */
  readonly excludedBy: Rejection[];
  /** The whole OpenAI-shaped body, as an HTTP client would have received it. */
  readonly error: ErrorBody;

  constructor(error: ErrorBody, options?: ErrorOptions) {
    super(error.message, options);
    const { metadata } = error;
    this.kind = metadata.error_type as ErrorKind;
    this.status = statusOf(metadata.error_type);
    this.code = error.code;
    this.type = error.type;
    this.param = error.param ?? undefined;
    this.provider = metadata.provider;
    this.retryAfter = metadata.retry_after;
    this.attempts = metadata.attempts ?? [];
    this.excludedBy = metadata.excluded_by ?? [];
    this.error = error;
  }

  override get name(): string {
    return this.constructor.name;
  }
}

/** The vendor refused the key. */
export class AuthenticationError extends JuntoError {}
/** The request is wrong, whoever serves it. */
export class BadRequestError extends JuntoError {}
/** The caller gave up. */
export class APIUserAbortError extends JuntoError {}
/** A safety filter stopped the prompt or the answer. */
export class ContentFilterError extends BadRequestError {}
/** The prompt does not fit the model's context. */
export class ContextLengthError extends BadRequestError {}
/** The vendor failed: a 5xx, an empty answer, or a stream that ended early. */
export class InternalServerError extends JuntoError {}
/** The vendor answered something that is not its own format. */
export class DecodeError extends InternalServerError {}
/** The account at the vendor has no credit left. */
export class InsufficientCreditsError extends JuntoError {}
/** Nothing there can serve the request. */
export class NotFoundError extends JuntoError {}
/** No such model, here or at the vendor. */
export class ModelNotFoundError extends NotFoundError {}
/** No endpoint may serve the request; `excludedBy` says why. */
export class NoEndpointError extends NotFoundError {}
/** The vendor is overloaded. */
export class OverloadedError extends InternalServerError {}
/** The key is valid but may not do this. */
export class PermissionDeniedError extends JuntoError {}
/** The vendor's rate limit was hit. */
export class RateLimitError extends JuntoError {}
/** The vendor could not be reached, or the connection broke. */
export class APIConnectionError extends JuntoError {}
/** A deadline passed. */
export class APIConnectionTimeoutError extends APIConnectionError {}
/** The endpoint cannot express the request. */
export class UnprocessableEntityError extends JuntoError {}

const classes: Record<ErrorKind, new (error: ErrorBody, options?: ErrorOptions) => JuntoError> = {
  Authentication: AuthenticationError,
  BadRequest: BadRequestError,
  Canceled: APIUserAbortError,
  ContentFilter: ContentFilterError,
  ContextLength: ContextLengthError,
  Decode: DecodeError,
  InsufficientCredits: InsufficientCreditsError,
  ModelNotFound: ModelNotFoundError,
  NoEndpoint: NoEndpointError,
  Overloaded: OverloadedError,
  PermissionDenied: PermissionDeniedError,
  RateLimited: RateLimitError,
  Timeout: APIConnectionTimeoutError,
  Transport: APIConnectionError,
  Unsupported: UnprocessableEntityError,
  Upstream: InternalServerError,
};

/** The error of this body; `cause` is why the caller gave up, where it did. */
export function toError(error: ErrorBody, cause?: unknown): JuntoError {
  const Class = classes[error.metadata.error_type as ErrorKind] ?? JuntoError;
  return cause === undefined ? new Class(error) : new Class(error, { cause });
}

/** The error of a caller that gave up, and why it did. */
export function aborted(cause: unknown): JuntoError {
  const message = "the request was aborted";
  return toError({ code: "canceled", message, type: "canceled", param: null, metadata: { error_type: "Canceled" } }, cause);
}

/** Whether the core's JSON is an error; answers begin with another field. */
export function isFailure(json: string): boolean {
  return json.startsWith('{"error"');
}

/** The error of the core's JSON. */
export function failureOf(json: string): JuntoError {
  return toError((JSON.parse(json) as { error: ErrorBody }).error);
}

/** The value of the core's JSON; throws where it is an error. */
export function settle<T>(json: string): T {
  if (isFailure(json)) throw failureOf(json);
  return JSON.parse(json) as T;
}
