/** A provider that junto does not know: here a server in this program that speaks OpenAI's format. */

import { createServer } from "node:http";

import { Junto } from "junto";

const server = createServer((request, response) => {
  const message = { role: "assistant", content: `Hello from ${request.url}` };
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ id: "1", choices: [{ index: 0, message, finish_reason: "stop" }], usage: { prompt_tokens: 9, completion_tokens: 3 } }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const junto = new Junto({
  providers: {
    "my-vllm": { baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: "secret", policy: { trains: false, retains: false } },
  },
});
const answer = await junto.chat.completions.create({ model: "my-vllm/qwen3-32b", messages: [{ role: "user", content: "Hello!" }] });
console.log(answer.provider, answer.choices[0].message.content);
server.close();
