/** A vendor on loopback that speaks OpenAI chat; the model's name says how it behaves. */

import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

/** Milliseconds. On a busy machine every process waits its turn, so tests are patient and only the soak is strict. */
const LIMIT = Number(process.env["JUNTO_CLOSE_MS"] ?? 2_000);

const USAGE = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };

export const messages = [{ role: "user", content: "Hello!" }];

/**
 * Behaviours: `plain`, `slow` (no head for a minute), `forever` (a chunk each 5 ms), `paced` (20 of them), `stall` (one chunk, then silence),
 * `cut` (one chunk, then the connection breaks), `many` (1,000 chunks at once), `status-503`.
 */
export async function startStub() {
  const stub = { requests: [], open: 0, closedEarly: 0, slowest: 0 };
  const server = createServer(async (request, response) => {
    stub.open++;
    // A node:http server sees the client leave here, whether the answer has begun or not.
    response.on("close", () => {
      stub.open--;
      if (!response.writableFinished) stub.closedEarly++;
    });
    let text = "";
    for await (const part of request) text += part;
    const body = JSON.parse(text);
    stub.requests.push({ url: request.url, headers: request.headers, body });
    const behaviour = body.model;
    if (request.url.endsWith("/embeddings")) {
      const vector = (at) => (body.encoding_format === "base64" ? Buffer.from(new Float32Array([at, 0.5]).buffer).toString("base64") : [at, 0.5]);
      const data = [body.input].flat().map((_, index) => ({ object: "embedding", index, embedding: vector(index) }));
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(JSON.stringify({ object: "list", data, model: body.model, usage: { prompt_tokens: 2, total_tokens: 2 } }));
    }
    if (behaviour === "slow") return;
    if (behaviour.startsWith("status-")) {
      response.writeHead(Number(behaviour.slice(7)), { "content-type": "application/json", "retry-after": "2" });
      return response.end(JSON.stringify({ error: { message: "the stub says no", type: "server_error", param: null, code: "stub" } }));
    }
    const head = { id: "chatcmpl-1", created: 1_700_000_000, model: "gpt-stub" };
    if (!body.stream) {
      const message = { role: "assistant", content: "Hi there", refusal: null };
      response.writeHead(200, { "content-type": "application/json" });
      return response.end(
        JSON.stringify({ ...head, object: "chat.completion", choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }], usage: USAGE }),
      );
    }
    const event = (delta, finish_reason = null, rest = {}) =>
      `data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason }], ...rest })}\n\n`;
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(event({ role: "assistant", content: "" }));
    response.write(event({ content: "Hi" }));
    if (behaviour === "stall") return;
    if (behaviour === "cut") {
      await sleep(20);
      return response.destroy();
    }
    if (behaviour === "forever") {
      while (!response.destroyed) {
        response.write(event({ content: " and" }));
        await sleep(5);
      }
      return;
    }
    if (behaviour === "paced") {
      for (let n = 0; n < 20; n++) {
        response.write(event({ content: " and" }));
        await sleep(5);
      }
    }
    if (behaviour === "flood") {
      const block = event({ content: "x".repeat(4096) }).repeat(16);
      let resume = () => undefined;
      response.on("drain", () => resume()).on("close", () => resume());
      while (!response.destroyed) {
        stub.flooded = (stub.flooded ?? 0) + block.length;
        if (!response.write(block)) await new Promise((resolve) => (resume = resolve));
      }
      return;
    }
    const words = behaviour === "many" ? 1_000 : 1;
    for (let n = 0; n < words; n++) response.write(event({ content: " there" }));
    response.write(event({}, "stop"));
    response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], usage: USAGE })}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stub.baseURL = `http://127.0.0.1:${server.address().port}/v1`;
  /** What a client is made of to reach the stub and nobody else. */
  stub.options = {
    providers: { openai: { apiKey: "sk-test-hidden", baseURL: stub.baseURL } },
    preferences: { only: ["openai"] },
  };
  stub.close = () => {
    server.closeAllConnections();
    server.close();
  };
  /** Waits until the vendor has nobody connected to an answer; fails after the limit. */
  stub.idle = async (limit = LIMIT) => {
    const begun = performance.now();
    while (stub.open > 0) {
      if (performance.now() > begun + limit) throw new Error(`the upstream connection is still open after ${limit} ms`);
      await sleep(1);
    }
    stub.slowest = Math.max(stub.slowest, performance.now() - begun);
  };
  return stub;
}
