/** Models, endpoints and prices of your own, instead of the built-in catalog. */

import { ScriptedJunto } from "junto/testing";

const endpoint = (provider, prompt, completion) => ({ provider, upstream: "m-1", parameters: "chat", price: { prompt, completion } });
const catalog = {
  parameters: { chat: ["temperature", "max_tokens"] },
  models: [{ slug: "acme/m-1", name: "M 1", context: 32_000, output: ["text"], endpoints: [endpoint("east", 2, 8), endpoint("west", 1, 4)] }],
};
const row = (host) => ({ apiKey: "test", baseURL: `https://${host}.test/v1` });
const answer = { choices: [{ index: 0, message: { role: "assistant", content: "Hi" }, finish_reason: "stop" }], usage: { prompt_tokens: 1_000, completion_tokens: 500 } };

const junto = new ScriptedJunto([{ body: answer }], { env: false, catalog, providers: { east: row("east"), west: row("west") } });
const { provider, usage } = await junto.chat.completions.create({ model: "acme/m-1:floor", messages: [{ role: "user", content: "Hello!" }] });
console.log(provider, usage.cost); // west, at 1 and 4 dollars per million tokens
