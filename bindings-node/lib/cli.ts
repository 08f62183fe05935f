#!/usr/bin/env node
/** `junto explain | chat | models`: the client at a prompt. */

import { parseArgs } from "node:util";

import { Junto } from "./client.js";
import { JuntoError } from "./errors.js";
import type { ChatRequest, PriceList, Routing } from "./types.js";

const USAGE = `Usage: junto COMMAND [OPTIONS]

  junto explain MODEL [PROMPT]   the plan: ranked endpoints, and the others with the reason
  junto chat MODEL PROMPT        ask, and print the answer as it comes
  junto models [TEXT]            the models, or those whose slug holds the text; of a single one, who serves it

Options:
  --order A,B   --only A,B   --ignore A,B   providers, or endpoints such as google-vertex/us-east5
  --sort price|throughput|latency           how to rank
  --deny-training   --zdr                   who may not serve
  --seed N                                  makes the plan repeatable
  --available   --local                     only models that your keys allow; those of local servers too
  --json                                    print the plan, the chunks or the models as JSON

Keys come from the environment, by the vendors' own variable names.`;

const options = {
  order: { type: "string" },
  only: { type: "string" },
  ignore: { type: "string" },
  sort: { type: "string" },
  "deny-training": { type: "boolean" },
  zdr: { type: "boolean" },
  seed: { type: "string" },
  available: { type: "boolean" },
  local: { type: "boolean" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

type Flags = ReturnType<typeof parse>["values"];

const parse = () => parseArgs({ allowPositionals: true, options });

async function main(): Promise<number> {
  const { positionals, values } = parse();
  const [command, first, ...words] = positionals;
  if (values.help) return say(USAGE);
  const junto = new Junto(values.seed === undefined ? {} : { seed: Number(values.seed) });
  if (command === "models") return models(junto, first ?? "", values);
  const prompt = words.join(" ");
  if (first === undefined || !(command === "explain" || (command === "chat" && prompt !== ""))) return complain(USAGE);
  const request = { model: first, messages: [{ role: "user" as const, content: prompt || "Hello!" }], provider: preferences(values) };
  return command === "explain" ? explain(junto, request, values) : chat(junto, request, values);
}

function preferences(values: Flags): NonNullable<ChatRequest["provider"]> {
  const list = (value: string | undefined) => value?.split(",").map((name) => name.trim());
  return {
    ...(values.order && { order: list(values.order) }),
    ...(values.only && { only: list(values.only) }),
    ...(values.ignore && { ignore: list(values.ignore) }),
    ...(values.sort && { sort: values.sort }),
    ...(values["deny-training"] && { data_collection: "deny" }),
    ...(values.zdr && { zdr: true }),
  } as NonNullable<ChatRequest["provider"]>;
}

function explain(junto: Junto, request: ChatRequest, { json }: Flags): number {
  const plan = junto.explain(request);
  return say(json ? JSON.stringify(plan, null, 2) : String(plan).trimEnd());
}

async function chat(junto: Junto, request: ChatRequest, { json }: Flags): Promise<number> {
  let routing: Routing | undefined;
  for await (const chunk of await junto.chat.completions.create({ ...request, stream: true })) {
    process.stdout.write(json ? `${JSON.stringify(chunk)}\n` : (chunk.choices[0]?.delta.content ?? ""));
    routing = chunk.routing ?? routing;
  }
  if (!json) process.stdout.write("\n");
  const tried = routing?.attempts.map(({ provider, status, duration_ms }) => `${provider}: ${status ?? "no answer"} in ${duration_ms} ms\n`);
  if (process.stderr.isTTY) process.stderr.write(tried?.join("") ?? "");
  return 0;
}

async function models(junto: Junto, text: string, { available = false, local = false, json }: Flags): Promise<number> {
  const { data } = await junto.models.list({ available, local });
  const found = data.filter(({ id }) => id.includes(text.toLowerCase()));
  const [only] = data.filter(({ id }) => id === text.toLowerCase()).concat(found.length === 1 ? found : []);
  if (only) {
    const { endpoints } = await junto.models.endpoints(only.id);
    if (json) return say(JSON.stringify(endpoints, null, 2));
    const rows = endpoints.map((one) => [one.tag, tokens(one.context_length), ...prices(one.pricing), one.available ? "yes" : (one.unavailable_reason ?? "no")]);
    return say(table(["ENDPOINT", "CONTEXT", "$/M IN", "$/M OUT", "AVAILABLE"], rows));
  }
  if (json) return say(JSON.stringify(found, null, 2));
  if (found.length === 0) return complain(`junto: no model's slug holds \`${text}\``);
  return say(table(["MODEL", "CONTEXT", "$/M IN", "$/M OUT"], found.map((one) => [one.id, tokens(one.context_length), ...prices(one.pricing)])));
}

const tokens = (count: number | null): string => count?.toLocaleString("en") ?? "?";

const prices = (pricing: PriceList | null): [string, string] => {
  const perMillion = (price: string | undefined) => (price === undefined ? "?" : String(Number((Number(price) * 1e6).toFixed(4))));
  return [perMillion(pricing?.prompt), perMillion(pricing?.completion)];
};

/** Columns as wide as their widest cell; all but the first and words flush right. */
function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: string[]) => row.map((cell, at) => (at === 0 || at > 3 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join("  ").trimEnd();
  return [head, ...rows].map(line).join("\n");
}

function say(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function complain(text: string): number {
  process.stderr.write(`${text}\n`);
  return 2;
}

main().then(
  (code) => (process.exitCode = code),
  (error: Error) => {
    const rejected = error instanceof JuntoError ? error.excludedBy.map(({ message }) => `\n  ${message}`) : [];
    process.exitCode = complain(`junto: ${error.message}${rejected.join("")}`) && 1;
  },
);
