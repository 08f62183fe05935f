/** Reasoning: asked for by a suffix or a field, read beside the answer, and given back for the next turn. */

import { Junto } from "junto";

const junto = new Junto();
const model = process.env.MODEL ?? "anthropic/claude-haiku-4-5:thinking";
const messages = [{ role: "user", content: "Why is the sky blue?" }];

const answer = await junto.chat.completions.create({ model, messages, max_tokens: 4_000 });
const { message } = answer.choices[0];
console.log(`thought: ${message.reasoning}`);
console.log(`said: ${message.content}`);
console.log(`reasoning tokens: ${answer.usage.completion_tokens_details?.reasoning_tokens ?? "not told"}`);

// Signed blocks go back unmodified, so that the model goes on where it was.
messages.push(message, { role: "user", content: "And at sunset?" });
const next = await junto.chat.completions.create({ model, messages, reasoning: { effort: "low" }, max_tokens: 4_000 });
console.log(`said: ${next.choices[0].message.content}`);
