/** What junto costs in Node beside other clients. Everyone takes turns, each turn in a process of its own; ratios are medians over the rounds. */

import { execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { execPath, env, version } from "node:process";

const here = import.meta.dirname;
const ROUNDS = Number(env["ROUNDS"] ?? 5);
const ONLY = env["ONLY"]?.split(",");

// Where this is set Node reads every root certificate before the program, which takes longer than all of the rest.
delete env["NODE_EXTRA_CA_CERTS"];

const simulator = spawn(env["SIMULATOR"] ?? `${here}/../../target/release/junto-simulator`, ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
process.on("exit", () => simulator.kill());
const [line] = await new Promise((resolve) => createInterface(simulator.stdout).once("line", (text) => resolve([text])));
const url = line.split(/\s+/)[1];

const run = (script, ...args) => execFileSync(execPath, [...script, ...args, url], { cwd: here, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const row = (cells) => console.log(cells.map((cell, at) => String(cell).padEnd(at === 0 ? 18 : 0).padStart(at === 0 ? 0 : 14)).join(""));
const of = (name) => JSON.parse(readFileSync(`${here}/node_modules/${name}/package.json`)).version;

console.log(`Node ${version}; ${["undici", "openai", "ai"].map((name) => `${name} ${of(name)}`).join(", ")}; ${ROUNDS} rounds\n`);

const CLIENTS = ["undici.request", "undici fetch", "junto", "openai", "openai on junto", "AI SDK"];
const WORKS = { request: "undici.request", "16 at once": "undici.request", chunk: "undici fetch", "paced chunk": "undici fetch" };
for (const [work, yardstick] of Object.entries(WORKS)) {
  if (ONLY && !ONLY.includes(work)) continue;
  const rounds = Array.from({ length: ROUNDS }, () => Object.fromEntries(CLIENTS.map((name) => [name, Number(run(["measure.mjs"], name, work))])));
  row([`CPU us, ${work}`, "us", `of ${yardstick}`]);
  for (const name of CLIENTS) {
    row([name, median(rounds.map((round) => round[name])).toFixed(1), median(rounds.map((round) => round[name] / round[yardstick])).toFixed(2)]);
  }
  console.log();
}

if (!ONLY || ONLY.includes("start")) {
  const timed = (begin) => {
    const begun = performance.now();
    begin();
    return performance.now() - begun;
  };
  const names = ["junto", "undici.request", "undici fetch", "openai", "AI SDK"];
  const rounds = Array.from({ length: 15 }, () => {
    const bare = timed(() => execFileSync(execPath, ["-e", "0"]));
    return names.map((name) => {
      const told = JSON.parse(run(["--expose-gc", "start.mjs"], "load", name));
      const first = timed(() => run(["start.mjs"], "first", name));
      return { ...told, bare, first, above: first - bare };
    });
  });
  row(["start", "load ms", "load MB", "first ms", "above bare ms"]);
  row(["bare Node", "", "", median(rounds.map(([{ bare }]) => bare)).toFixed(0), ""]);
  for (const [at, name] of names.entries()) {
    const of = (field) => median(rounds.map((round) => round[at][field]));
    row([name, of("loaded").toFixed(1), of("grown").toFixed(1), of("first").toFixed(0), of("above").toFixed(0)]);
  }
}
process.exit();
