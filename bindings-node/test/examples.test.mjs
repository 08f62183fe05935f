/** Every program in examples/node, with the simulator as its vendors. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startSimulator } from "./ecosystem/simulator.mjs";

const folder = join(import.meta.dirname, "../../examples/node");

/** What each prints, and the model it asks where the simulator has to be told what to say. */
const EXAMPLES = {
  "explain.mjs": [/first anthropic, about \$0\.0/],
  "express.mjs": [/curl -N .*Rayleigh.*\n400\n$/s],
  "fallback.mjs": [/azure: 503 .*openai: 200 served\nRateLimitError: after 7 seconds again; tried azure, openai/s],
  "openai-sdk.mjs": [/(Rayleigh.*\n){2}/],
  "own-catalog.mjs": [/^west 0\.003\n$/],
  "own-provider.mjs": [/^my-vllm Hello from \/v1\/chat\/completions\n$/],
  "preferences.mjs": [/^openai Rayleigh.*no_endpoint .*max_price/s],
  "quickstart.mjs": [/azure: 503 .*openai: 200/s],
  "reasoning.mjs": [/thought: Short wavelengths.*said: Rayleigh.*said: Rayleigh/s],
  "streaming.mjs": [/Rayleigh.*\n\d+ tokens, \$0\.0\d+, anthropic\n$/],
  "structured.mjs": [/^3 days in Oslo\n$/, "openai/gpt-4o@json"],
  "testing.test.mjs": [/pass 2\n. fail 0/],
  "tools.mjs": [/^get_weather\(\{"city":"Oslo","days":3\}\)\nRayleigh/, "anthropic/claude-haiku-4-5@tools"],
  "variants.mjs": [/:floor +floor .*:nitro +nitro .*anthropic 0\.0/s],
  "vision.mjs": [/Rayleigh/],
};

let simulator;
before(async () => {
  simulator = await startSimulator();
});
after(() => simulator.close());

test("every example is run", () => {
  assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith(".mjs")).sort(), Object.keys(EXAMPLES).sort());
});

for (const [file, [output, model]] of Object.entries(EXAMPLES)) {
  test(file, async () => {
    const { openai, anthropic } = simulator.options.providers;
    const env = {
      PATH: process.env["PATH"],
      OPENAI_API_KEY: openai.apiKey,
      OPENAI_BASE_URL: openai.baseURL,
      ANTHROPIC_API_KEY: anthropic.apiKey,
      ANTHROPIC_BASE_URL: anthropic.baseURL,
      ...(model && { MODEL: model }),
    };
    const { stdout } = await promisify(execFile)(process.execPath, [join(folder, file)], { env, timeout: 60_000 });
    assert.match(stdout, output);
  });
}
