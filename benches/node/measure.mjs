/** `measure.mjs CLIENT WORK URL`: CPU microseconds of this process, all its threads, per request or per chunk. */

import { cpuUsage, argv } from "node:process";

import { clients } from "./clients.mjs";

const [, , name, work, url] = argv;
const client = await clients[name](url);

/** Runs the calls, so many at once. */
async function all(calls, atOnce, call) {
  let left = calls;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (left-- > 0) await call();
    }),
  );
}

const ask = async () => {
  if (!((await client.whole("gpt-4o")) > 0)) throw new Error("an empty answer");
};
const read = (model, chunks) => async () => {
  const { length, chunks: found } = await client.stream(model);
  if (found < chunks || length < chunks) throw new Error(`${found} chunks of ${chunks}`);
};

/** Calls to warm up, calls to measure, how many at once, one call, and how many units a call has. */
const works = {
  request: [500, 1_500, 1, ask, 1],
  "16 at once": [500, 4_000, 16, ask, 1],
  chunk: [10, 40, 1, read("gpt-4o@chunks=1000", 1_000), 1_000],
  "paced chunk": [4, 40, 20, read("gpt-4o@chunks=100,tps=100", 100), 100],
};

const [warm, calls, atOnce, call, units] = works[work];
await all(warm, Math.min(warm, atOnce), call);
const before = cpuUsage();
await all(calls, atOnce, call);
const { user, system } = cpuUsage(before);
console.log((user + system) / calls / units);
process.exit();
