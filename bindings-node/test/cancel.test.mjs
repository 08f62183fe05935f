import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { APIUserAbortError, Junto } from "junto";

import { messages, startStub } from "./stub.mjs";

const stub = await startStub();
const junto = new Junto(stub.options);
after(() => stub.close());

const stream = (model, options) => junto.chat.completions.create({ model: `openai/${model}`, messages, stream: true }, options);

test("leaving the loop closes the upstream connection", async () => {
  for (let n = 0; n < 20; n++) {
    for await (const chunk of await stream("forever")) if (chunk.choices[0].delta.content) break;
    await stub.idle();
  }
});

test("an exception in the loop closes it too", async () => {
  await assert.rejects(async () => {
    for await (const _ of await stream("forever")) throw new RangeError("mine");
  }, RangeError);
  await stub.idle();
});

test("controller.abort() ends the stream quietly, even while a read waits", async () => {
  const chunks = await stream("stall");
  setTimeout(() => chunks.controller.abort(), 30);
  for await (const chunk of chunks) assert.ok(chunk.id);
  await stub.idle();
});

test("a signal that fires after the first chunk rejects with its reason", async () => {
  for (let n = 0; n < 20; n++) {
    const controller = new AbortController();
    const chunks = await stream("stall", { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 5);
    const read = async () => {
      for await (const chunk of chunks) assert.ok(chunk.id);
    };
    await assert.rejects(read, (error) => error instanceof APIUserAbortError && error.cause.message === "enough");
    await stub.idle();
  }
});

test("a signal that fires before the first chunk rejects the call", async () => {
  for (const streaming of [false, true]) {
    for (let n = 0; n < 20; n++) {
      const seen = stub.requests.length;
      const controller = new AbortController();
      const call = junto.chat.completions.create({ model: "openai/slow", messages, stream: streaming }, { signal: controller.signal });
      while (stub.requests.length === seen) await sleep(1);
      controller.abort();
      await assert.rejects(call, (error) => error instanceof APIUserAbortError && error.status === 499);
      await stub.idle();
    }
  }
});

test("a signal that has fired already asks nobody", async () => {
  const asked = stub.requests.length;
  await assert.rejects(stream("plain", { signal: AbortSignal.abort() }), APIUserAbortError);
  assert.equal(stub.requests.length, asked);
});

test("the caller's own onabort stays, and no listener is left behind", async () => {
  const controller = new AbortController();
  let mine = 0;
  controller.signal.onabort = () => mine++;
  let listeners = 0;
  const { addEventListener, removeEventListener } = controller.signal;
  controller.signal.addEventListener = (...args) => (listeners++, addEventListener.apply(controller.signal, args));
  controller.signal.removeEventListener = (...args) => (listeners--, removeEventListener.apply(controller.signal, args));
  for await (const chunk of await stream("plain", { signal: controller.signal })) assert.ok(chunk.id);
  for await (const chunk of await stream("forever", { signal: controller.signal })) if (chunk) break;
  await junto.chat.completions.create({ model: "openai/plain", messages }, { signal: controller.signal });
  await assert.rejects(junto.chat.completions.create({ model: "openai/status-401", messages }, { signal: controller.signal }));
  assert.equal(listeners, 0);
  controller.abort();
  assert.equal(mine, 1);
});

test("closing both sides of a tee closes the stream; closing one does not", async () => {
  const [left, right] = (await stream("forever")).tee();
  await left.next();
  await left.return();
  for (let n = 0; n < 10; n++) assert.equal((await right.next()).done, false);
  await right.return();
  await stub.idle();
});

test("a cancelled web stream closes the upstream connection", async () => {
  const reader = (await stream("forever")).toReadableStream().getReader();
  await reader.read();
  await reader.cancel();
  await stub.idle();
});

test("an abandoned stream is closed by the garbage collector", { skip: !globalThis.gc && "needs --expose-gc" }, async () => {
  await (async () => {
    const chunks = await stream("forever");
    await chunks.next();
  })();
  assert.equal(stub.open, 1);
  for (let n = 0; n < 50 && stub.open > 0; n++) {
    globalThis.gc();
    await sleep(10);
  }
  await stub.idle();
});

test("a slow reader slows the vendor", async () => {
  const chunks = await stream("flood");
  await chunks.next();
  await sleep(300);
  const before = stub.flooded;
  await sleep(300);
  assert.equal(stub.flooded, before, "the vendor could still write");
  assert.ok(before < 32 * 1024 * 1024, `${before} bytes were taken from the vendor`);
  await chunks.return();
  await stub.idle(500);
});
