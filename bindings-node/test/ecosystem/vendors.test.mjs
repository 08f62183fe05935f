/** The official `openai` package on junto, with vendors that speak other wire formats: the simulator's Anthropic and Gemini. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import OpenAI from "openai";

import { messages } from "../stub.mjs";
import { MODELS, startSimulator } from "./simulator.mjs";

let simulator;
let openai;
before(async () => {
  simulator = await startSimulator();
  openai = new OpenAI(openaiOptions(new Junto(simulator.options)));
});
after(() => simulator.close());

for (const model of MODELS) {
  test(`${model}: a whole answer`, async () => {
    const answer = await openai.chat.completions.create({ model, messages });
    assert.ok(answer.choices[0].message.content.length > 0);
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.ok(answer.usage.total_tokens > 0);
  });

  test(`${model}: a stream`, async () => {
    const stream = openai.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
    const whole = await stream.finalChatCompletion();
    assert.ok(whole.choices[0].message.content.length > 0);
    assert.ok(whole.usage.total_tokens > 0);
  });

  test(`${model}: two tool calls at once, streamed`, async () => {
    const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
    const stream = openai.chat.completions.stream({ model: `${model}@tools=2`, messages, tools });
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.tool_calls.length, 2);
    for (const call of message.tool_calls) assert.equal(typeof JSON.parse(call.function.arguments), "object");
  });

  test(`${model}: an error`, async () => {
    const failure = await openai.chat.completions.create({ model: `${model}@status=401`, messages }).catch((error) => error);
    assert.ok(failure instanceof OpenAI.AuthenticationError, failure);
  });
}
