/** Where a request would go, and why not elsewhere. Nobody is asked. */

import { Junto } from "junto";

const junto = new Junto({ seed: 7 });
const plan = junto.explain({
  model: process.env.MODEL ?? "anthropic/claude-haiku-4-5",
  models: ["openai/gpt-4o"],
  messages: [{ role: "user", content: "Why is the sky blue?" }],
  provider: { ignore: ["azure"] },
});

console.log(`${plan}\n`);
const [first] = plan.candidates;
console.log(`first ${first.endpoint}, about $${first.estimated_cost}`);
for (const { endpoint, code, message } of plan.rejected.slice(0, 3)) console.log(`not ${endpoint}: ${code} (${message})`);
