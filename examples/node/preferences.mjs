/** Who may serve, and in which order: for every request of a client, and for a single one. */

import { Junto } from "junto";

const junto = new Junto({ preferences: { data_collection: "deny", ignore: ["azure"] } });
const messages = [{ role: "user", content: "Why is the sky blue?" }];

const answer = await junto.chat.completions.create({
  model: process.env.MODEL ?? "openai/gpt-4o",
  messages,
  provider: { order: ["openai"], allow_fallbacks: false, max_price: { prompt: 10, completion: 40 } },
});
console.log(answer.provider, answer.choices[0].message.content);

// A client that no endpoint suits says why, endpoint by endpoint.
try {
  junto.explain({ model: "openai/gpt-4o", messages, provider: { max_price: { prompt: 0.01 } } });
} catch (error) {
  console.log(error.code, error.excludedBy.map(({ endpoint, code }) => `${endpoint}: ${code}`));
}
