import assert from "node:assert/strict";
import { test } from "node:test";

import { APIConnectionError, BadRequestError, RateLimitError } from "junto";
import { ScriptedJunto } from "junto/testing";

import { messages } from "./stub.mjs";

// A catalog of one model that two providers serve.
const endpoint = (provider) => ({ provider, upstream: "m", parameters: "some", price: { prompt: 1, completion: 2 } });
const options = {
  env: false,
  providers: {
    alpha: { apiKey: "sk-hidden", baseURL: "https://alpha.test/v1" },
    beta: { apiKey: "sk-hidden", baseURL: "https://beta.test/v1" },
  },
  catalog: {
    parameters: { some: ["temperature", "max_tokens"] },
    models: [{ slug: "test/model", name: "Model", context: 8_000, output: ["text"], endpoints: [endpoint("alpha"), endpoint("beta")] }],
  },
  preferences: { order: ["alpha", "beta"] },
};
const request = { model: "test/model", messages };
const answer = (content) => ({
  id: "1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-mini",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
});
const events = (...deltas) => [
  ...deltas.map((delta) => `data: ${JSON.stringify({ id: "1", created: 1, model: "m", choices: [{ index: 0, delta, finish_reason: null }] })}\n\n`),
  `data: ${JSON.stringify({ id: "1", created: 1, model: "m", choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\n`,
  "data: [DONE]\n\n",
];

test("a busy provider falls over to the next, and both are in the attempts", async () => {
  const junto = new ScriptedJunto([{ to: "alpha.test", status: 503, body: { error: { message: "busy" } } }, { body: answer("Hi") }], options);
  const { choices, routing } = await junto.chat.completions.create(request);
  assert.equal(choices[0].message.content, "Hi");
  assert.deepEqual(routing.attempts.map(({ provider, status }) => [provider, status]), [["alpha", 503], ["beta", 200]]);
  assert.deepEqual(junto.requests.map(({ method, body }) => [method, body.messages.length]), [["POST", 1], ["POST", 1]]);
  assert.ok(!JSON.stringify(junto.requests).includes("sk-hidden"));
});

test("a stream comes in reads, at any split", async () => {
  const bytes = events({ content: "Hel" }, { content: "lo" }).join("");
  const reads = bytes.match(/[^]{1,7}/g).map((data) => ({ data, after: 1 }));
  const junto = new ScriptedJunto([{ reads }], { ...options, preferences: { only: ["beta"] } });
  let text = "";
  for await (const chunk of await junto.chat.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  assert.equal(text, "Hello");
});

test("a stream that breaks throws behind its chunks", async () => {
  const reads = [...events({ content: "Hel" }).slice(0, 1), { after: 5, error: "interrupted" }];
  const junto = new ScriptedJunto([{ reads }], { ...options, preferences: { only: ["beta"] } });
  let text = "";
  const read = async () => {
    for await (const chunk of await junto.chat.completions.create({ ...request, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
  };
  await assert.rejects(read, (error) => error.status === 502);
  assert.equal(text, "Hel");
});

test("failures have their classes", async () => {
  const once = { ...options, maxRetries: 0, preferences: { only: ["beta"] } };
  const ask = (script) => new ScriptedJunto(script, once).chat.completions.create(request);
  await assert.rejects(ask([{ error: "connect" }]), APIConnectionError);
  await assert.rejects(ask([{ status: 429, headers: { "retry-after": "7" }, body: { error: { message: "slow down" } } }]), (error) => {
    return error instanceof RateLimitError && error.retryAfter === 7;
  });
});

test("the plan names who would serve and who would not", () => {
  const plan = new ScriptedJunto([], options).explain({ ...request, provider: { order: ["beta"], only: ["beta"] } });
  assert.deepEqual(plan.candidates.map(({ provider }) => provider), ["beta"]);
  assert.equal(plan.rejected.find(({ endpoint }) => endpoint === "alpha").code, "not_in_only");
  assert.match(String(plan), /beta/);
  assert.deepEqual(JSON.parse(JSON.stringify(plan)).candidates, plan.candidates);
});

test("a plan without anybody is an error with the reasons", () => {
  const nobody = () => new ScriptedJunto([], { env: false, catalog: options.catalog, providers: { alpha: { baseURL: "https://a.test" }, beta: { baseURL: "https://b.test" } } }).explain(request);
  assert.throws(nobody, (error) => error.code === "no_endpoint" && error.excludedBy.some(({ code }) => code === "no_credentials"));
});

test("health travels and spending is counted", async () => {
  const junto = new ScriptedJunto([{ body: answer("Hi") }], { ...options, budget: { limit: 2.5, period: "day", allowUnknownPrices: true } });
  await junto.chat.completions.create(request);
  const { requests, budget } = junto.spend();
  assert.equal(requests, 1);
  assert.equal(budget.limit, 2.5);
  const health = junto.exportHealth();
  assert.equal(JSON.parse(health).endpoints[0].provider, "alpha");
  const other = new ScriptedJunto([], { ...options, health });
  assert.equal(JSON.parse(other.exportHealth()).endpoints[0].model, "test/model");
  assert.throws(() => other.importHealth('{"version": 99}'), (error) => error instanceof BadRequestError && /health.version/.test(error.message));
});
