/** The clients that are compared: each asks the same of the same simulated vendor, and gives the length of what it read. */

const PROMPT = "What is the airspeed velocity of an unladen swallow, and why does it matter which swallow is meant?";
const messages = [{ role: "user", content: PROMPT }];
const body = (model, stream) => JSON.stringify({ model, messages, stream, ...(stream && { stream_options: { include_usage: true } }) });
const headers = { "content-type": "application/json", authorization: "Bearer sk-bench" };

/** Reads server-sent events as most hand-written clients do. */
async function readEvents(body) {
  const decoder = new TextDecoder();
  let [rest, length, chunks] = ["", 0, 0];
  for await (const bytes of body) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = event.slice("data: ".length);
      if (data === "[DONE]") continue;
      length += JSON.parse(data).choices[0]?.delta?.content?.length ?? 0;
      chunks++;
    }
  }
  return { length, chunks };
}

async function readChunks(stream) {
  let [length, chunks] = [0, 0];
  for await (const chunk of stream) {
    length += chunk.choices[0]?.delta?.content?.length ?? 0;
    chunks++;
  }
  return { length, chunks };
}

export const clients = {
  async "undici.request"(url) {
    const { Agent, request } = await import("undici");
    const dispatcher = new Agent();
    const post = (model, stream) => request(`${url}/chat/completions`, { method: "POST", headers, body: body(model, stream), dispatcher });
    return {
      whole: async (model) => JSON.parse(await (await post(model, false)).body.text()).choices[0].message.content.length,
      stream: async (model) => readEvents((await post(model, true)).body),
    };
  },
  async "undici fetch"(url) {
    const { fetch } = await import("undici");
    const post = (model, stream) => fetch(`${url}/chat/completions`, { method: "POST", headers, body: body(model, stream) });
    return {
      whole: async (model) => (await (await post(model, false)).json()).choices[0].message.content.length,
      stream: async (model) => readEvents((await post(model, true)).body),
    };
  },
  async junto(url) {
    const { Junto } = await import("../../bindings-node/dist/index.node.mjs");
    const junto = new Junto({ env: false, providers: { openai: { apiKey: "sk-bench", baseURL: url } } });
    const ask = (model, stream) => junto.chat.completions.create({ model: `openai/${model}`, messages, stream });
    return {
      whole: async (model) => (await ask(model, false)).choices[0].message.content.length,
      stream: async (model) => readChunks(await ask(model, true)),
    };
  },
  async openai(url) {
    const { OpenAI } = await import("openai");
    return overOpenAI(new OpenAI({ apiKey: "sk-bench", baseURL: url, maxRetries: 0 }), "");
  },
  async "openai on junto"(url) {
    const { OpenAI } = await import("openai");
    const { openaiOptions } = await import("../../bindings-node/dist/openai.node.mjs");
    return overOpenAI(new OpenAI(openaiOptions({ env: false, providers: { openai: { apiKey: "sk-bench", baseURL: url } } })), "openai/");
  },
  async "AI SDK"(url) {
    const { generateText, streamText } = await import("ai");
    const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
    const provider = createOpenAICompatible({ name: "sim", baseURL: url, apiKey: "sk-bench", includeUsage: true });
    const ask = (model) => ({ model: provider(model), messages, maxRetries: 0 });
    return {
      whole: async (model) => (await generateText(ask(model))).text.length,
      async stream(model) {
        let [length, chunks] = [0, 0];
        for await (const text of streamText(ask(model)).textStream) {
          length += text.length;
          chunks++;
        }
        return { length, chunks };
      },
    };
  },
};

function overOpenAI(openai, prefix) {
  const ask = (model, stream) =>
    openai.chat.completions.create({ model: prefix + model, messages, stream, ...(stream && { stream_options: { include_usage: true } }) });
  return {
    whole: async (model) => (await ask(model, false)).choices[0].message.content.length,
    stream: async (model) => readChunks(await ask(model, true)),
  };
}
