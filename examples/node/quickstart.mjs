/** A plan, an answer and a stream on a loopback vendor; with MODEL=.. PROMPT=.. and keys in the environment, for real. */

import { createServer } from "node:http";

import { Junto } from "junto";

const { MODEL, PROMPT = "Say hello." } = process.env;
const vendor = MODEL ? undefined : await loopback();
const junto = vendor ? new Junto({ env: false, providers: vendor.providers, seed: 7 }) : new Junto();
const request = {
  model: MODEL ?? "openai/gpt-4o",
  messages: [{ role: "user", content: PROMPT }],
  provider: vendor && { order: ["azure", "openai"] },
};

console.log(`${junto.explain(request)}\n`);

const answer = await junto.chat.completions.create(request);
console.log(`${answer.choices[0].message.content}  (${answer.model} via ${answer.provider}, $${answer.usage?.cost ?? "?"})\n`);

for await (const chunk of await junto.chat.completions.create({ ...request, stream: true })) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  for (const { provider, status, duration_ms } of chunk.routing?.attempts ?? []) {
    process.stdout.write(`\n  ${provider}: ${status ?? "no answer"} in ${duration_ms} ms`);
  }
}
console.log();
vendor?.close();

/** An Azure that is down and an OpenAI that answers word by word. */
async function loopback() {
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const { stream } = JSON.parse(text);
    if (request.url.startsWith("/azure")) {
      return response.writeHead(503, { "content-type": "application/json" }).end('{"error":{"message":"the deployment is down","code":"503"}}');
    }
    const head = { id: "chatcmpl-demo", created: Math.floor(Date.now() / 1000), model: "gpt-4o-mini-2024-07-18" };
    const usage = { prompt_tokens: 10, completion_tokens: 6, total_tokens: 16 };
    const words = ["Hello", " from", " the", " loopback", " vendor", "."];
    if (!stream) {
      const choice = { index: 0, message: { role: "assistant", content: words.join("") }, finish_reason: "stop" };
      return response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ ...head, object: "chat.completion", choices: [choice], usage }));
    }
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (rest) => response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", choices: [], ...rest })}\n\n`);
    for (const content of words) {
      send({ choices: [{ index: 0, delta: { content }, finish_reason: null }] });
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    send({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
    send({ usage });
    response.end("data: [DONE]\n\n");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  return {
    providers: { openai: { apiKey: "demo", baseURL: `${url}/openai` }, azure: { apiKey: "demo", baseURL: `${url}/azure` } },
    close: () => server.close().closeAllConnections(),
  };
}
