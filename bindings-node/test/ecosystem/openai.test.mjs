/** The official `openai` package on junto.fetch, the newest major and the one before; they are installed for this only. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import newest from "openai";
import previous from "openai-previous";

import { messages, startStub } from "../stub.mjs";
import { MODELS, startSimulator, tellVersions } from "./simulator.mjs";

let stub;
let simulator;
before(async () => {
  tellVersions("openai", "openai-previous");
  stub = await startStub();
  simulator = await startSimulator();
});
after(() => {
  stub.close();
  simulator.close();
});

for (const [major, OpenAI] of Object.entries({ newest, previous })) {
  const onStub = () => new OpenAI(openaiOptions(new Junto(stub.options)));
  const onVendors = () => new OpenAI(openaiOptions(new Junto(simulator.options)));

  test(`${major}: a whole answer, and what a response has beside its body`, async () => {
    const { data, response } = await onStub().chat.completions.create({ model: "openai/plain", messages }).withResponse();
    assert.equal(data.choices[0].message.content, "Hi there");
    assert.equal(response.headers.get("content-type"), "application/json");
  });

  test(`${major}: a stream, and leaving it`, async () => {
    const openai = onStub();
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

  test(`${major}: errors are the SDK's own, and nothing is asked twice`, async () => {
    const asked = stub.requests.length;
    const failure = await onStub().chat.completions.create({ model: "openai/status-401", messages }).catch((error) => error);
    assert.ok(failure instanceof OpenAI.AuthenticationError, failure);
    assert.equal(failure.code, "invalid_api_key");
    assert.equal(stub.requests.length, asked + 1);
  });

  test(`${major}: a stream that breaks is an APIError`, async () => {
    const read = async () => {
      for await (const chunk of await onStub().chat.completions.create({ model: "openai/cut", messages, stream: true })) assert.ok(chunk);
    };
    await assert.rejects(read, OpenAI.APIError);
  });

  test(`${major}: an aborted request is the SDK's own error`, async () => {
    const signal = AbortSignal.timeout(50);
    await assert.rejects(onStub().chat.completions.create({ model: "openai/slow", messages }, { signal }), OpenAI.APIUserAbortError);
    await stub.idle();
  });

  test(`${major}: models are listed and found`, async () => {
    const openai = onVendors();
    const ids = (await openai.models.list()).data.map(({ id }) => id);
    assert.ok(ids.includes("anthropic/claude-haiku-4-5"), `${ids.length} models`);
    assert.equal((await openai.models.retrieve("anthropic/claude-haiku-4-5")).id, "anthropic/claude-haiku-4-5");
    await assert.rejects(openai.models.retrieve("anthropic/claude-haiku-4-6"), OpenAI.NotFoundError);
  });

  test(`${major}: embeddings, which the SDK asks for in base64`, async () => {
    const { data } = await onStub().embeddings.create({ model: "openai/text-embedding-3-small", input: ["one", "two"] });
    assert.deepEqual(data.map(({ embedding }) => [...embedding]), [[0, 0.5], [1, 0.5]]);
  });

  for (const model of MODELS) {
    test(`${major}, ${model}: a whole answer`, async () => {
      const answer = await onVendors().chat.completions.create({ model, messages });
      assert.match(answer.choices[0].message.content, /Rayleigh/);
      assert.equal(answer.choices[0].finish_reason, "stop");
      assert.ok(answer.usage.total_tokens > 0);
    });

    test(`${major}, ${model}: the stream runner`, async () => {
      const stream = onVendors().chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
      const whole = await stream.finalChatCompletion();
      assert.match(whole.choices[0].message.content, /Rayleigh/);
      assert.ok(whole.usage.total_tokens > 0);
    });

    test(`${major}, ${model}: two tool calls at once, streamed`, async () => {
      const tools = [{ type: "function", function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
      const stream = onVendors().chat.completions.stream({ model: `${model}@tools=2`, messages, tools });
      const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0];
      assert.equal(finish_reason, "tool_calls");
      assert.equal(message.tool_calls.length, 2);
      for (const call of message.tool_calls) assert.equal(typeof JSON.parse(call.function.arguments), "object");
    });

    test(`${major}, ${model}: an error`, async () => {
      const failure = await onVendors().chat.completions.create({ model: `${model}@status=401`, messages }).catch((error) => error);
      assert.ok(failure instanceof OpenAI.AuthenticationError, failure);
    });

    test(`${major}, ${model}: responses, whole and streamed`, async () => {
      const openai = onVendors();
      const whole = await openai.responses.create({ model, input: "Hello!" });
      assert.match(whole.output_text, /Rayleigh/);
      assert.equal(whole.status, "completed");
      let text = "";
      let last;
      for await (const event of await openai.responses.create({ model, input: "Hello!", stream: true })) {
        if (event.type === "response.output_text.delta") text += event.delta;
        last = event.type;
      }
      assert.match(text, /Rayleigh/);
      assert.equal(last, "response.completed");
      const failure = await openai.responses.create({ model: `${model}@status=401`, input: "Hello!" }).catch((error) => error);
      assert.ok(failure instanceof OpenAI.AuthenticationError, failure);
    });
  }
}
