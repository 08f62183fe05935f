/** Processes and threads that end in the middle of calls. JUNTO_RUNS says how often; `make test-node-soak` runs all a hundred times. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";

import { APIUserAbortError, Junto } from "junto";

import { messages, startStub } from "./stub.mjs";

let stub;
let junto;
before(async () => {
  stub = await startStub();
  // This thread has a client as well, so that the addon outlives every worker.
  junto = new Junto(stub.options);
  await junto.chat.completions.create({ model: "openai/plain", messages });
});
after(() => {
  stub.close();
  if (stub.slowest > 0) console.log(`the upstream connection was closed after at most ${stub.slowest.toFixed(1)} ms`);
});

const RUNS = Number(process.env["JUNTO_RUNS"] ?? 5);

/** A program that makes a client and calls. Whatever nobody handles fails it. */
const program = (rest, from = "junto") => `
  import { Junto } from ${JSON.stringify(from)};
  const junto = new Junto(${JSON.stringify(stub.options)});
  const ask = (model, stream = false, options) => junto.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }], stream }, options);
  ${rest}
`;

async function run(rest) {
  // Whatever a program's output is compared with, a log is not in it: the addon has none to write.
  const env = { ...process.env, RUST_LOG: "trace" };
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(rest)], { cwd: import.meta.dirname, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const kill = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const [code, signal] = await once(child, "close");
  clearTimeout(kill);
  return { code, signal, output };
}

function startWorker(rest) {
  const code = program(rest, import.meta.resolve("junto"));
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from "node:worker_threads";${code}`)}`));
}

test("an idle client, and a stream that nobody reads, do not keep the process alive", async () => {
  const idle = `console.log((await ask("openai/plain")).choices[0].message.content); globalThis.kept = await ask("openai/forever", true);`;
  assert.deepEqual(await run(idle), { code: 0, signal: null, output: "Hi there\n" });
  await stub.idle();
});

test("a call, a stream and a web stream under way keep it alive", async () => {
  const whole = `ask("openai/plain").then((answer) => console.log(answer.object));`;
  assert.deepEqual(await run(whole), { code: 0, signal: null, output: "chat.completion\n" });
  const streamed = `
    const read = async () => {
      let text = "";
      for await (const chunk of await ask("openai/paced", true)) text += chunk.choices[0]?.delta.content ?? "";
      console.log(text.length);
    };
    read();`;
  assert.deepEqual(await run(streamed), { code: 0, signal: null, output: "88\n" });
  const fetched = `junto.fetch("http://x/v1/chat/completions", { method: "POST", body: JSON.stringify({ model: "openai/paced", messages: [{ role: "user", content: "Hi" }], stream: true }) })
    .then((response) => response.text()).then((text) => console.log(text.trim().endsWith("data: [DONE]")));`;
  assert.deepEqual(await run(fetched), { code: 0, signal: null, output: "true\n" });
});

test(`exit in the middle of streams, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      const streams = await Promise.all(Array.from({ length: 5 }, () => ask("openai/forever", true)));
      for (const stream of streams) (async () => { for await (const _ of stream); })();
      ask("openai/slow");
      setTimeout(() => process.exit(7), 30);`;
    assert.deepEqual(await run(rest), { code: 7, signal: null, output: "" });
    await stub.idle();
  }
});

test(`an uncaught exception in the middle of streams, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const { code, signal, output } = await run(`for await (const _ of await ask("openai/forever", true)) throw new RangeError("mine");`);
    assert.deepEqual([code, signal], [1, null]);
    assert.match(output, /RangeError: mine/);
    await stub.idle();
  }
});

test(`workers that are terminated in the middle of streams, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      ask("openai/slow").catch(() => {});
      const stream = await ask("openai/forever", true);
      for await (const _ of stream) parentPort.postMessage("chunk");`;
    const workers = Array.from({ length: 3 }, () => startWorker(rest));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    await Promise.all(workers.map((worker) => worker.terminate()));
    await stub.idle();
  }
});

test(`workers that come, ask and go, ${RUNS} times four at once`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      let text = (await ask("openai/plain")).choices[0].message.content;
      for await (const chunk of await ask("openai/plain", true)) text += chunk.choices[0]?.delta.content ?? "";
      parentPort.postMessage(text);`;
    const workers = Array.from({ length: 4 }, () => startWorker(rest));
    const told = await Promise.all(workers.map((worker) => Promise.all([once(worker, "message"), once(worker, "exit")])));
    for (const [[text], [code]] of told) assert.deepEqual([text, code], ["Hi thereHi there", 0]);
  }
  await stub.idle();
});

for (const [when, model] of [["before", "openai/slow"], ["after", "openai/stall"]]) {
  test(`an abort ${when} the first chunk, ${RUNS} times`, async () => {
    for (let n = 0; n < RUNS; n++) {
      const seen = stub.requests.length;
      const controller = new AbortController();
      const read = async () => {
        for await (const chunk of await junto.chat.completions.create({ model, messages, stream: true }, { signal: controller.signal })) {
          if (chunk.choices[0].delta.content) controller.abort();
        }
      };
      const reading = read();
      reading.catch(() => undefined);
      if (when === "before") {
        while (stub.requests.length === seen) await new Promise(setImmediate);
        controller.abort();
      }
      await assert.rejects(reading, APIUserAbortError);
      await stub.idle();
    }
  });
}

test(`a process that aborts ends by itself and leaves nothing unhandled, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      const calls = ["openai/slow", "openai/stall", "openai/forever", "openai/plain"].flatMap((model) => [false, true].map(async (stream) => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), 20);
        try {
          const answer = await ask(model === "openai/plain" || stream ? model : "openai/slow", stream, { signal: controller.signal });
          if (stream) for await (const _ of answer);
          return "done";
        } catch (error) {
          return error.name;
        }
      }));
      console.log((await Promise.all(calls)).join(" "));`;
    const { code, signal, output } = await run(rest);
    assert.deepEqual([code, signal], [0, null], output);
    assert.match(output, /^(APIUserAbortError ){6}(done|APIUserAbortError) (done|APIUserAbortError)\n$/);
    await stub.idle();
  }
});
