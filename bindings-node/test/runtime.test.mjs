import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

import { startStub } from "./stub.mjs";

let stub;
before(async () => {
  stub = await startStub();
});
after(() => stub.close());

const RUNS = Number(process.env["JUNTO_RUNS"] ?? 10);

/** A program that makes a client and a stream. */
const program = (rest) => `
  import { Junto } from "junto";
  const junto = new Junto(${JSON.stringify(stub.options)});
  const ask = (model, stream = false) => junto.chat.completions.create({ model, messages: [{ role: "user", content: "Hi" }], stream });
  ${rest}
`;

async function run(rest) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", program(rest)], { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stdout.on("data", (data) => (output += data));
  child.stderr.on("data", (data) => (output += data));
  const kill = setTimeout(() => child.kill("SIGKILL"), 10_000);
  const [code, signal] = await once(child, "close");
  clearTimeout(kill);
  return { code, signal, output };
}

test("an idle client does not keep the process alive", async () => {
  const begun = performance.now();
  assert.deepEqual(await run(`console.log((await ask("openai/plain")).choices[0].message.content);`), { code: 0, signal: null, output: "Hi there\n" });
  assert.ok(performance.now() - begun < 3_000);
});

test("a call under way keeps it alive", async () => {
  assert.deepEqual(await run(`ask("openai/plain").then((answer) => console.log(answer.object));`), { code: 0, signal: null, output: "chat.completion\n" });
});

test(`exit in the middle of streams, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      const streams = await Promise.all(Array.from({ length: 5 }, () => ask("openai/forever", true)));
      for (const stream of streams) (async () => { for await (const _ of stream); })();
      ask("openai/slow");
      setTimeout(() => process.exit(7), 30);`;
    assert.deepEqual(await run(rest), { code: 7, signal: null, output: "" });
    await stub.idle(200);
  }
});

test(`a worker that ends in the middle of streams, ${RUNS} times`, async () => {
  for (let n = 0; n < RUNS; n++) {
    const rest = `
      import { parentPort } from "node:worker_threads";
      ask("openai/slow").catch(() => {});
      const stream = await ask("openai/forever", true);
      for await (const _ of stream) parentPort.postMessage("chunk");`;
    const file = new URL(`data:text/javascript,${encodeURIComponent(program(rest).replace('"junto"', JSON.stringify(import.meta.resolve("junto"))))}`);
    const workers = Array.from({ length: 3 }, () => new Worker(file));
    await Promise.all(workers.map((worker) => once(worker, "message")));
    await Promise.all(workers.map((worker) => worker.terminate()));
    await stub.idle(200);
    await sleep(5);
  }
});
