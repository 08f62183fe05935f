/**
 * A web server that streams: each visitor's request is a routed call, and a visitor who leaves closes the vendor's connection.
 * The handler is the same in Express: `app.post("/chat", express.json(), (request, response) => answer(request.body, request, response))`.
 */

import { createServer } from "node:http";
import { json } from "node:stream/consumers";

import { Junto, JuntoError } from "junto";

const junto = new Junto();

async function answer({ prompt }, request, response) {
  const left = new AbortController();
  response.on("close", () => left.abort());
  try {
    const messages = [{ role: "user", content: prompt }];
    const stream = await junto.chat.completions.create({ model: process.env.MODEL ?? "anthropic/claude-haiku-4-5", messages, stream: true }, { signal: left.signal });
    response.writeHead(200, { "content-type": "text/plain; charset=utf-8" });
    for await (const chunk of stream) {
      // A slow visitor slows the vendor.
      if (!response.write(chunk.choices[0]?.delta.content ?? "")) await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    }
    response.end();
  } catch (error) {
    if (response.headersSent || !(error instanceof JuntoError)) return response.destroy();
    response.writeHead(error.status, { "content-type": "application/json" }).end(JSON.stringify({ error: error.error }));
  }
}

const server = createServer(async (request, response) => answer(await json(request), request, response));
await new Promise((resolve) => server.listen(Number(process.env.PORT ?? 0), "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/chat`;
console.log(`curl -N ${url} -d '{"prompt": "Why is the sky blue?"}'`);

// With PORT it goes on; without, it asks itself once.
if (!process.env.PORT) {
  const visit = await fetch(url, { method: "POST", body: JSON.stringify({ prompt: "Why is the sky blue?" }) });
  console.log(await visit.text());
  server.close();
}
