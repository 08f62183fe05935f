// Never run: that it compiles is the test.

import { type ChatCompletion, type ChatCompletionChunk, type Message, type Part, JuntoError, Junto, RateLimitError, type Stream } from "junto";
import { createFetch, openaiOptions } from "junto/openai";
import { ScriptedJunto } from "junto/testing";
import OpenAI from "openai";

const junto = new Junto({ providers: { azure: { apiKey: "k", baseURL: "https://a.test", policy: { trains: false } } }, timeout: 30_000, seed: 7 });
const messages: Message[] = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "https://a.test/i.png" } }] },
];
const { signal } = new AbortController();

// The kind of answer follows from `stream`.
const whole: ChatCompletion = await junto.chat.completions.create({ model: "openai/gpt-4o", messages }, { signal, timeout: 1_000 });
const chunks: Stream<ChatCompletionChunk> = await junto.chat.completions.create({ model: "openai/gpt-4o", messages, stream: true });
const either = await junto.chat.completions.create({ model: "openai/gpt-4o", messages, stream: Math.random() > 0.5 });
const text: string | null | undefined = whole.choices[0]?.message.content;
for await (const chunk of chunks) process.stdout.write(chunk.choices[0]?.delta.content ?? "");
if ("choices" in either) either.choices satisfies ChatCompletion["choices"];
else either.controller.abort();

// Parts are told apart by `type`.
function describe(part: Part): string {
  switch (part.type) {
    case "text":
      return part.text;
    case "image_url":
      return part.image_url.url;
    case "file":
      return part.file.filename ?? "";
    case "input_audio":
      return part.input_audio.format;
    case "video_url":
      return part.video_url.url;
    case "refusal":
      return part.refusal;
  }
}

// An answer's message goes back as it is.
const answered = whole.choices[0]?.message;
if (answered) messages.push(answered, { role: "tool", tool_call_id: answered.tool_calls?.[0]?.id ?? "", content: "42" });

try {
  await junto.chat.completions.create({ model: "m", messages, provider: { order: ["azure"], sort: "price", data_collection: "deny" } });
} catch (error) {
  if (error instanceof RateLimitError) error.retryAfter satisfies number | undefined;
  if (error instanceof JuntoError) error.attempts[0]?.status satisfies number | null | undefined;
}

junto.explain({ model: "m", messages }).candidates[0]?.estimated_cost satisfies number | null | undefined;
junto.fetch satisfies typeof fetch;
createFetch(junto, { fallback: fetch });
openaiOptions(junto).maxRetries satisfies number;
new ScriptedJunto([{ body: {} }, { reads: ["data: {}\n\n", { after: 5, error: "interrupted" }] }, { error: "connect" }]).requests.length;
describe({ type: "text", text: text ?? "" });

// Vectors are numbers unless base64 is asked for.
(await junto.embeddings.create({ model: "openai/text-embedding-3-small", input: ["a"] })).data[0]?.embedding satisfies number[] | undefined;
const packed = await junto.embeddings.create({ model: "m", input: "a", encoding_format: "base64" }, { signal });
packed.data[0]?.embedding satisfies string | undefined;
(await junto.models.list({ available: true })).data[0]?.pricing?.prompt satisfies string | undefined;
(await junto.models.endpoints("m")).endpoints[0]?.tag satisfies string | undefined;

// Hooks know what they are told.
new Junto({ onAttempt: ({ status }) => status satisfies number | null, onResponse: async ({ usage }) => usage?.cost });

// The official SDK takes the options as they are.
const openai = new OpenAI(openaiOptions(junto));
new OpenAI({ apiKey: "unused", fetch: junto.fetch }) satisfies OpenAI;
(await openai.chat.completions.create({ model: "m", messages: [] })).choices[0]?.message.content satisfies string | null | undefined;

// @ts-expect-error a request needs messages
junto.chat.completions.create({ model: "m" });
// @ts-expect-error there is no such role
messages.push({ role: "robot", content: "" });
// @ts-expect-error a part of this type has no text
const wrong: Part = { type: "image_url", text: "" };
// @ts-expect-error an option of one call has no such name
junto.chat.completions.create({ model: "m", messages }, { timeOut: 3 });
// @ts-expect-error preferences have no such field
junto.explain({ model: "m", messages, provider: { ordre: ["azure"] } });
