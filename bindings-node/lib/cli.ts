#!/usr/bin/env node
/** `junto explain | chat`: the client at a prompt. */

import { parseArgs } from "node:util";

import { Junto } from "./client.js";
import { JuntoError } from "./errors.js";
import type { ChatRequest, Routing } from "./types.js";

const USAGE = `Usage: junto COMMAND [OPTIONS]

  junto explain MODEL [PROMPT]   the plan: ranked endpoints, and the others with the reason
  junto chat MODEL PROMPT        ask, and print the answer as it comes

Options:
  --order A,B   --only A,B   --ignore A,B   providers, or endpoints such as google-vertex/us-east5
  --sort price|throughput|latency           how to rank
  --deny-training   --zdr                   who may not serve
  --seed N                                  makes the plan repeatable
  --json                                    print the plan or the chunks as JSON

Keys come from the environment, by the vendors' own variable names.`;

const options = {
  order: { type: "string" },
  only: { type: "string" },
  ignore: { type: "string" },
  sort: { type: "string" },
  "deny-training": { type: "boolean" },
  zdr: { type: "boolean" },
  seed: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({ allowPositionals: true, options });
  const [command, model, ...words] = positionals;
  if (values.help) return say(USAGE);
  const prompt = words.join(" ");
  if (!model || !["explain", "chat"].includes(command ?? "") || (command === "chat" && prompt === "")) return complain(USAGE);

  const list = (value: string | undefined) => value?.split(",").map((name) => name.trim());
  const provider = {
    ...(values.order && { order: list(values.order) }),
    ...(values.only && { only: list(values.only) }),
    ...(values.ignore && { ignore: list(values.ignore) }),
    ...(values.sort && { sort: values.sort }),
    ...(values["deny-training"] && { data_collection: "deny" }),
    ...(values.zdr && { zdr: true }),
  } as NonNullable<ChatRequest["provider"]>;
  const request: ChatRequest = { model, messages: [{ role: "user", content: prompt || "Hello!" }], provider };
  const junto = new Junto(values.seed === undefined ? {} : { seed: Number(values.seed) });

  if (command === "explain") {
    const plan = junto.explain(request);
    return say(values.json ? JSON.stringify(plan, null, 2) : String(plan).trimEnd());
  }
  let routing: Routing | undefined;
  for await (const chunk of await junto.chat.completions.create({ ...request, stream: true })) {
    process.stdout.write(values.json ? `${JSON.stringify(chunk)}\n` : (chunk.choices[0]?.delta.content ?? ""));
    routing = chunk.routing ?? routing;
  }
  if (!values.json) process.stdout.write("\n");
  if (routing && process.stderr.isTTY) process.stderr.write(`${routing.attempts.map(({ provider, status, duration_ms }) => `${provider}: ${status ?? "no answer"} in ${duration_ms} ms`).join("\n")}\n`);
  return 0;
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
