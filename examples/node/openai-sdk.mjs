/** The official OpenAI SDK, unchanged, in process: no server in between. */

import { Junto } from "junto";
import { openaiOptions } from "junto/openai";
import OpenAI from "openai";

const openai = new OpenAI(openaiOptions(new Junto({ timeout: 60_000 }))); // or { apiKey: "unused", fetch: junto.fetch }
const model = process.env.MODEL ?? "anthropic/claude-haiku-4-5";
const messages = [{ role: "user", content: "Why is the sky blue?" }];

const answer = await openai.chat.completions.create({ model, messages });
console.log(answer.choices[0].message.content);

for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");
}
console.log();
