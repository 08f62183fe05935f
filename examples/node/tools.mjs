/** A tool: the model asks for it, the program runs it, the model answers. */

import { Junto } from "junto";

const junto = new Junto();
const model = process.env.MODEL ?? "anthropic/claude-haiku-4-5";
const weather = ({ city }) => ({ city, degrees: 21 });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = [{ type: "function", function: { name: "get_weather", description: "The weather in a city", parameters } }];
const messages = [{ role: "user", content: "What is the weather in Oslo?" }];

for (let turn = 0; turn < 5; turn++) {
  const { message } = (await junto.chat.completions.create({ model, messages, tools })).choices[0];
  messages.push(message); // as it is, reasoning and signatures included
  if (!message.tool_calls) {
    console.log(message.content);
    break;
  }
  for (const { id, function: call } of message.tool_calls) {
    console.log(`${call.name}(${call.arguments})`);
    messages.push({ role: "tool", tool_call_id: id, content: JSON.stringify(weather(JSON.parse(call.arguments))) });
  }
}
