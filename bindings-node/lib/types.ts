/** What requests and answers look like: OpenAI's chat completions, plus what a router adds. */

/** Any JSON value. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** Suggests the known strings and takes any other. */
type Open<T extends string> = T | (string & {});

// Requests

export interface CacheControl {
  type: "ephemeral";
  ttl?: "5m" | "1h";
}

export interface TextPart {
  type: "text";
  text: string;
  cache_control?: CacheControl;
}

export interface ImagePart {
  type: "image_url";
  /** `https://..` or `data:image/png;base64,..`. */
  image_url: { url: string; detail?: "auto" | "low" | "high" | "original" };
  cache_control?: CacheControl;
}

export interface FilePart {
  type: "file";
  file: { filename?: string; file_data?: string; file_id?: string };
  cache_control?: CacheControl;
}

export interface InputAudioPart {
  type: "input_audio";
  input_audio: { data: string; format: Open<"wav" | "mp3"> };
}

export interface VideoPart {
  type: "video_url";
  video_url: { url: string };
}

export interface RefusalPart {
  type: "refusal";
  refusal: string;
}

/** One part of a message, told apart by `type`. */
export type Part = TextPart | ImagePart | FilePart | InputAudioPart | VideoPart | RefusalPart;

export interface SystemMessage {
  role: "system" | "developer";
  content: string | TextPart[];
  name?: string;
  cache_control?: CacheControl;
}

export interface UserMessage {
  role: "user";
  content: string | Part[];
  name?: string;
  cache_control?: CacheControl;
}

export interface AssistantMessageParam {
  role: "assistant";
  content?: string | (TextPart | RefusalPart)[] | null;
  name?: string;
  tool_calls?: ToolCall[];
  refusal?: string | null;
  reasoning?: string | null;
  /** Blocks of an earlier answer, unmodified. */
  reasoning_details?: ReasoningDetail[];
  cache_control?: CacheControl;
}

export interface ToolMessage {
  role: "tool";
  tool_call_id: string;
  content: string | Part[];
  cache_control?: CacheControl;
}

/** One message of a conversation, told apart by `role`. */
export type Message = SystemMessage | UserMessage | AssistantMessageParam | ToolMessage;

export interface FunctionTool {
  type: "function";
  function: { name: string; description?: string; parameters?: Record<string, unknown>; strict?: boolean | null };
  cache_control?: CacheControl;
}

/** A tool that the vendor runs, such as `{ type: "web_search" }`. */
export interface ServerTool {
  type: Exclude<string, "function">;
  [field: string]: unknown;
}

export type Tool = FunctionTool | ServerTool;

export type ToolChoice = "auto" | "none" | "required" | { type: "function"; function: { name: string } };

export type ResponseFormat =
  | { type: "text" }
  | { type: "json_object" }
  | { type: "json_schema"; json_schema: { name: string; description?: string; schema?: Record<string, unknown>; strict?: boolean | null } };

export type Effort = "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max";

/** `effort` and `max_tokens` exclude each other. */
export interface Reasoning {
  effort?: Effort;
  max_tokens?: number;
  exclude?: boolean;
  enabled?: boolean;
  summary?: Open<"auto" | "concise" | "detailed">;
}

export interface WebPlugin {
  id: Open<"web">;
  enabled?: boolean;
  engine?: string;
  max_results?: number;
  search_prompt?: string;
}

/** A limit, or one limit per percentile. */
export type Percentiles = number | { p50?: number; p75?: number; p90?: number; p99?: number };

export type Sort = "price" | "throughput" | "latency";

/** Which endpoints may serve, in which order. Lists match a provider (`amazon-bedrock`) or one endpoint (`google-vertex/us-east5`). */
export interface Preferences {
  order?: string[];
  only?: string[];
  ignore?: string[];
  allow_fallbacks?: boolean;
  require_parameters?: boolean;
  data_collection?: "allow" | "deny";
  zdr?: boolean;
  sort?: Sort | { by: Sort; partition?: string };
  quantizations?: Open<"int4" | "int8" | "fp4" | "fp6" | "fp8" | "fp16" | "bf16" | "fp32" | "unknown">[];
  /** US dollars per million tokens, per request, per image. */
  max_price?: { prompt?: number; completion?: number; request?: number; image?: number };
  preferred_min_throughput?: Percentiles;
  preferred_max_latency?: Percentiles;
}

/** A chat request. Fields that are not here travel on to OpenAI-compatible endpoints. */
export interface ChatRequest {
  /** The slug, for instance `anthropic/claude-sonnet-4-5:thinking`. */
  model: string;
  messages: Message[];
  /** Fallback slugs, tried in order after `model`. */
  models?: string[];
  provider?: Preferences;
  /** The most that the answer may cost, in US dollars, by the estimated prompt and `max_tokens` (else 500). */
  max_cost?: number | null;
  plugins?: WebPlugin[];
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean } | null;
  max_tokens?: number | null;
  max_completion_tokens?: number | null;
  temperature?: number | null;
  top_p?: number | null;
  top_k?: number | null;
  min_p?: number | null;
  top_a?: number | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  repetition_penalty?: number | null;
  logit_bias?: Record<string, number> | null;
  logprobs?: boolean | null;
  top_logprobs?: number | null;
  n?: number | null;
  seed?: number | null;
  stop?: string | string[] | null;
  response_format?: ResponseFormat;
  tools?: Tool[];
  tool_choice?: ToolChoice;
  parallel_tool_calls?: boolean;
  reasoning?: Reasoning;
  reasoning_effort?: Effort | null;
  verbosity?: Open<"low" | "medium" | "high"> | null;
  web_search_options?: Record<string, unknown>;
  modalities?: Open<"text" | "audio" | "image">[] | null;
  audio?: Record<string, unknown> | null;
  prediction?: Record<string, unknown> | null;
  service_tier?: string | null;
  store?: boolean | null;
  user?: string;
  metadata?: Record<string, string> | null;
  prompt_cache_key?: string;
  cache_control?: CacheControl;
  [field: string]: unknown;
}

export interface ChatRequestNonStreaming extends ChatRequest {
  stream?: false | null;
}

export interface ChatRequestStreaming extends ChatRequest {
  stream: true;
}

// Answers

export type FinishReason = "stop" | "length" | "tool_calls" | "content_filter" | "error";

export interface ToolCall {
  id: string;
  type: "function";
  /** `arguments` is JSON text. */
  function: { name: string; arguments: string };
  /** The issuing host's signature, such as Gemini's; send it back unmodified. */
  extra_content?: Json;
}

/** One block of reasoning, told apart by `type`; send it back unmodified. */
export type ReasoningDetail = { id?: string | null; format?: string | null; index?: number } & (
  | { type: "reasoning.text"; text?: string | null; signature?: string | null }
  | { type: "reasoning.summary"; summary?: string }
  | { type: "reasoning.encrypted"; data?: string }
);

export interface Annotation {
  type: "url_citation";
  url_citation: { url: string; title: string; content?: string; start_index: number; end_index: number };
}

export interface ImageOutput {
  type: "image_url";
  image_url: { url: string };
}

export interface AudioOutput {
  id?: string;
  data?: string;
  transcript?: string;
  expires_at?: number;
}

export interface AssistantMessage {
  role: "assistant";
  content: string | null;
  refusal: string | null;
  reasoning?: string;
  reasoning_details?: ReasoningDetail[];
  tool_calls?: ToolCall[];
  annotations?: Annotation[];
  images?: ImageOutput[];
  audio?: AudioOutput;
}

export interface Choice {
  index: number;
  message: AssistantMessage;
  finish_reason: FinishReason | null;
  /** Why it ended, in the vendor's own word. */
  native_finish_reason: string | null;
  logprobs: Json | null;
  /** Only with `finish_reason: "error"`. */
  error?: ErrorBody;
}

/** Tokens and cost. A number that the vendor did not give is absent, never 0. */
export interface Usage {
  prompt_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  prompt_tokens_details?: {
    cached_tokens?: number;
    cache_write_tokens?: number;
    cache_write_1h_tokens?: number;
    audio_tokens?: number;
    image_tokens?: number;
  };
  completion_tokens_details?: {
    reasoning_tokens?: number;
    audio_tokens?: number;
    image_tokens?: number;
    accepted_prediction_tokens?: number;
    rejected_prediction_tokens?: number;
  };
  /** US dollars; `null` where a price is unknown. */
  cost: number | null;
  cost_details?: {
    upstream_inference_prompt_cost?: number;
    upstream_inference_completions_cost?: number;
    server_tool_cost?: number;
    upstream_inference_cost?: number;
  };
  server_tool_use_details?: { web_search_requests?: number; search_context_size?: "low" | "medium" | "high" };
}

/** One call to one endpoint. */
export interface Attempt {
  provider: string;
  /** The model as the provider names it. */
  model: string;
  /** The HTTP status; `null` where no answer came. */
  status: number | null;
  /** Why it failed; `null` where it served. */
  error: { kind: string; message: string } | null;
  /** Milliseconds after the request came in. */
  started: number;
  /** Milliseconds until the first content. */
  ttft_ms: number | null;
  /** Milliseconds until it ended. */
  duration_ms: number;
  usage?: Usage;
  /** US dollars, where known. */
  cost: number | null;
  /** Parameters that were left out for this endpoint. */
  dropped_parameters?: string[];
}

/** How a call ended. */
export interface Summary {
  requested: string;
  stream: boolean;
  id: string | null;
  model: string | null;
  endpoint: string | null;
  usage: Usage | null;
  /** Why it failed; of a caller who left, `canceled`. */
  error: ErrorBody | null;
  /** Of a call that was left before its first content, nothing is known. */
  attempts: Attempt[];
  duration_ms: number;
}

/** How an answer came to be. */
/** An endpoint that `max_cost` or the client's budget left out. */
export interface PassedOver {
  model: string;
  endpoint: string;
  code: "max_cost" | "budget";
  estimated_cost: number | null;
}

/** A client's budget, in US dollars. */
export interface BudgetState {
  limit: number;
  spent: number;
  reserved: number;
  remaining: number;
  /** Unix time in seconds. */
  resets_at: number | null;
}

/** What a client has spent, in US dollars. */
export interface Spend {
  cost: number;
  wasted_cost: number;
  requests: number;
  unknown_cost_requests: number;
  budget: BudgetState | null;
}

/** Costs are in US dollars. */
export interface Routing {
  requested: string;
  model: string;
  endpoint: string;
  attempts: Attempt[];
  estimated_cost?: number;
  /** What failed attempts cost; not part of `usage.cost`. */
  wasted_cost?: number;
  passed_over?: PassedOver[];
  budget?: BudgetState;
}

export interface ChatCompletion {
  id: string;
  object: "chat.completion";
  /** Unix time in seconds. */
  created: number;
  model: string;
  /** The provider that served. */
  provider: string;
  choices: Choice[];
  usage?: Usage;
  service_tier?: string;
  system_fingerprint?: string;
  routing?: Routing;
}

/** A piece of a tool call: `id`, `type` and `name` once, then fragments of `arguments`. */
export interface ToolCallDelta {
  index: number;
  id?: string;
  type?: "function";
  function: { name?: string; arguments?: string };
  extra_content?: Json;
}

export interface Delta {
  role?: "assistant";
  content?: string;
  refusal?: string;
  reasoning?: string;
  reasoning_details?: ReasoningDetail[];
  tool_calls?: ToolCallDelta[];
  annotations?: Annotation[];
  images?: ImageOutput[];
  audio?: AudioOutput;
}

export interface ChunkChoice {
  index: number;
  delta: Delta;
  finish_reason: FinishReason | null;
  native_finish_reason?: string;
  logprobs?: Json;
}

/** One piece of an answer. Every chunk of a stream has the same `id` and `model`; the last has `usage` and `routing`. */
export interface ChatCompletionChunk {
  id: string;
  object: "chat.completion.chunk";
  created: number;
  model: string;
  provider: string;
  choices: ChunkChoice[];
  usage?: Usage;
  service_tier?: string;
  system_fingerprint?: string;
  /** Only on the last chunk of a stream that failed; it is also thrown behind it. */
  error?: ErrorBody;
  routing?: Routing;
}

/** Why an endpoint is not in the plan. */
export interface Rejection {
  model: string;
  endpoint: string;
  /** For a program: `no_credentials`, `zdr`, `unsupported_parameter:tools`, ... */
  code: string;
  /** For a person. */
  message: string;
}

/** The `error` object of an answer or a chunk. */
export interface ErrorBody {
  code: string;
  message: string;
  type: string;
  param: string | null;
  metadata: {
    error_type: string;
    provider?: string;
    provider_status?: number;
    provider_code?: string;
    provider_type?: string;
    retry_after?: number;
    excluded_by?: Rejection[];
    attempts?: Attempt[];
    raw?: Json;
    [field: string]: unknown;
  };
}

// Embeddings

export type EncodingFormat = "float" | "base64";

/** A request for embeddings. Fields that are not here travel on to OpenAI-compatible endpoints. */
export interface EmbeddingRequest<Format extends EncodingFormat = EncodingFormat> {
  /** The slug, for instance `openai/text-embedding-3-small`. */
  model: string;
  /** Text, texts, tokens, or lists of tokens. */
  input: string | (string | number[])[] | number[];
  /** How many numbers a vector has, where the model can choose. */
  dimensions?: number;
  encoding_format?: Format;
  /** What the texts are; a vendor that needs it takes `document` where nothing is said. */
  input_type?: Open<"query" | "document" | "classification" | "clustering">;
  provider?: Preferences;
  user?: string;
  [field: string]: unknown;
}

export interface Embedding<Format extends EncodingFormat = "float"> {
  object: "embedding";
  /** Which of the inputs it belongs to. */
  index: number;
  /** Numbers, or the base64 of 32-bit floats, lowest byte first. */
  embedding: Format extends "base64" ? string : number[];
}

export interface EmbeddingResponse<Format extends EncodingFormat = "float"> {
  id: string;
  object: "list";
  data: Embedding<Format>[];
  model: string;
  provider: string;
  usage: Usage;
  routing?: Routing;
}

// Models

/** Which models to list. */
export interface ModelQuery {
  /** Only models, and of them only endpoints, that the client's keys and preferences allow. */
  available?: boolean;
  /** Preferences on top of the client's own; they imply `available`. */
  provider?: Preferences;
  /** Also ask the local servers what they serve. */
  local?: boolean;
}

export interface ModelList {
  object: "list";
  data: ModelInfo[];
}

export interface Architecture {
  /** For instance `text+image->text`. */
  modality: string | null;
  input_modalities: string[];
  output_modalities: string[];
  tokenizer: string | null;
}

/** US dollars per token, request, image or search, as exact decimals. */
export interface PriceList {
  prompt: string;
  completion: string;
  request?: string;
  image?: string;
  audio?: string;
  image_token?: string;
  image_output?: string;
  audio_output?: string;
  input_cache_read?: string;
  input_cache_write?: string;
  input_cache_write_1h?: string;
  internal_reasoning?: string;
  web_search?: string;
  /** Other prices for large prompts; the last that applies wins. */
  overrides?: ({ min_prompt_tokens: number } & Partial<
    Record<"prompt" | "completion" | "input_cache_read" | "input_cache_write" | "input_cache_write_1h", string>
  >)[];
}

/** One model. Prices and limits are those of its first endpoint. */
export interface ModelInfo {
  /** The slug to ask for. */
  id: string;
  object: "model";
  /** Unix time in seconds; 0 where nobody knows. */
  created: number;
  owned_by: string;
  canonical_slug: string;
  name: string;
  context_length: number | null;
  /** The day its author stops it. */
  expiration_date?: string;
  architecture: Architecture;
  /** `null` where the price is unknown. */
  pricing: PriceList | null;
  top_provider: { context_length: number | null; max_completion_tokens: number | null; is_moderated: boolean | null };
  per_request_limits: null;
  supported_parameters: string[];
}

/** A model with everyone who serves it. */
export interface ModelEndpoints {
  id: string;
  name: string;
  created: number;
  architecture: Architecture;
  endpoints: EndpointInfo[];
}

/** One provider's offer of one model. What is measured is measured in this process; `null` where nothing was. */
export interface EndpointInfo {
  name: string;
  model_id: string;
  model_name: string;
  provider_name: string;
  /** The name that preferences go by, for instance `azure` or `google-vertex/us-east5`. */
  tag: string;
  upstream_id: string;
  context_length: number | null;
  max_prompt_tokens: number | null;
  max_completion_tokens: number | null;
  pricing: PriceList | null;
  quantization: string | null;
  supported_parameters: string[];
  /** 0: well. -1: failed lately. -2: left alone for now. */
  status: 0 | -1 | -2;
  /** Percent of calls that did not fail. */
  uptime_last_30m: number | null;
  /** Seconds to the first token. */
  latency_last_30m: Percentiles | null;
  /** Tokens per second. */
  throughput_last_30m: Percentiles | null;
  supports_implicit_caching: boolean;
  data_policy: Json;
  available: boolean;
  /** Why not, as a code. */
  unavailable_reason?: string;
}
