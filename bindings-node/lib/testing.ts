/** A client that answers from a script, for tests without a network. */

import { Junto, type JuntoOptions } from "./client.js";
import { type NativeClient, handles } from "./native.js";

/** How a transfer fails. */
export type TransportFailure = "connect" | "decode" | "interrupted" | "request" | "timeout";

/** One read of a body: text, or text, or a failure, so many milliseconds after the read before. */
export type ScriptedRead = string | { after?: number; data?: string; error?: TransportFailure };

interface ScriptedBase {
  /** Answers only requests whose URL contains this. */
  to?: string;
  /** Milliseconds before the head of the response, or before the failure. */
  delay?: number;
  /** Answers any number of requests. */
  repeat?: boolean;
}

/** One answer in a vendor's own format: a whole body (text, or a value as JSON), a body in reads, or a failure. */
export type Scripted =
  | (ScriptedBase & { status?: number; headers?: Record<string, string>; body: unknown })
  | (ScriptedBase & { status?: number; headers?: Record<string, string>; reads: ScriptedRead[] })
  | (ScriptedBase & { error: TransportFailure });

/** A request that the script received. Headers that carry keys read `***`. */
export interface RecordedRequest {
  method: string;
  /** Without its query. */
  url: string;
  headers: Record<string, string>;
  body: any;
}

/** A client that answers from a script. An answer is taken in order by the first request that it fits. */
export class ScriptedJunto extends Junto {
  constructor(script: Scripted[], options: JuntoOptions = {}) {
    super(options, JSON.stringify(script.map(plain)));
  }

  /** What was asked so far. */
  get requests(): RecordedRequest[] {
    return JSON.parse((handles.get(this) as NativeClient).requests()) as RecordedRequest[];
  }
}

function plain(answer: Scripted): object {
  if (!("reads" in answer)) return answer;
  return { ...answer, reads: answer.reads.map((read) => (typeof read === "string" ? { data: read } : read)) };
}
