import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, test } from "node:test";

import * as esm from "junto";
import { Junto } from "junto";

import { messages, startStub } from "./stub.mjs";

const stub = await startStub();
const junto = new Junto(stub.options);
after(() => stub.close());

test("an answer is OpenAI's, and says who served it", async () => {
  const answer = await junto.chat.completions.create({ model: "openai/plain", messages, temperature: 0.5 });
  assert.equal(answer.object, "chat.completion");
  assert.equal(answer.choices[0].message.content, "Hi there");
  assert.equal(answer.choices[0].finish_reason, "stop");
  assert.equal(answer.usage.total_tokens, 5);
  assert.equal(answer.provider, "openai");
  assert.equal(answer.routing.attempts.length, 1);
  const sent = stub.requests.at(-1);
  assert.equal(sent.url, "/v1/chat/completions");
  assert.equal(sent.headers.authorization, "Bearer sk-test-hidden");
  assert.equal(sent.body.temperature, 0.5);
});

test("a stream yields chunks and ends with usage", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/plain", messages, stream: true });
  let text = "";
  let last;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    last = chunk;
  }
  assert.equal(text, "Hi there");
  assert.equal(last.usage.total_tokens, 5);
  assert.equal(last.routing.endpoint, "openai");
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("a thousand chunks arrive in order, none lost", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/many", messages, stream: true });
  let words = 0;
  for await (const chunk of stream) if (chunk.choices[0]?.delta?.content === " there") words++;
  assert.equal(words, 1_000);
});

test("overlapping reads are served in order", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/plain", messages, stream: true });
  const reads = await Promise.all(Array.from({ length: 12 }, () => stream.next()));
  const text = reads.map((read) => read.value?.choices[0]?.delta?.content ?? "").join("");
  assert.equal(text, "Hi there");
  assert.equal(reads.at(-1).done, true);
});

test("both sides of a tee see everything", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/many", messages, stream: true });
  const read = async (side) => {
    let text = "";
    for await (const chunk of side) text += chunk.choices[0]?.delta?.content ?? "";
    return text.length;
  };
  const [left, right] = stream.tee();
  assert.deepEqual(await Promise.all([read(left), read(right)]), [6_002, 6_002]);
});

test("toReadableStream gives lines of JSON", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/plain", messages, stream: true });
  const lines = (await new Response(stream.toReadableStream()).text()).trim().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join(""), "Hi there");
});

test("a vendor's failure is a class with everything that was tried", async () => {
  const failure = await junto.chat.completions.create({ model: "openai/status-401", messages }).catch((error) => error);
  assert.ok(failure instanceof esm.AuthenticationError && failure instanceof esm.JuntoError && failure instanceof Error);
  assert.equal(failure.name, "AuthenticationError");
  assert.equal(failure.status, 401);
  assert.equal(failure.provider, "openai");
  assert.equal(failure.attempts.length, 1);
  assert.equal(failure.error.code, failure.code);
  assert.match(failure.message, /the stub says no/);
  assert.ok(!JSON.stringify(failure).includes("sk-test-hidden") && !failure.stack.includes("sk-test-hidden"));
});

test("a stream that fails before its content rejects the call", async () => {
  const failure = await junto.chat.completions.create({ model: "openai/status-400", messages, stream: true }).catch((error) => error);
  assert.ok(failure instanceof esm.BadRequestError, failure);
});

test("a stream that is cut throws behind its chunks, and only once", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/cut", messages, stream: true });
  let text = "";
  let last;
  await assert.rejects(
    async () => {
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta?.content ?? "";
        last = chunk;
      }
    },
    (error) => error instanceof esm.JuntoError && error.status >= 500,
  );
  assert.equal(text, "Hi");
  assert.equal(last.choices[0].finish_reason, "error");
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test("both sides of a tee see the error", async () => {
  const stream = await junto.chat.completions.create({ model: "openai/cut", messages, stream: true });
  const read = async (side) => {
    for await (const chunk of side) assert.ok(chunk.id);
  };
  const [left, right] = stream.tee();
  await assert.rejects(read(left), esm.JuntoError);
  await assert.rejects(read(right), esm.JuntoError);
});

test("a wrong request names the field", async () => {
  const wrong = junto.chat.completions.create({ model: "openai/plain", messages, temperature: "hot" });
  await assert.rejects(wrong, (error) => error instanceof esm.BadRequestError && error.param === "temperature");
});

test("a wrong configuration is an error when the client is made", () => {
  assert.throws(() => new Junto({ tiemout: 3 }), (error) => error instanceof esm.BadRequestError && /tiemout/.test(error.message));
});

test("a timeout is an error of its own", async () => {
  const late = junto.chat.completions.create({ model: "openai/slow", messages }, { timeout: 50 });
  await assert.rejects(late, (error) => error instanceof esm.APIConnectionTimeoutError && error.status === 504);
  await stub.idle();
});

test("ESM and CommonJS share one set of classes", async () => {
  const cjs = createRequire(import.meta.url)("junto");
  assert.equal(cjs.Junto, esm.Junto);
  assert.equal(esm.default, esm.Junto);
  await assert.rejects(new cjs.Junto(stub.options).chat.completions.create({ model: "openai/status-401", messages }), esm.AuthenticationError);
});

test("there is one class for each kind of error, with the core's status", async () => {
  const { native, toError } = createRequire(import.meta.url)("../dist/junto.js");
  const kinds = JSON.parse(native.errorKinds());
  const classes = new Set();
  for (const { name, status, code } of kinds) {
    const error = toError({ code, message: name, type: "t", param: null, metadata: { error_type: name } });
    assert.equal(error.status, status);
    assert.notEqual(error.constructor, esm.JuntoError, `${name} has no class of its own`);
    classes.add(error.constructor);
  }
  assert.equal(classes.size, kinds.length);
});
