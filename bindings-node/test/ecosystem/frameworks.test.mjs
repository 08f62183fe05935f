/** The Vercel AI SDK and LangChain on junto.fetch, with the simulator's vendors behind it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, streamText, tool } from "ai";
import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import { z } from "zod";

import { MODELS, startSimulator } from "./simulator.mjs";

let simulator;
let options;
before(async () => {
  for (const name of ["ai", "@ai-sdk/openai-compatible", "@langchain/openai"]) {
    const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url)));
    console.log(`${name} ${version}`);
  }
  simulator = await startSimulator();
  options = openaiOptions(new Junto(simulator.options));
});
after(() => simulator.close());

const provider = () => createOpenAICompatible({ name: "junto", includeUsage: true, ...options });

for (const model of MODELS) {
  test(`AI SDK, ${model}: generateText`, async () => {
    const { text, usage, finishReason } = await generateText({ model: provider()(model), prompt: "Hello!" });
    assert.ok(text.length > 0);
    assert.ok(usage.inputTokens > 0);
    assert.equal(finishReason, "stop");
  });

  test(`AI SDK, ${model}: streamText`, async () => {
    const { textStream } = streamText({ model: provider()(model), prompt: "Hello!" });
    let text = "";
    for await (const piece of textStream) text += piece;
    assert.ok(text.length > 0);
  });

  test(`AI SDK, ${model}: a tool call`, async () => {
    const tools = { get_weather: tool({ description: "The weather", inputSchema: z.object({ city: z.string().optional() }).loose() }) };
    const { toolCalls, finishReason } = await generateText({ model: provider()(`${model}@tools`), prompt: "Weather?", tools });
    assert.equal(toolCalls.length, 1);
    assert.equal(finishReason, "tool-calls");
  });

  test(`AI SDK, ${model}: an error`, async () => {
    const failing = generateText({ model: provider()(`${model}@status=401`), prompt: "Hello!", maxRetries: 0 });
    await assert.rejects(failing, (error) => error.statusCode === 401);
  });

  test(`LangChain, ${model}: invoke and stream`, async () => {
    const chat = new ChatOpenAI({ model, apiKey: options.apiKey, configuration: options, maxRetries: 0 });
    assert.ok((await chat.invoke("Hello!")).content.length > 0);
    let text = "";
    for await (const chunk of await chat.stream("Hello!")) text += chunk.content;
    assert.ok(text.length > 0);
  });
}
