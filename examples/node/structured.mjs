/** An answer that follows a JSON schema, whoever serves it. */

import { Junto } from "junto";

const junto = new Junto();
const schema = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer" } },
  required: ["city", "days"],
  additionalProperties: false,
};

const answer = await junto.chat.completions.create({
  model: process.env.MODEL ?? "openai/gpt-4o",
  messages: [{ role: "user", content: "Plan a short trip to a city in Norway." }],
  response_format: { type: "json_schema", json_schema: { name: "trip", schema, strict: true } },
});
const { city, days } = JSON.parse(answer.choices[0].message.content);
console.log(`${days} days in ${city}`);
