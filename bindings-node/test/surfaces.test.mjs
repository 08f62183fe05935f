/** What there is beside chat: embeddings, models, and the same through `fetch`. */

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { Junto, ModelNotFoundError } from "junto";

import { messages, startStub } from "./stub.mjs";

const stub = await startStub();
const junto = new Junto(stub.options);
after(() => stub.close());

const post = async (path, body) => {
  const response = await junto.fetch(`https://api.openai.com/v1${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, body: await response.text() };
};
const get = async (path) => {
  const response = await junto.fetch(`https://api.openai.com/v1${path}`);
  return { status: response.status, body: await response.json() };
};

test("embeddings, as numbers and in base64", async () => {
  const request = { model: "openai/text-embedding-3-small", input: ["one", "two"] };
  const { data, provider, usage } = await junto.embeddings.create(request);
  assert.deepEqual(data.map(({ embedding }) => embedding), [[0, 0.5], [1, 0.5]]);
  assert.deepEqual([provider, usage.prompt_tokens], ["openai", 2]);
  const packed = await junto.embeddings.create({ ...request, encoding_format: "base64" });
  assert.deepEqual([...new Float32Array(Uint8Array.from(Buffer.from(packed.data[1].embedding, "base64")).buffer)], [1, 0.5]);
  assert.deepEqual(JSON.parse((await post("/embeddings", request)).body).data, data);
});

test("models are listed, found, and shown with who serves them", async () => {
  const { data } = await junto.models.list();
  assert.ok(data.length > 10 && data.every(({ id, object }) => id.length > 0 && object === "model"));
  const only = await junto.models.list({ available: true });
  assert.ok(only.data.length > 0 && only.data.length < data.length);
  const { id } = only.data.find((model) => model.id.startsWith("openai/"));
  assert.equal((await junto.models.retrieve(id)).id, id);
  const { endpoints } = await junto.models.endpoints(id);
  assert.equal(endpoints.find(({ tag }) => tag === "openai").available, true);
  await assert.rejects(junto.models.retrieve("openai/gpt-4oo"), ModelNotFoundError);
  assert.deepEqual((await get("/models")).body.data.map((model) => model.id), data.map((model) => model.id));
  assert.equal((await get(`/models/${id}`)).body.id, id);
  assert.deepEqual((await get(`/models/${encodeURIComponent(id)}`)).body.id, id);
  assert.deepEqual((await get(`/models/${id}/endpoints`)).body.data.endpoints, endpoints);
  assert.equal((await get("/models/openai/gpt-4oo")).status, 404);
});

test("the Responses API, whole and streamed", async () => {
  const whole = JSON.parse((await post("/responses", { model: "openai/plain", input: "Hello!" })).body);
  assert.deepEqual([whole.object, whole.status, whole.output.at(-1).content[0].text], ["response", "completed", "Hi there"]);
  const streamed = (await post("/responses", { model: "openai/plain", input: messages, stream: true })).body;
  const events = [...streamed.matchAll(/^event: (.+)\ndata: (.+)$/gm)].map(([, name, data]) => [name, JSON.parse(data)]);
  assert.ok(events.every(([name, { type }]) => name === type));
  assert.equal(events.at(-1)[0], "response.completed");
  assert.equal(events.filter(([name]) => name === "response.output_text.delta").map(([, { delta }]) => delta).join(""), "Hi there");
  assert.equal((await post("/responses", { model: "openai/status-401", input: "Hello!" })).status, 401);
  assert.equal((await post("/responses", { model: "openai/plain", input: "Hello!", previous_response_id: "r" })).status, 422);
});
