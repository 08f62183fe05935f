/** Keys and searches from functions of the caller's. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { APIConnectionTimeoutError, AuthenticationError, Junto } from "junto";
import { ScriptedJunto } from "junto/testing";

import { messages, startStub } from "./stub.mjs";

let stub;
before(async () => {
  stub = await startStub();
});
after(() => stub.close());

const request = { model: "openai/plain", messages };
const withKey = (apiKey, more) => new Junto({ ...stub.options, ...more, providers: { openai: { apiKey, baseURL: stub.baseURL } } });

test("a function is asked for the key before each request to the vendor", async () => {
  let asked = 0;
  for (const apiKey of [() => `sk-now-${++asked}`, async () => (await sleep(1), `sk-later-${++asked}`)]) {
    const junto = withKey(apiKey);
    assert.equal(junto.explain(request).candidates[0].provider, "openai", "a function counts as a key");
    for (const stream of [false, true]) {
      const answer = await junto.chat.completions.create({ ...request, stream });
      if (stream) for await (const _ of answer);
      assert.match(stub.requests.at(-1).headers.authorization, new RegExp(`^Bearer sk-(now|later)-${asked}$`));
    }
  }
  assert.equal(asked, 4);
});

test("a function is asked again for each attempt, and the error does not show what it gave", async () => {
  let asked = 0;
  const junto = withKey(() => `sk-hidden-${++asked}`, { maxRetries: 1 });
  const error = await junto.chat.completions.create({ ...request, model: "openai/status-503" }).catch((error) => error);
  assert.equal(asked, 2);
  assert.equal(error.attempts.length, 2);
  assert.ok(!JSON.stringify(error).includes("sk-hidden") && !error.message.includes("sk-hidden"));
});

test("a token from a function travels as a bearer", async () => {
  const script = [{ body: { choices: [{ message: { role: "assistant", content: "Hi" } }] } }];
  const azure = { baseURL: "https://mine.openai.azure.com", accessToken: async () => "eyJ-hidden" };
  const junto = new ScriptedJunto(script, { env: false, providers: { azure } });
  await junto.chat.completions.create({ model: "openai/gpt-4o", messages, provider: { only: ["azure"] } });
  const [{ headers }] = junto.requests;
  assert.ok("authorization" in headers && !("api-key" in headers));
});

test("a function that fails, or gives no key, is an authentication error in its own words", async () => {
  const cases = [
    [() => { throw new Error("the vault is locked"); }, /`apiKey` gave no key: the vault is locked/],
    [() => Promise.reject("no network"), /no network/],
    [() => undefined, /it gave nothing/],
    [() => 1234567, /a key is a string/],
    [() => ({ key: "sk-hidden" }), /a key is a string/],
    [() => "  ", /empty/],
  ];
  for (const [apiKey, message] of cases) {
    const error = await withKey(apiKey).chat.completions.create(request).catch((error) => error);
    assert.ok(error instanceof AuthenticationError, String(error));
    assert.match(error.message, message);
    assert.ok(!/1234567|sk-hidden/.test(JSON.stringify(error) + error.message));
  }
});

test("a provider whose key fails is passed over", async () => {
  const row = (apiKey) => ({ baseURL: stub.baseURL, apiKey });
  const providers = { broken: row(() => Promise.reject(new Error("expired"))), openai: row("sk-test-hidden") };
  const junto = new Junto({ env: false, providers });
  const { routing } = await junto.chat.completions.create({ ...request, model: "broken/plain", models: ["openai/plain"] });
  assert.deepEqual(routing.attempts.map(({ provider, error }) => [provider, error?.kind]), [["broken", "Authentication"], ["openai", undefined]]);
});

test("a function that does not answer is given up with the call, and its late answer does no harm", async () => {
  let answer;
  const junto = withKey(() => new Promise((resolve) => (answer = resolve)));
  const seen = stub.requests.length;
  await assert.rejects(junto.chat.completions.create(request, { timeout: 30 }), APIConnectionTimeoutError);
  const controller = new AbortController();
  const call = junto.chat.completions.create(request, { signal: controller.signal });
  setTimeout(() => controller.abort(), 10);
  await assert.rejects(call);
  answer("sk-late");
  await sleep(10);
  assert.equal(stub.requests.length, seen);
});

test("functions live as long as a call that needs them, though the client is gone", async () => {
  const start = () => withKey(async () => (await sleep(30), "sk-kept")).chat.completions.create({ ...request, stream: true });
  const stream = await (async () => {
    const starting = start();
    for (let n = 0; n < 5; n++) {
      await sleep(2);
      globalThis.gc?.();
    }
    return starting;
  })();
  for await (const _ of stream);
  assert.equal(stub.requests.at(-1).headers.authorization, "Bearer sk-kept");
});

const RESULTS = [
  { url: "https://sky.example/blue", title: "Blue", content: "Rayleigh scattering." },
  { url: "https://sky.example/red", title: "Red", content: "Sunsets." },
];

test("a search of the caller's own stands in for an engine", async () => {
  const asked = [];
  const search = async (...words) => (asked.push(words), RESULTS);
  for (const option of [search, { engine: "mine", source: search, maxResults: 1, price: 0.01 }, [{ engine: "mine", source: search }]]) {
    const junto = new Junto({ ...stub.options, search: option });
    const web = { id: "web", max_results: 2, include_domains: ["sky.example"] };
    const answer = await junto.chat.completions.create({ ...request, plugins: [web] });
    assert.deepEqual(asked.pop(), ["Hello!", 2, { includeDomains: ["sky.example"], excludeDomains: [] }]);
    const body = JSON.stringify(stub.requests.at(-1).body);
    assert.ok(RESULTS.every(({ url }) => body.includes(url)));
    assert.deepEqual(answer.choices[0].message.annotations.map(({ url_citation }) => url_citation.url), RESULTS.map(({ url }) => url));
    assert.equal(answer.routing.attempts[0].provider, option.engine ?? option[0]?.engine ?? "custom");
  }
  const junto = new Junto({ ...stub.options, search: { engine: "mine", source: search, maxResults: 1, price: 0.01 } });
  const answer = await junto.chat.completions.create({ ...request, model: "openai/plain:online" });
  assert.equal(asked.pop()[1], 1);
  assert.ok(answer.routing.attempts[0].cost === 0.01);
});

test("a search that fails or finds something else is an error in its own words, and the next engine is asked", async () => {
  const cases = [
    [() => { throw new Error("the index is gone"); }, /the index is gone/],
    [() => "pages", /list of \{url, title, content, published\}/],
    [() => [{ title: "no address" }], /url/],
  ];
  for (const [search, message] of cases) {
    const junto = new Junto({ ...stub.options, maxRetries: 0, search });
    await assert.rejects(junto.chat.completions.create({ ...request, model: "openai/plain:online" }), message);
    for (const second of [() => RESULTS, { engine: "second", source: () => RESULTS }]) {
      const both = new Junto({ ...stub.options, search: [search, second] });
      const { routing } = await both.chat.completions.create({ ...request, model: "openai/plain:online" });
      assert.deepEqual(routing.attempts.map(({ provider }) => provider), ["custom", second.engine ?? "custom", "openai"]);
    }
  }
});

test("a catalog is refreshed from a URL, and a broken one is an error that changes nothing", async () => {
  const list = { openai: { models: { "gpt-99": { id: "gpt-99", name: "GPT-99", cost: { input: 1, output: 2 } } } } };
  const junto = new ScriptedJunto([{ body: list }, { status: 503, body: "busy" }], { env: false });
  await assert.rejects(junto.models.retrieve("openai/gpt-99"));
  await junto.refreshCatalog("https://models.test/api.json", { shape: "models.dev" });
  assert.equal((await junto.models.retrieve("openai/gpt-99")).pricing.prompt, "0.000001");
  await assert.rejects(junto.refreshCatalog("https://models.test/api.json"), /the catalog: status 503/);
  await assert.rejects(junto.refreshCatalog("https://models.test", { shape: "other" }), (error) => error.param === "shape");
  await junto.models.retrieve("openai/gpt-99");
});
