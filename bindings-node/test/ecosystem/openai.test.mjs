/** The official `openai` package on junto.fetch; it is installed for this only. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import OpenAI from "openai";

import { messages, startStub } from "../stub.mjs";

let stub;
let openai;
before(async () => {
  console.log(`openai ${createRequire(import.meta.url)("openai/version").VERSION}`);
  stub = await startStub();
  openai = new OpenAI(openaiOptions(new Junto(stub.options)));
});
after(() => stub.close());

test("a whole answer", async () => {
  const answer = await openai.chat.completions.create({ model: "openai/plain", messages });
  assert.equal(answer.choices[0].message.content, "Hi there");
});

test("a stream, and leaving it", async () => {
  let text = "";
  for await (const chunk of await openai.chat.completions.create({ model: "openai/plain", messages, stream: true })) {
    text += chunk.choices[0]?.delta?.content ?? "";
  }
  assert.equal(text, "Hi there");
  for await (const chunk of await openai.chat.completions.create({ model: "openai/forever", messages, stream: true })) {
    if (chunk.choices[0].delta.content) break;
  }
  await stub.idle();
});

test("the stream runner", async () => {
  const whole = await openai.chat.completions.stream({ model: "openai/plain", messages }).finalChatCompletion();
  assert.equal(whole.choices[0].message.content, "Hi there");
});

test("errors are the SDK's own, and nothing is asked twice", async () => {
  const asked = stub.requests.length;
  const failure = await openai.chat.completions.create({ model: "openai/status-401", messages }).catch((error) => error);
  assert.ok(failure instanceof OpenAI.AuthenticationError, failure);
  assert.equal(failure.code, "invalid_api_key");
  assert.equal(stub.requests.length, asked + 1);
});

test("a stream that breaks is an APIError", async () => {
  const read = async () => {
    for await (const chunk of await openai.chat.completions.create({ model: "openai/cut", messages, stream: true })) assert.ok(chunk);
  };
  await assert.rejects(read, OpenAI.APIError);
});

test("an aborted request is the SDK's own error", async () => {
  const signal = AbortSignal.timeout(50);
  await assert.rejects(openai.chat.completions.create({ model: "openai/slow", messages }, { signal }), OpenAI.APIUserAbortError);
  await stub.idle();
});
