/** junto: a model router inside your process. */

export {
  type CatalogShape,
  Chat,
  Completions,
  Embeddings,
  Junto,
  type JuntoOptions,
  type KeySource,
  Models,
  type ProviderOptions,
  type RequestOptions,
  type Search,
  type SearchOptions,
  type SearchResult,
} from "./client.js";
export {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  ContentFilterError,
  ContextLengthError,
  DecodeError,
  type ErrorKind,
  InsufficientCreditsError,
  InternalServerError,
  JuntoError,
  ModelNotFoundError,
  NoEndpointError,
  NotFoundError,
  OverloadedError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from "./errors.js";
export { type Fetch, type FetchOptions, createFetch } from "./fetch.js";
export { type Candidate, type DataPolicy, Plan, type Pricing } from "./plan.js";
export { type Slug, type Variant, parseSlug } from "./slug.js";
export { Stream } from "./stream.js";
export type * from "./types.js";
