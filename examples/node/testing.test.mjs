/** How a program that uses junto is tested without a network. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ScriptedJunto } from "junto/testing";

/** What is tested. */
async function greet(junto, name) {
  const messages = [{ role: "user", content: `Greet ${name}.` }];
  const answer = await junto.chat.completions.create({ model: "openai/gpt-4o", messages });
  return answer.choices[0].message.content;
}

const options = { env: false, providers: { openai: { apiKey: "test" } } };

test("greets", async () => {
  const junto = new ScriptedJunto([{ body: { choices: [{ message: { role: "assistant", content: "Hello, Ada!" } }] } }], options);
  assert.equal(await greet(junto, "Ada"), "Hello, Ada!");
  assert.equal(junto.requests[0].body.messages[0].content, "Greet Ada.");
});

test("survives a broken connection", async () => {
  const junto = new ScriptedJunto([{ error: "interrupted" }, { body: { choices: [{ message: { role: "assistant", content: "Hello!" } }] } }], options);
  assert.equal(await greet(junto, "Ada"), "Hello!");
  assert.equal(junto.requests.length, 2);
});
