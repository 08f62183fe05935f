/** A WHATWG `fetch` that answers OpenAI's URLs in process. */

import type { Junto } from "./client.js";
import { isFailure, statusOf } from "./errors.js";
import { type NativeClient, handles } from "./native.js";
import { askUntil, port } from "./port.js";
import { openStream } from "./stream.js";
import type { ErrorBody } from "./types.js";

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchOptions {
  /** Serves every URL that junto does not; without it they are refused. */
  fallback?: Fetch;
}

const OWN_PATH = /\/chat\/completions\/?$/;

/** A `fetch` over this client. Any host will do; the path says what is asked. */
export function createFetch(junto: Junto, { fallback }: FetchOptions = {}): Fetch {
  return async (input, init) => {
    const request = input instanceof Request ? input : undefined;
    const url = request?.url ?? String(input);
    const { pathname } = new URL(url);
    if (!OWN_PATH.test(pathname)) {
      if (fallback) return fallback(input, init);
      return refusal(404, "not_found", `junto.fetch serves /chat/completions, not ${pathname}; give createFetch a fallback for other URLs`);
    }
    const method = (init?.method ?? request?.method ?? "GET").toUpperCase();
    if (method !== "POST") return refusal(405, "method_not_allowed", `${pathname} takes POST, not ${method}`);
    const signal = init?.signal ?? request?.signal;
    signal?.throwIfAborted();
    const body = init?.body ?? request?.body ?? "";
    const json = typeof body === "string" ? body : await new Response(body).text();
    const client = handles.get(junto) as NativeClient;
    return wantsStream(json) ? streamed(client, json, signal) : whole(client, json, signal);
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

async function whole(client: NativeClient, json: string, signal: AbortSignal | null | undefined): Promise<Response> {
  const answer = (await unlessAborted(signal, askUntil(signal, (call) => client.chat(port, call, json)))) as string;
  return isFailure(answer) ? failed(answer) : new Response(answer, { headers: { "content-type": "application/json" } });
}

async function streamed(client: NativeClient, json: string, signal: AbortSignal | null | undefined): Promise<Response> {
  const stream = await unlessAborted(signal, openStream((call) => client.stream(port, call, json, true), signal));
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
