/** The client: OpenAI's surface over the native half. It decides nothing. */

import { failureOf, settle } from "./errors.js";
import { type Fetch, createFetch } from "./fetch.js";
import { type NativeClient, handles, native } from "./native.js";
import { type Explained, Plan } from "./plan.js";
import { addListener, addSource, askUntil, callOptions, pairs, port } from "./port.js";
import { Stream } from "./stream.js";
import type {
  Attempt,
  ChatCompletion,
  ChatCompletionChunk,
  ChatRequest,
  ChatRequestNonStreaming,
  ChatRequestStreaming,
  EmbeddingRequest,
  EmbeddingResponse,
  EncodingFormat,
  ModelEndpoints,
  ModelInfo,
  ModelList,
  ModelQuery,
  Preferences,
  Spend,
  Summary,
} from "./types.js";

/** A function that is asked for a key before each request to the vendor, for keys that change while the program runs. */
export type KeySource = () => string | Promise<string>;

/** What a caller may say about one provider, or about a provider of their own: any field of its row. Times are in milliseconds. */
export interface ProviderOptions {
  apiKey?: string | KeySource;
  /** Travels as `Authorization: Bearer`, instead of a key. */
  accessToken?: string | KeySource;
  /** Tried in order. */
  apiKeys?: string[];
  baseURL?: string;
  headers?: Record<string, string>;
  /** Values for `{name}` in its URL. */
  options?: Record<string, string>;
  /** How long a stream may take to its first content. */
  firstContentTimeout?: number;
  /** How long a stream may be silent after it. */
  idleTimeout?: number;
  [field: string]: unknown;
}

/** One page that a search of the caller's own found. */
export interface SearchResult {
  url: string;
  title?: string;
  /** What it says that matters here; plain text or Markdown. */
  content?: string;
  /** When it was published, in any form. */
  published?: string | null;
}

/** A search of the caller's own. */
export type Search = (
  query: string,
  maxResults: number,
  domains: { includeDomains: string[]; excludeDomains: string[] },
) => SearchResult[] | Promise<SearchResult[]>;

/** A search engine for `:online` and the `web` plugin where the endpoint cannot search itself. */
export interface SearchOptions {
  /** `brave`, `exa`, `searxng`, `tavily`, or any name for a search of one's own. */
  engine: string;
  /** Searches, instead of an engine that junto knows. */
  source?: Search;
  apiKey?: string;
  baseURL?: string;
  maxResults?: number;
  /** US dollars a search. */
  price?: number;
  /** Milliseconds. */
  timeout?: number;
  /** Whether the model is asked although nothing was found. */
  allowEmpty?: boolean;
  searchPrompt?: string;
}

/** How a list of models is written. */
export type CatalogShape = "junto" | "litellm" | "models.dev" | "openrouter";

/** Times are in milliseconds. */
export interface JuntoOptions {
  /** The key of the hosted router, which then serves any slug. */
  apiKey?: string | KeySource;
  /** Keys, base URLs, headers, policies, by provider. Keys that are not here come from the environment. */
  providers?: Record<string, ProviderOptions>;
  /** Defaults under each request's `provider`. */
  preferences?: Preferences;
  /** How long a call may take, fallbacks included. */
  timeout?: number;
  /** How long a stream may take to its first content. */
  firstContentTimeout?: number;
  /** How long a stream may be silent after it. */
  idleTimeout?: number;
  /** How often the last endpoint that is left is asked again. */
  maxRetries?: number;
  /** Makes plans repeatable. */
  seed?: number;
  /** Is told of every attempt when it ends: the endpoint, how long it took, what it cost, why it failed. */
  onAttempt?: (attempt: Attempt) => unknown;
  /** Is told of every call that ended: with an answer, a stream read to its end, an error, or because the caller left. */
  onResponse?: (summary: Summary) => unknown;
  /** The most that may be spent, in US dollars, in each `"hour"`, `"day"` or `"month"` of UTC, or so many seconds. */
  budget?: { limit: number; period?: "hour" | "day" | "month" | number; allowUnknownPrices?: boolean };
  /** What `exportHealth()` of another client gave, to start with. */
  health?: string;
  /** Models and who serves them, instead of the built-in catalog: in its format or that of a known list, or `{ file }`. */
  catalog?: object;
  /** What to put on top of the catalog, the last one wins: as `catalog`, or `{ url }`. It stays on top of every refresh. */
  catalogOverlay?: object[];
  /** Search engines, the first is asked first. Without any: those whose key is in the environment. */
  search?: Search | SearchOptions | (Search | SearchOptions)[];
  /** The variables to read keys from: the process's (`true`), none (`false`), or these. */
  env?: boolean | Record<string, string>;
}

/** What a caller may say about one call. */
export interface RequestOptions {
  /** Aborting it closes the vendor's connection and rejects with `APIUserAbortError`. */
  signal?: AbortSignal | null | undefined;
  /** How many milliseconds this call may take, fallbacks included; of a stream, until its first content. */
  timeout?: number | undefined;
  /** Headers of every request to a vendor. Keys belong to `providers`. */
  headers?: Record<string, string> | Headers | undefined;
}

const snake = (name: string): string => name.replace("URL", "Url").replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** The core's field names, and its seconds instead of milliseconds. */
const coreFields = (options: object): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      snake(name),
      typeof value === "number" && /timeout$/i.test(name) ? value / 1000 : value,
    ]),
  );

/** The core's JSON of the options, and of the numbers of the functions among them. JSON leaves functions out. */
function configuration({ apiKey, providers = {}, budget, search, onAttempt, onResponse, ...options }: JuntoOptions): [config: string, hooks: string] {
  const rows = Object.entries(apiKey === undefined ? providers : { ...providers, junto: { apiKey, ...providers["junto"] } });
  const engines = search && [search].flat().map((given) => (typeof given === "function" ? { engine: "custom", source: given } : given));
  const config = {
    ...coreFields(options),
    budget: budget && coreFields(budget),
    search: engines?.map(coreFields),
    providers: Object.fromEntries(rows.map(([slug, row]) => [slug, coreFields(row)])),
  };
  const sources = (given: [name: string, source: unknown][]): [name: string, number][] =>
    given.flatMap(([name, source]) => (typeof source === "function" ? [[name, addSource(source as Parameters<typeof addSource>[0])]] : []));
  const hooks = {
    attempt: onAttempt && addListener(onAttempt),
    response: onResponse && addListener(onResponse),
    keys: sources(rows.map(([slug, { apiKey }]) => [slug, apiKey])),
    tokens: sources(rows.map(([slug, { accessToken }]) => [slug, accessToken])),
    searches: sources(engines?.map(({ engine, source }) => [engine, source]) ?? []),
  };
  return [JSON.stringify(config), JSON.stringify(hooks)];
}

const ownOptions = ({ timeout, headers }: RequestOptions): string | undefined => callOptions(timeout, headers && pairs(headers));

/** A model router inside this process. */
export class Junto {
  readonly chat: Chat;
  readonly embeddings: Embeddings;
  readonly models: Models;
  /** A WHATWG `fetch` that answers OpenAI's URLs in process, for the `openai` package and others like it. */
  readonly fetch: Fetch;

  /** Keys come from the environment by the vendors' own variable names, unless they are given here. */
  constructor(options: JuntoOptions = {}, script?: string) {
    const handle = native.connect(port, ...configuration(options), script);
    if (typeof handle === "string") throw failureOf(handle);
    handles.set(this, handle);
    this.chat = new Chat(handle);
    this.embeddings = new Embeddings(handle);
    this.models = new Models(handle);
    this.fetch = createFetch(this);
  }

  /** The plan of a request: ranked endpoints, and the others with the reason. Asks nobody. */
  explain(request: ChatRequest): Plan {
    return new Plan(settle<Explained>((handles.get(this) as NativeClient).explain(JSON.stringify(request))));
  }

  /** What was measured in the last 5 minutes, as JSON for `importHealth` or the `health` option of another client. */
  exportHealth(): string {
    return (handles.get(this) as NativeClient).exportHealth();
  }

  /** Starts with what another client exported; a mistake in it is a `BadRequestError` that names its path. */
  importHealth(health: string): void {
    const failure = (handles.get(this) as NativeClient).importHealth(health);
    if (failure !== null) throw failureOf(failure);
  }

  /**
   * Takes over a list of models: junto's own, models.dev's, LiteLLM's or OpenRouter's; recognised where `shape` does not say. Calls
   * that begin later see it. Where it cannot be fetched or read the catalog stays as it was.
   */
  async refreshCatalog(url: string, { shape, signal }: { shape?: CatalogShape; signal?: AbortSignal | null } = {}): Promise<void> {
    const handle = handles.get(this) as NativeClient;
    settle<null>((await askUntil(signal, (call) => handle.refreshCatalog(port, call, url, shape))) as string);
  }

  /** What was spent since the client was made, and what its budget has left. */
  spend(): Spend {
    return JSON.parse((handles.get(this) as NativeClient).spend()) as Spend;
  }
}

export class Chat {
  readonly completions: Completions;

  /** @internal */
  constructor(handle: NativeClient) {
    this.completions = new Completions(handle);
  }
}

export class Completions {
  readonly #native: NativeClient;

  /** @internal */
  constructor(handle: NativeClient) {
    this.#native = handle;
  }

  /** Asks for an answer: whole, or with `stream: true` as an async iterable of chunks. */
  create(request: ChatRequestNonStreaming, options?: RequestOptions): Promise<ChatCompletion>;
  create(request: ChatRequestStreaming, options?: RequestOptions): Promise<Stream<ChatCompletionChunk>>;
  create(request: ChatRequest, options?: RequestOptions): Promise<ChatCompletion | Stream<ChatCompletionChunk>>;
  async create(request: ChatRequest, options: RequestOptions = {}): Promise<ChatCompletion | Stream<ChatCompletionChunk>> {
    const [json, own, { signal }] = [JSON.stringify(request), ownOptions(options), options];
    if (request?.stream) return Stream.open<ChatCompletionChunk>((call) => this.#native.stream(port, call, json, false, own), signal);
    const answer = await askUntil(signal, (call) => this.#native.chat(port, call, json, own));
    return settle<ChatCompletion>(answer as string);
  }
}

export class Embeddings {
  readonly #native: NativeClient;

  /** @internal */
  constructor(handle: NativeClient) {
    this.#native = handle;
  }

  /** Asks for the vectors of texts: lists of numbers, or base64 of 32-bit floats. */
  async create<Format extends EncodingFormat = "float">(
    request: EmbeddingRequest<Format>,
    options: RequestOptions = {},
  ): Promise<EmbeddingResponse<Format>> {
    const [json, own] = [JSON.stringify(request), ownOptions(options)];
    return settle<EmbeddingResponse<Format>>((await askUntil(options.signal, (call) => this.#native.embed(port, call, json, own))) as string);
  }
}

/** Which models there are, who serves them, and how those fared in this process. */
export class Models {
  readonly #native: NativeClient;

  /** @internal */
  constructor(handle: NativeClient) {
    this.#native = handle;
  }

  /** Every model of the catalog; with a query only those that keys and preferences allow, or those of local servers too. */
  async list(query: ModelQuery = {}, options: RequestOptions = {}): Promise<ModelList> {
    const [json, own] = [JSON.stringify(query), ownOptions(options)];
    return settle<ModelList>((await askUntil(options.signal, (call) => this.#native.models(port, call, json, own))) as string);
  }

  /** One model. */
  async retrieve(slug: string): Promise<ModelInfo> {
    return settle<ModelInfo>(this.#native.model(slug));
  }

  /** A model with everyone who serves it. */
  async endpoints(slug: string): Promise<ModelEndpoints> {
    return settle<{ data: ModelEndpoints }>(this.#native.endpoints(slug)).data;
  }
}
