/**
 * `start.mjs load WHAT`: what a program pays before it does anything; prints milliseconds and megabytes of loading.
 * `start.mjs first WHAT URL`: a program that asks once and ends.
 *
 * `process` is the global one: to import it makes Node open its standard streams, some 10 ms that no client asked for.
 */

import { clients } from "./clients.mjs";

const [, , work, name, url] = process.argv;
const paths = { junto: "../../bindings-node/dist/index.node.mjs", openai: "openai", "AI SDK": "ai", "undici fetch": "undici", "undici.request": "undici" };
if (work === "load") {
  globalThis.gc?.();
  const [rss, begun] = [process.memoryUsage.rss(), performance.now()];
  await import(paths[name]);
  const loaded = performance.now() - begun;
  globalThis.gc?.();
  console.log(JSON.stringify({ loaded, grown: (process.memoryUsage.rss() - rss) / 1e6 }));
} else {
  const client = await clients[name](url);
  await client.whole("gpt-4o");
}
process.exit();
