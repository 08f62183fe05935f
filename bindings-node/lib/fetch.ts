/** A WHATWG `fetch` that answers OpenAI's URLs in process. */

import type { Junto } from "./client.js";
import { isFailure, statusOf } from "./errors.js";
import { type NativeClient, handles } from "./native.js";
import { askUntil, callOptions, pairs, port } from "./port.js";
import { type Open, openStream } from "./stream.js";
import type { ErrorBody } from "./types.js";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchOptions {
  /** Serves every URL that junto does not; without it they are refused. */
  fallback?: Fetch;
}

/** What an OpenAI-shaped URL asks for, told by the end of its path; the host does not matter. */
const ROUTES: [RegExp, "GET" | "POST", Route][] = [
  [/\/chat\/completions\/?$/, "POST", (client, json, own, signal) => (wantsStream(json) ? streamed((call) => client.stream(port, call, json, true, own), signal) : whole((call) => client.chat(port, call, json, own), signal))],
  [/\/responses\/?$/, "POST", (client, json, own, signal) => (wantsStream(json) ? streamed((call) => client.respondStream(port, call, json, true, own), signal) : whole((call) => client.respond(port, call, json, own), signal))],
  [/\/embeddings\/?$/, "POST", (client, json, own, signal) => whole((call) => client.embed(port, call, json, own), signal)],
  [/\/models\/(.+)\/endpoints\/?$/, "GET", (client, slug) => answer(client.endpoints(slug))],
  [/\/models\/(.+)$/, "GET", (client, slug) => answer(client.model(slug))],
  [/\/models\/?$/, "GET", (client, _, own, signal) => whole((call) => client.models(port, call, "{}", own), signal)],
];

/** `asked` is the body of a POST, and of a GET what the path names; `own` what the caller says about the call. */
type Route = (client: NativeClient, asked: string, own: string | undefined, signal: AbortSignal | null | undefined) => Response | Promise<Response>;

/** Headers in which SDKs speak of themselves and of the connection, and those of keys, which are junto's own to choose. */
const SDKS = /^(accept.*|api-key|authorization|connection|content-.*|cookie|host|idempotency-key|openai-organization|openai-project|transfer-encoding|user-agent|x-api-key|x-stainless-.*)$/i;

/** The headers that the caller added, for the vendor. Those of a `Request` are not: it may be a visitor's, handed on. */
function added(headers: RequestInit["headers"]): string | undefined {
  const own = pairs(headers ?? []).filter(([name]) => !SDKS.test(String(name)));
  return own.length === 0 ? undefined : callOptions(undefined, own.map((pair) => pair.map(String)));
}

/** A `fetch` over this client. */
export function createFetch(junto: Junto, { fallback }: FetchOptions = {}): Fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const { pathname } = new URL(request?.url ?? String(input));
    const route = ROUTES.find(([path]) => path.test(pathname));
    if (!route) {
      if (fallback) return fallback(input, init);
      const served = "/chat/completions, /responses, /embeddings and /models";
      return refusal(404, "not_found", `junto.fetch serves ${served}, not ${pathname}; give createFetch a fallback for other URLs`);
    }
    const [path, takes, serve] = route;
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    if (method !== takes) return refusal(405, "method_not_allowed", `${pathname} takes ${takes}, not ${method}`);
    const signal = init?.signal ?? request?.signal;
    signal?.throwIfAborted();
    const client = handles.get(junto) as NativeClient;
    const own = added(init?.headers);
    if (method === "GET") return serve(client, decodeURIComponent(path.exec(pathname)?.[1] ?? ""), own, signal);
    const body = init?.body ?? request?.body ?? "";
    return serve(client, typeof body === "string" ? body : await new Response(body).text(), own, signal);
  };
}

/** Text that is no JSON is the core's to refuse. */
function wantsStream(json: string): boolean {
  try {
    return (JSON.parse(json) as { stream?: unknown } | null)?.stream === true;
  } catch {
    return false;
  }
}

async function whole(start: (call: number) => void, signal: AbortSignal | null | undefined): Promise<Response> {
  return answer((await unlessAborted(signal, askUntil(signal, start))) as string);
}

function answer(json: string): Response {
  return isFailure(json) ? failed(json) : new Response(json, { headers: { "content-type": "application/json" } });
}

async function streamed(open: Open, signal: AbortSignal | null | undefined): Promise<Response> {
  const stream = await unlessAborted(signal, openStream(open, signal));
  if (typeof stream === "string") return failed(stream);
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const events = (await stream.next()) as Uint8Array | null;
        if (signal?.aborted) throw signal.reason;
        if (events !== null) return controller.enqueue(events);
        controller.close();
      },
      cancel: () => stream.cancel(),
    },
    // Nothing is read ahead of the reader.
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" } });
}

/** As with any fetch, an aborted one rejects with the signal's own reason. */
async function unlessAborted<T>(signal: AbortSignal | null | undefined, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}

/** The core's error as an HTTP client would see it. Retries were junto's, so the client's own are told not to. */
function failed(json: string): Response {
  const { metadata } = (JSON.parse(json) as { error: ErrorBody }).error;
  const headers = new Headers({ "content-type": "application/json", "x-should-retry": "false" });
  if (metadata.retry_after !== undefined) headers.set("retry-after", String(Math.ceil(metadata.retry_after)));
  return new Response(json, { status: statusOf(metadata.error_type), headers });
}

function refusal(status: number, code: string, message: string): Response {
  const error = { code, message, type: "invalid_request_error", param: null };
  return Response.json({ error }, { status, headers: { "x-should-retry": "false" } });
}
