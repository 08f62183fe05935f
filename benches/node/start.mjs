/** `start.mjs WHAT URL`: what a program pays before it does anything. Prints milliseconds and megabytes of loading, then asks once. */

import { argv, memoryUsage } from "node:process";

import { clients } from "./clients.mjs";

const [, , name, url] = argv;
const paths = { junto: "../../bindings-node/dist/index.mjs", openai: "openai", "AI SDK": "ai", "undici fetch": "undici", "undici.request": "undici" };
globalThis.gc?.();
const [rss, begun] = [memoryUsage.rss(), performance.now()];
await import(paths[name]);
const loaded = performance.now() - begun;
globalThis.gc?.();
const grown = (memoryUsage.rss() - rss) / 1e6;
const client = await clients[name](url);
await client.whole("gpt-4o");
console.log(JSON.stringify({ loaded, grown }));
process.exit();
