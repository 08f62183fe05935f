/** An answer as it is written; the last chunk says what it took. */

import { Junto } from "junto";

const junto = new Junto();
const model = process.env.MODEL ?? "anthropic/claude-haiku-4-5";
const stream = await junto.chat.completions.create({ model, messages: [{ role: "user", content: "Why is the sky blue?" }], stream: true });

for await (const chunk of stream) {
  process.stdout.write(chunk.choices[0]?.delta.content ?? "");
  if (chunk.usage) console.log(`\n${chunk.usage.completion_tokens} tokens, $${chunk.usage.cost}, ${chunk.provider}`);
}

// Leaving a stream early, an aborted signal or stream.controller.abort() closes the vendor's connection.
for await (const chunk of await junto.chat.completions.create({ model, messages: [{ role: "user", content: "Count to a million." }], stream: true })) {
  if (chunk.choices[0]?.delta.content) break;
}
