/** The Vercel AI SDK, LangChain and OpenAI's agents on junto.fetch, with the simulator's vendors behind it. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool as agentTool } from "@openai/agents";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import OpenAI from "openai";
import { z } from "zod";

import { MODELS, startSimulator, tellVersions } from "./simulator.mjs";

let simulator;
let options;
before(async () => {
  tellVersions("ai", "@ai-sdk/openai", "@ai-sdk/openai-compatible", "@langchain/openai", "@openai/agents");
  setTracingDisabled(true);
  simulator = await startSimulator();
  options = openaiOptions(new Junto(simulator.options));
});
after(() => simulator.close());

const PROVIDERS = {
  "openai-compatible": (model) => createOpenAICompatible({ name: "junto", includeUsage: true, supportsStructuredOutputs: true, ...options })(model),
  "openai, chat": (model) => createOpenAI(options).chat(model),
  "openai, responses": (model) => createOpenAI(options).responses(model),
};

const Weather = z.object({ city: z.string(), days: z.number() });

for (const model of MODELS) {
  for (const [name, provide] of Object.entries(PROVIDERS)) {
    test(`AI SDK (${name}), ${model}: generateText`, async () => {
      const { text, usage, finishReason } = await generateText({ model: provide(model), prompt: "Hello!" });
      assert.match(text, /Rayleigh/);
      assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
      assert.equal(finishReason, "stop");
    });

    test(`AI SDK (${name}), ${model}: streamText`, async () => {
      const result = streamText({ model: provide(model), prompt: "Hello!" });
      let pieces = 0;
      let text = "";
      for await (const piece of result.textStream) {
        pieces++;
        text += piece;
      }
      assert.match(text, /Rayleigh/);
      assert.ok(pieces > 1);
      assert.ok((await result.usage).outputTokens > 0);
    });

    test(`AI SDK (${name}), ${model}: a tool is called, and its result goes back`, async () => {
      const asked = [];
      const execute = async (input) => (asked.push(input.city), { degrees: 21 });
      const tools = { get_weather: tool({ description: "The weather", inputSchema: Weather, execute }) };
      // junto stores nothing, so the items themselves go back.
      const providerOptions = { openai: { store: false } };
      const { text, steps } = await generateText({ model: provide(`${model}@tools`), prompt: "Weather?", tools, stopWhen: stepCountIs(3), providerOptions });
      assert.deepEqual(asked, ["Oslo"]);
      assert.equal(steps.length, 2);
      assert.match(text, /Rayleigh/);
    });

    test(`AI SDK (${name}), ${model}: structured output`, async () => {
      const { output } = await generateText({ model: provide(`${model}@json`), prompt: "Weather?", output: Output.object({ schema: Weather }) });
      assert.deepEqual(output, { city: "Oslo", days: 3 });
    });

    test(`AI SDK (${name}), ${model}: an error`, async () => {
      const failing = generateText({ model: provide(`${model}@status=401`), prompt: "Hello!", maxRetries: 0 });
      await assert.rejects(failing, (error) => error.statusCode === 401);
    });
  }

  test(`LangChain, ${model}: invoke, stream, a tool call, an error`, async () => {
    const chat = (model) => new ChatOpenAI({ model, apiKey: options.apiKey, configuration: options, maxRetries: 0 });
    assert.match((await chat(model).invoke("Hello!")).content, /Rayleigh/);
    let text = "";
    for await (const chunk of await chat(model).stream("Hello!")) text += chunk.content;
    assert.match(text, /Rayleigh/);
    const weather = { type: "function", function: { name: "get_weather", parameters: z.toJSONSchema(Weather) } };
    const { tool_calls } = await chat(`${model}@tools`).bindTools([weather]).invoke("Weather?");
    assert.deepEqual(tool_calls.map(({ name, args }) => [name, args.city]), [["get_weather", "Oslo"]]);
    await assert.rejects(chat(`${model}@status=401`).invoke("Hello!"), (error) => error.status === 401);
  });

  for (const useResponses of [false, true]) {
    test(`agents (${useResponses ? "responses" : "chat"}), ${model}: a run with a tool, streamed and not, and an error`, async () => {
      const asked = [];
      const execute = async ({ city }) => (asked.push(city), "21 degrees");
      const weather = agentTool({ name: "get_weather", description: "The weather", parameters: Weather, execute });
      const provider = new OpenAIProvider({ openAIClient: new OpenAI(options), useResponses });
      const runner = new Runner({ modelProvider: provider });
      const agent = new Agent({ name: "Forecaster", instructions: "Be brief.", model: `${model}@tools`, tools: [weather] });
      assert.match((await runner.run(agent, "Weather?")).finalOutput, /Rayleigh/);
      const streamed = await runner.run(agent, "Weather?", { stream: true });
      let text = "";
      for await (const piece of streamed.toTextStream()) text += piece;
      await streamed.completed;
      assert.match(text, /Rayleigh/);
      assert.deepEqual(asked, ["Oslo", "Oslo"]);
      const failing = new Agent({ name: "Failing", model: `${model}@status=401` });
      await assert.rejects(runner.run(failing, "Weather?"), (error) => error.status === 401);
    });
  }
}
