/** An image in a message: a URL, or the bytes themselves. */

import { Junto } from "junto";

const junto = new Junto();
// One red pixel.
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";

const answer = await junto.chat.completions.create({
  model: process.env.MODEL ?? "anthropic/claude-haiku-4-5",
  messages: [
    {
      role: "user",
      content: [
        { type: "text", text: "Which colour is this?" },
        { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
      ],
    },
  ],
});
console.log(answer.choices[0].message.content);
