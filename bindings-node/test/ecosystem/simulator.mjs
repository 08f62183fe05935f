/** The vendors' simulator as a program of its own; resolves to a client's providers. */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

export async function startSimulator() {
  const args = ["run", "-q", "-p", "junto-simulator", "--", "127.0.0.1:0"];
  const simulator = spawn(process.env["CARGO"] ?? "cargo", args, { stdio: ["ignore", "pipe", "inherit"] });
  const providers = {};
  for await (const line of createInterface(simulator.stdout)) {
    const [provider, baseURL] = line.split(/\s+/);
    if (!baseURL?.startsWith("http")) break;
    providers[provider] = { apiKey: "test", baseURL };
  }
  return { options: { env: false, providers }, close: () => simulator.kill() };
}

export const MODELS = ["anthropic/claude-haiku-4-5", "google/gemini-2.0-flash", "openai/gpt-4o"];

/** Says which versions are tested. */
export function tellVersions(...names) {
  for (const name of names) {
    const { version } = JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url)));
    console.log(`${name} ${version} on Node ${process.version}`);
  }
}
