/**
 * Runs tests/conformance/<area>/<case>.json through the package: what junto does, stated once for every language. The
 * README beside the cases describes them. JUNTO_CASE=text runs the cases whose path contains that text.
 */

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { JuntoError, parseSlug } from "junto";
import { ScriptedJunto } from "junto/testing";

import { learn, showsKey } from "./watch.mjs";

// The Responses API is public through `fetch` alone, whose errors are bodies; here it is asked as `fetch` asks it.
const require = createRequire(import.meta.url);
const { ask: askNative, handles, port, settle } = require("../dist/junto.js");

const ROOT = join(import.meta.dirname, "../../tests/conformance");
const ONLY = process.env["JUNTO_CASE"] ?? "";

/** The core's own runner has a fixed clock; here it is today. */
const TODAY = new Date().toISOString().slice(0, 10);
const json = (path) => JSON.parse(readFileSync(path, "utf8").replaceAll("2025-10-09", TODAY));

function cases() {
  const areas = readdirSync(ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory() && entry.name !== "configs");
  return areas.flatMap(({ name: area }) =>
    readdirSync(join(ROOT, area))
      .sort()
      .map((file) => ({ path: `${area}/${file.replace(/\.json$/, "")}`, case: json(join(ROOT, area, file)) }))
      .filter(({ path }) => path.includes(ONLY)),
  );
}

// What a case says is compared as in Rust: objects hold at least what is expected, lists exactly.

function compare(path, expected, actual, wrong) {
  const fail = (what) => wrong.push(`${path}: ${what}, found ${JSON.stringify(actual)?.slice(0, 300) ?? "nothing"}`);
  if (expected === null) {
    if (actual !== null && actual !== undefined) fail("expected null");
  } else if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return fail(`expected ${expected.length} items`);
    expected.forEach((item, at) => compare(`${path}[${at}]`, item, actual[at], wrong));
  } else if (typeof expected === "object") {
    const entries = Object.entries(expected);
    if (entries.length === 1 && entries[0][0].startsWith("$")) {
      if (!special(entries[0][0], entries[0][1], actual)) fail(`expected ${JSON.stringify(expected)}`);
      return;
    }
    if (typeof actual !== "object" || actual === null) return fail("expected an object");
    for (const [key, value] of entries) compare(`${path}.${key}`, value, actual[key], wrong);
  } else if (expected !== actual) fail(`expected ${JSON.stringify(expected)}`);
}

function special(name, argument, actual) {
  const text = typeof actual === "string" ? actual : (JSON.stringify(actual) ?? "");
  const words = [argument].flat();
  switch (name) {
    case "$absent":
      return actual === undefined;
    case "$any":
      return actual !== undefined && actual !== null;
    case "$contains":
      return words.every((word) => text.includes(word));
    case "$lacks":
      return !words.some((word) => text.includes(word));
    case "$near":
      return typeof actual === "number" && Math.abs(argument - actual) <= Math.abs(argument) * 1e-6;
    case "$json": {
      const wrong = [];
      compare("", argument, JSON.parse(actual), wrong);
      return wrong.length === 0;
    }
    default:
      throw new Error(`no such test ${name}`);
  }
}

// A case as a client and its script.

function merge(into, from) {
  const plain = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!plain(into) || !plain(from)) return from;
  return Object.entries(from).reduce((merged, [key, value]) => ({ ...merged, [key]: merge(merged[key], value) }), into);
}

function configuration({ base, ...own } = {}) {
  return merge(base ? json(join(ROOT, "configs", `${base}.json`)) : { env: false }, own);
}

function scripted({ response, stream, error, line_end }, split) {
  if (error) return { error };
  if (response) return { status: response.status, headers: response.headers ?? {}, body: response.text ?? response.body ?? "" };
  const end = line_end === "crlf" ? "\r\n" : line_end === "cr" ? "\r" : "\n";
  const reads = stream.map(({ event, data, raw, cut }) => {
    if (cut) return { error: "interrupted" };
    if (raw !== undefined) return { data: raw };
    const text = typeof data === "string" ? data : JSON.stringify(data);
    return { data: `${event ? `event: ${event}${end}` : ""}data: ${text}${end}${end}` };
  });
  return { status: 200, headers: { "content-type": "text/event-stream" }, reads: SPLITS[split](reads) };
}

/** The same bytes in other reads: as the events come, all at once, byte by byte. */
const SPLITS = {
  events: (reads) => reads,
  whole: (reads) => [{ data: reads.map(({ data }) => data ?? "").join("") }, ...reads.filter(({ error }) => error)],
  bytes: (reads) => reads.flatMap((read) => (read.data === undefined ? [read] : [...read.data].map((data) => ({ data })))),
};

function script(exchanges, repeatLast, split) {
  const answers = exchanges.map((exchange) => ({ ...scripted(exchange, split), ...(exchange.unordered && { to: exchange.expect_request.host }) }));
  return repeatLast ? [...answers.slice(0, -1), { ...answers.at(-1), repeat: true }] : answers;
}

/** Folds chunks into the answer they spell. */
function fold(chunks) {
  const whole = { ...chunks[0], object: "chat.completion", choices: [] };
  for (const { choices, ...rest } of chunks) {
    Object.assign(whole, rest, { object: "chat.completion" });
    for (const { index, delta, ...piece } of choices) {
      const choice = (whole.choices[index] ??= { index, message: { role: "assistant", content: null, refusal: null }, finish_reason: null });
      Object.assign(choice, Object.fromEntries(Object.entries(piece).filter(([, value]) => value !== null)));
      const { message } = choice;
      for (const field of ["content", "refusal", "reasoning"]) {
        if (delta[field] !== undefined) message[field] = (message[field] ?? "") + delta[field];
      }
      for (const { index: at, function: call, ...head } of delta.tool_calls ?? []) {
        const whole = ((message.tool_calls ??= [])[at] ??= { function: { arguments: "" } });
        Object.assign(whole, head);
        if (call.name) whole.function.name = call.name;
        whole.function.arguments += call.arguments ?? "";
      }
      if (delta.annotations) (message.annotations ??= []).push(...delta.annotations);
      for (const detail of delta.reasoning_details ?? []) {
        const details = (message.reasoning_details ??= []);
        const same = details.find((old) => old.index !== undefined && old.index === detail.index && old.type === detail.type);
        if (!same) details.push({ ...detail });
        else {
          const { text = "", summary = "", data = "" } = same;
          Object.assign(same, detail);
          if (detail.text !== undefined || text) same.text = text + (detail.text ?? "");
          if (detail.summary !== undefined || summary) same.summary = summary + (detail.summary ?? "");
          if (detail.data !== undefined || data) same.data = data + (detail.data ?? "");
        }
      }
    }
  }
  return whole;
}

async function ask(junto, request) {
  const chunks = [];
  try {
    const answer = await junto.chat.completions.create(request);
    if (!request.stream) return { response: answer, attempts: answer.routing?.attempts };
    for await (const chunk of answer) chunks.push(chunk);
    const response = fold(chunks);
    return { response, chunks, attempts: response.routing?.attempts };
  } catch (error) {
    if (!(error instanceof JuntoError)) throw error;
    return { ...(chunks.length > 0 && { response: fold(chunks) }), chunks, error, attempts: error.attempts };
  }
}

/** The events of a streamed response; its answer is the response object of the last one. */
async function askEvents(junto, request) {
  let stream;
  const events = [];
  const told = (error) => ({ events, response: events.at(-1)?.response, error, attempts: (error ?? events.at(-1)?.response.routing)?.attempts });
  try {
    let batch = await askNative((call) => (stream = handles.get(junto).respondStream(port, call, request, false)));
    while (batch !== null) {
      events.push(...settle(batch));
      batch = await askNative((call) => stream.next(call));
    }
    return told();
  } catch (error) {
    if (!(error instanceof JuntoError)) throw error;
    return told(error);
  }
}

/** A call beside chat. */
async function askOther(junto, { respond, embed, models, model, endpoints }) {
  try {
    if (respond?.stream) return await askEvents(junto, JSON.stringify(respond));
    if (respond !== undefined) {
      const response = settle(await askNative((call) => handles.get(junto).respond(port, call, JSON.stringify(respond))));
      return { response, attempts: response.routing.attempts };
    }
    if (embed !== undefined) {
      const response = await junto.embeddings.create(embed);
      return { response, attempts: response.routing.attempts };
    }
    if (model !== undefined) return { response: await junto.models.retrieve(model) };
    // The core's JSON wraps it, as an HTTP answer would.
    if (endpoints !== undefined) return { response: { data: await junto.models.endpoints(endpoints) } };
    return { response: await junto.models.list(models) };
  } catch (error) {
    if (!(error instanceof JuntoError)) throw error;
    return { error, attempts: error.attempts };
  }
}

function checkError(error, expected, wrong) {
  if (!error) return void wrong.push(`expected the error ${JSON.stringify(expected)}`);
  const { kind, status, message, param, provider, retryAfter, excludedBy } = error;
  const actual = {
    kind,
    status,
    message,
    param,
    provider,
    retry_after: retryAfter,
    upstream_status: error.error.metadata.provider_status,
    excluded_by: Object.fromEntries(excludedBy.map((rejection) => [rejection.endpoint, rejection.code])),
    body: { error: error.error },
    json: JSON.stringify({ error: error.error }),
  };
  compare("error", expected, actual, wrong);
}

function checkChunks(chunks, { each, same, last, finish, tool_calls, ...rest }, wrong) {
  assert.deepEqual(rest, {}, "unknown expectations of chunks");
  chunks.forEach((chunk, at) => {
    if (each) compare(`chunks[${at}]`, each, chunk, wrong);
    for (const field of same ?? []) compare(`chunks[${at}].${field}`, chunks[0][field], chunk[field], wrong);
  });
  if (last) compare("chunks.last", last, chunks.at(-1), wrong);
  if (finish) compare("chunks.finish", finish, chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).findLast(Boolean), wrong);
  if (tool_calls) {
    const seen = new Set();
    for (const { index, id, function: call } of chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []))) {
      const first = !seen.has(index);
      seen.add(index);
      if (first !== Boolean(id) || first !== Boolean(call.name)) wrong.push(`tool call ${index}: id and name come once, at first`);
    }
  }
}

/** What holds of every stream. */
function checkStream(chunks, error, wrong) {
  const { id, model, created } = chunks[0];
  for (const chunk of chunks) compare("every chunk", { id, model, created, object: "chat.completion.chunk" }, chunk, wrong);
  const told = chunks.slice(0, -1).filter(({ usage, routing }) => usage || routing);
  if (told.length > 0) wrong.push(`usage or routing before the last chunk: ${JSON.stringify(told)}`);
  if (!error) compare("the last chunk", { routing: { $any: true } }, chunks.at(-1), wrong);
}

function checkPlan(plan, expected, wrong, again) {
  const order = (candidates, withModel) => candidates.map(({ model, endpoint }) => (withModel ? `${model} ${endpoint}` : endpoint));
  for (const [key, value] of Object.entries(expected)) {
    const names = Array.isArray(value) ? value : [];
    const found = order(plan.candidates, names[0]?.includes(" "));
    const at = `plan.${key}`;
    // A name that is not in a list would say nothing.
    if (["candidates", "first", "last", "contains", "models"].includes(key) && !names.length) wrong.push(`${at}: expected a list of names`);
    else if (key === "candidates") compare(at, value, found, wrong);
    else if (key === "first") compare(at, names, found.slice(0, names.length), wrong);
    else if (key === "last") compare(at, names, found.slice(found.length - names.length), wrong);
    else if (key === "contains") compare(at, [], value.filter((name) => !found.includes(name)), wrong);
    else if (key === "models") compare(at, value, [...new Set(plan.candidates.map(({ model }) => model))], wrong);
    else if (key === "rejected") compare(at, value, Object.fromEntries(plan.rejected.map(({ endpoint, code }) => [endpoint, code])), wrong);
    else if (key === "cost") compare(at, true, plan.candidates[0].estimated_cost > 0, wrong);
    else if (key === "same_again") compare(at, order(again(42)), order(again(42)), wrong);
    else if (key === "led_by") {
      const leaders = Array.from({ length: 100 }, (_, seed) => order(again(seed))[0]);
      for (const [name, [least, most]] of Object.entries(value)) {
        const count = leaders.filter((leader) => leader === name).length;
        if (count < least || count > most) wrong.push(`${at}: ${name} leads ${count} of 100 plans, not ${least} to ${most}`);
      }
    } else wrong.push(`${at}: no such expectation`);
  }
}

function checkExplained(junto, request, expect, config, wrong) {
  try {
    const again = (seed) => new ScriptedJunto([], { ...config, seed }).explain(request).candidates;
    const plan = junto.explain(request);
    if (expect.plan) checkPlan(plan, expect.plan, wrong, again);
    if (expect.error) wrong.push(`expected the error ${JSON.stringify(expect.error)}, found a plan`);
  } catch (error) {
    if (!(error instanceof JuntoError)) throw error;
    if (!expect.error) throw error;
    checkError(error, expect.error, wrong);
  }
}

/** Real time passes here: "no wait" means less than the shortest that a case waits for. */
const NO_WAIT_MS = 1_400;

async function run(one, split) {
  const wrong = [];
  const config = configuration(one.config);
  const steps = one.steps ?? [one];
  const exchanges = steps.flatMap(({ exchanges = [], unordered }) => exchanges.map((exchange) => ({ ...exchange, unordered })));
  learn(config);
  const lacksKey = (what, value) => showsKey(value) && wrong.push(`${what} shows a key`);
  const told = (event) => lacksKey("a hook", event);
  let junto;
  try {
    junto = new ScriptedJunto(script(exchanges, one.repeat_last, split), { ...config, onAttempt: told, onResponse: told });
  } catch (error) {
    if (!one.expect?.error) throw error;
    checkError(error, one.expect.error, wrong);
    lacksKey("an error", error);
    return wrong;
  }
  lacksKey("a client", junto);
  for (const step of steps) {
    const { request, exchanges: asked, expect } = step;
    if (request !== undefined && asked === undefined) {
      checkExplained(junto, request, expect, config, wrong);
      continue;
    }
    const begun = performance.now();
    const { response, chunks, events, error, attempts } = await (request === undefined ? askOther(junto, step) : ask(junto, request));
    const elapsed = performance.now() - begun;
    for (const [key, value] of Object.entries(expect)) {
      if (key === "response" || key === "folded") compare(key, value, response, wrong);
      else if (key === "text") compare(key, value, response?.choices[0]?.message.content, wrong);
      else if (key === "reasoning") compare(key, value, response?.choices[0]?.message.reasoning, wrong);
      else if (key === "attempts") compare(key, value, attempts, wrong);
      else if (key === "events") {
        compare(key, value, events.map(({ type }) => type), wrong);
        compare("sequence", events.map((_, at) => at), events.map(({ sequence_number }) => sequence_number), wrong);
      } else if (key === "chunks") checkChunks(chunks, value, wrong);
      else if (key === "error") checkError(error, value, wrong);
      else if (key === "waited" && value === false) compare("waited", true, elapsed < NO_WAIT_MS, wrong);
      else if (key === "waited") compare("waited", true, elapsed >= value.at_least_ms, wrong);
      else wrong.push(`${key}: no such expectation`);
    }
    if (chunks?.length > 0) checkStream(chunks, error, wrong);
    if (error) lacksKey("an error", error);
    if (error && !expect.error) wrong.push(`error: ${error.stack}`);
  }
  const hosts = exchanges.filter(({ unordered }) => unordered).map(({ expect_request }) => expect_request.host);
  const place = ({ url }) => hosts.indexOf(new URL(url).hostname);
  const asked = hosts.length > 0 ? junto.requests.filter((request) => place(request) >= 0).sort((a, b) => place(a) - place(b)) : junto.requests;
  checkRequests(asked, exchanges, one.repeat_last, wrong);
  lacksKey("the record of requests", junto.requests.map(({ url, headers }) => [url, headers]));
  return wrong;
}

function checkRequests(requests, exchanges, repeatLast, wrong) {
  if (!repeatLast) compare("requests", exchanges.length, requests.length, wrong);
  requests.forEach((request, at) => {
    // Keys in recorded headers read ***, and recorded URLs have no query, so `key` and `query` are for the core's own runner.
    const { host, method, path, headers, form, body, body_lacks } = exchanges[Math.min(at, exchanges.length - 1)]?.expect_request ?? {};
    if (method) compare(`requests[${at}].method`, method, request.method, wrong);
    if (path) compare(`requests[${at}].path`, path, new URL(request.url).pathname, wrong);
    for (const [name, value] of Object.entries(headers ?? {})) {
      const found = request.headers[name];
      compare(`requests[${at}].headers.${name}`, found === "***" ? { $any: true } : value, found, wrong);
    }
    if (form) compare(`requests[${at}].form`, form, Object.fromEntries(new URLSearchParams(request.body)), wrong);
    if (host) compare(`requests[${at}].host`, host, new URL(request.url).hostname, wrong);
    if (body) compare(`requests[${at}].body`, body, request.body, wrong);
    for (const word of [body_lacks ?? []].flat()) compare(`requests[${at}].body`, { $lacks: word }, request.body, wrong);
  });
}

function checkSlug({ slug, expect }) {
  const wrong = [];
  try {
    const parsed = parseSlug(slug);
    compare("expect", expect, { slug: parsed }, wrong);
    compare("read again", parsed, parseSlug(parsed.display), wrong);
  } catch (error) {
    if (!(error instanceof JuntoError) || !expect.error) throw error;
    checkError(error, expect.error, wrong);
  }
  return wrong;
}

for (const { path, case: one } of cases()) {
  test(`${path}: ${one.name}`, async () => {
    if (one.slug !== undefined) return assert.deepEqual(checkSlug(one), []);
    const streams = (one.steps ?? [one]).some(({ request, respond }) => (request ?? respond)?.stream);
    for (const split of streams ? Object.keys(SPLITS) : ["events"]) assert.deepEqual(await run(one, split), [], `in reads of ${split}`);
  });
}
