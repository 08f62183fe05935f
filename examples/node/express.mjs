/** An Express handler that streams: each visitor's request is a routed call, and a visitor who leaves closes the vendor's connection. */

import { once } from "node:events";

import express from "express";
import { Junto, JuntoError } from "junto";

const junto = new Junto();
const app = express();

app.post("/chat", express.json(), async (request, response) => {
  const left = new AbortController();
  response.on("close", () => left.abort());
  const chat = { model: process.env.MODEL ?? "anthropic/claude-haiku-4-5", messages: [{ role: "user", content: request.body.prompt }], stream: true };
  try {
    const stream = await junto.chat.completions.create(chat, { signal: left.signal });
    response.type("text/plain");
    for await (const chunk of stream) {
      // A slow visitor slows the vendor.
      if (!response.write(chunk.choices[0]?.delta.content ?? "")) await once(response, "drain", { signal: left.signal });
    }
    response.end();
  } catch (error) {
    if (response.headersSent || !(error instanceof JuntoError)) return response.destroy();
    response.status(error.status).json({ error: error.error });
  }
});

const server = app.listen(Number(process.env.PORT ?? 0), "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${server.address().port}/chat`;
console.log(`curl -N ${url} --json '{"prompt": "Why is the sky blue?"}'`);

// With PORT it goes on; without, it asks itself: a visitor who stays, and one whose request is wrong.
if (!process.env.PORT) {
  const ask = (prompt) => fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ prompt }) });
  console.log(await (await ask("Why is the sky blue?")).text());
  console.log((await ask(7)).status);
  server.close();
}
