import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Junto } from "junto";
import { createFetch } from "junto/openai";

import { messages, startStub } from "./stub.mjs";

const stub = await startStub();
const junto = new Junto(stub.options);
after(() => stub.close());

const URL = "https://api.openai.com/v1/chat/completions";
const post = (body, init) => junto.fetch(URL, { method: "POST", body: JSON.stringify({ messages, ...body }), ...init });

test("a whole answer is a Response", async () => {
  const response = await post({ model: "openai/plain" });
  assert.ok(response instanceof Response && response.ok);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.equal((await response.json()).choices[0].message.content, "Hi there");
});

test("a Request object with a binary body does as well", async () => {
  const body = new TextEncoder().encode(JSON.stringify({ model: "openai/plain", messages }));
  const response = await junto.fetch(new Request(URL, { method: "POST", body }));
  assert.equal((await response.json()).choices[0].message.content, "Hi there");
});

test("headers that the caller added reach the vendor, those of the SDK and of a visitor do not", async () => {
  const headers = { "X-Trace": 7, "x-stainless-lang": "js", authorization: "Bearer unused", "api-key": "unused", "user-agent": "sdk" };
  for (const form of [headers, new Headers(headers), Object.entries(headers)]) {
    assert.equal((await post({ model: "openai/plain" }, { headers: form })).status, 200);
    const sent = stub.requests.at(-1).headers;
    assert.deepEqual([sent["x-trace"], sent["x-stainless-lang"], sent.authorization], ["7", undefined, "Bearer sk-test-hidden"]);
    assert.notEqual(sent["user-agent"], "sdk");
  }
  await junto.fetch(new Request(URL, { method: "POST", body: JSON.stringify({ model: "openai/plain", messages }), headers: { "x-visitor": "1" } }));
  assert.equal(stub.requests.at(-1).headers["x-visitor"], undefined);
});

test("a stream is server-sent events, [DONE] last", async () => {
  const response = await post({ model: "openai/many", stream: true });
  assert.match(response.headers.get("content-type"), /^text\/event-stream/);
  const events = (await response.text()).trim().split("\n\n").map((event) => event.replace(/^data: /, ""));
  assert.equal(events.pop(), "[DONE]");
  const text = events.map((event) => JSON.parse(event).choices[0]?.delta?.content ?? "").join("");
  assert.equal(text.length, 6_002);
});

test("a cut stream ends with an error event", async () => {
  const text = await (await post({ model: "openai/cut", stream: true })).text();
  const events = text.trim().split("\n\n").map((event) => event.replace(/^data: /, ""));
  assert.equal(events.pop(), "[DONE]");
  assert.ok(JSON.parse(events.pop()).error.code);
});

for (const streaming of [false, true]) {
  test(`a failure is a status and an error body (stream: ${streaming})`, async () => {
    const response = await post({ model: "openai/status-429", stream: streaming, provider: { only: ["openai"] } }, {});
    assert.equal(response.status, 429);
    assert.equal(response.headers.get("x-should-retry"), "false");
    assert.equal(response.headers.get("retry-after"), "2");
    assert.equal((await response.json()).error.code, "rate_limit_exceeded");
  });
}

test("a body that is no JSON is a 400", async () => {
  const response = await junto.fetch(URL, { method: "POST", body: "{" });
  assert.equal(response.status, 400);
});

test("other URLs are refused, or go to the fallback", async () => {
  const refused = await junto.fetch("https://api.openai.com/v1/files");
  assert.equal(refused.status, 404);
  assert.match((await refused.json()).error.message, /\/v1\/files.*fallback/);
  const withFallback = createFetch(junto, { fallback: async () => new Response("elsewhere") });
  assert.equal(await (await withFallback("https://api.openai.com/v1/files")).text(), "elsewhere");
  assert.equal((await junto.fetch(URL)).status, 405);
});

test("cancelling the body or aborting closes the upstream connection", async () => {
  const reader = (await post({ model: "openai/forever", stream: true })).body.getReader();
  await reader.read();
  await reader.cancel();
  await stub.idle();

  const controller = new AbortController();
  const response = await post({ model: "openai/stall", stream: true }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(response.text(), { name: "AbortError" });
  await stub.idle();

  await assert.rejects(post({ model: "openai/slow" }, { signal: AbortSignal.timeout(30) }), { name: "TimeoutError" });
  await stub.idle();
});
