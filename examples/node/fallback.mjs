/** What happens when a provider is down, on a script instead of the network. */

import { RateLimitError } from "junto";
import { ScriptedJunto } from "junto/testing";

const options = { env: false, providers: { openai: { apiKey: "test" }, azure: { apiKey: "test", baseURL: "https://azure.test" } }, maxRetries: 0 };
const request = { model: "openai/gpt-4o", messages: [{ role: "user", content: "Hello!" }], provider: { order: ["azure", "openai"] } };
const hello = { choices: [{ index: 0, message: { role: "assistant", content: "Hello!" }, finish_reason: "stop" }] };

// Azure is down, so OpenAI serves; the answer says so.
const junto = new ScriptedJunto([{ to: "azure.test", status: 503, body: { error: { message: "down" } } }, { body: hello }], options);
const { choices, routing } = await junto.chat.completions.create(request);
console.log(choices[0].message.content);
for (const { provider, status, error } of routing.attempts) console.log(`  ${provider}: ${status} ${error?.message ?? "served"}`);

// Everybody is busy: the error of the last, with everything that was tried.
const busy = new ScriptedJunto([{ status: 429, headers: { "retry-after": "7" }, body: { error: { message: "busy" } }, repeat: true }], options);
try {
  await busy.chat.completions.create(request);
} catch (error) {
  if (!(error instanceof RateLimitError)) throw error;
  console.log(`${error.name}: after ${error.retryAfter} seconds again; tried ${error.attempts.map(({ provider }) => provider).join(", ")}`);
}
