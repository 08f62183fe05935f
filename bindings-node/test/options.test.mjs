/** What a caller says about one call, and hooks. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { APIConnectionTimeoutError, BadRequestError, Junto } from "junto";

import { messages, startStub } from "./stub.mjs";

let stub;
before(async () => {
  stub = await startStub();
});
after(() => stub.close());

const request = { model: "openai/plain", messages };

test("headers of one call reach the vendor, in either form, and stay with that call", async () => {
  const junto = new Junto(stub.options);
  await junto.chat.completions.create(request, { headers: { "X-Trace": "7" } });
  assert.equal(stub.requests.at(-1).headers["x-trace"], "7");
  for await (const _ of await junto.chat.completions.create({ ...request, stream: true }, { headers: new Headers([["x-trace", "8"]]) }));
  assert.equal(stub.requests.at(-1).headers["x-trace"], "8");
  await junto.chat.completions.create(request);
  assert.equal(stub.requests.at(-1).headers["x-trace"], undefined);
});

test("a header that is not the caller's is refused by name", async () => {
  const call = new Junto(stub.options).chat.completions.create(request, { headers: { Authorization: "Bearer mine" } });
  await assert.rejects(call, (error) => error instanceof BadRequestError && error.param === "headers" && /Authorization/.test(error.message));
});

test("a timeout of one call, whole or streamed", async () => {
  const junto = new Junto(stub.options);
  for (const stream of [false, true]) {
    const late = junto.chat.completions.create({ model: "openai/slow", messages, stream }, { timeout: 50 });
    await assert.rejects(late, (error) => error instanceof APIConnectionTimeoutError && error.status === 504);
    await stub.idle();
  }
  await assert.rejects(junto.chat.completions.create(request, { timeout: -1 }), (error) => error.param === "timeout");
});

test("hooks are told of every attempt and of every call that ended", async () => {
  const [attempts, summaries] = [[], []];
  const junto = new Junto({ ...stub.options, onAttempt: (attempt) => attempts.push(attempt), onResponse: (summary) => summaries.push(summary) });
  await junto.chat.completions.create(request);
  for await (const _ of await junto.chat.completions.create({ ...request, stream: true }));
  await junto.chat.completions.create({ ...request, model: "openai/status-401" }).catch(() => undefined);
  for await (const _ of await junto.chat.completions.create({ ...request, model: "openai/forever", stream: true })) break;
  while (summaries.length < 4) await sleep(1);
  assert.deepEqual(attempts.slice(0, 3).map(({ provider, status }) => [provider, status]), [["openai", 200], ["openai", 200], ["openai", 401]]);
  assert.deepEqual(summaries.map(({ stream, error }) => [stream, error?.code ?? null]), [
    [false, null],
    [true, null],
    [false, "invalid_api_key"],
    [true, "canceled"],
  ]);
  assert.equal(summaries[0].usage.total_tokens, 5);
  assert.ok(!JSON.stringify([attempts, summaries]).includes("sk-test-hidden"));
});

test("a hook that throws or rejects breaks no call; it is a warning", async () => {
  const warnings = [];
  const listen = (warning) => warnings.push(`${warning.name}: ${warning.message}`);
  process.on("warning", listen);
  const onAttempt = () => {
    throw new Error("my hook");
  };
  const onResponse = () => Promise.reject(new Error("my other hook"));
  const junto = new Junto({ ...stub.options, onAttempt, onResponse });
  assert.equal((await junto.chat.completions.create(request)).object, "chat.completion");
  await sleep(10);
  process.off("warning", listen);
  assert.deepEqual(warnings, ["Error: my hook", "Error: my other hook"]);
});
