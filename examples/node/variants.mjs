/** A suffix on the slug: `:floor` for the lowest price, `:nitro` for the highest throughput, `:thinking`, `:online`. */

import { Junto, parseSlug } from "junto";

const junto = new Junto();
const messages = [{ role: "user", content: "Why is the sky blue?" }];

for (const model of ["anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5:floor", "anthropic/claude-haiku-4-5:nitro"]) {
  const [first] = junto.explain({ model, messages }).candidates;
  console.log(model.padEnd(36), parseSlug(model).sort, first.endpoint, first.estimated_cost);
}

const answer = await junto.chat.completions.create({ model: "anthropic/claude-haiku-4-5:floor", messages });
console.log(answer.provider, answer.usage.cost);
