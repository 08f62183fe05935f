/** What `explain` returns. */

import type { Rejection } from "./types.js";

/** US dollars per unit, as exact decimals. A price that is absent is another's, or nothing. */
export interface Pricing {
  /** Per prompt token. */
  prompt: string;
  /** Per completion token. */
  completion: string;
  cache_read?: string;
  cache_write?: string;
  cache_write_1h?: string;
  reasoning?: string;
  request?: string;
  image?: string;
  audio?: string;
  [unit: string]: unknown;
}

/** What an operator does with prompts; `null` and absent are unknown and count as the worse answer. */
export interface DataPolicy {
  trains: boolean | null;
  retains: boolean | null;
  retention_days?: number;
  publishes?: boolean;
  source?: string;
}

/** One endpoint that would be tried. */
export interface Candidate {
  /** The catalog slug of the model. */
  model: string;
  /** `provider` or `provider/region`. */
  endpoint: string;
  provider: string;
  /** The model as the provider names it. */
  upstream: string;
  context_length: number | null;
  max_completion_tokens: number | null;
  pricing: Pricing | null;
  quantization: string | null;
  policy: DataPolicy | null;
  health: {
    recent_outage: boolean;
    /** Seconds for which it should still be left alone. */
    cooling_down: number | null;
    /** Tokens per second: measured, else expected. */
    throughput: number | null;
    /** Seconds to the first token: measured, else expected. */
    latency: number | null;
  };
  /** US dollars; `null` where the price is unknown. */
  estimated_cost: number | null;
  /** Parameters that it does not know; they are left out. */
  dropped_parameters: string[];
  reasoning: boolean;
  /** How the web is searched, where the request asks for it. */
  search: "engine" | "native" | null;
}

/** The core's JSON of a plan, and the same as a table. */
export interface Explained {
  plan: {
    requested: string;
    models: string[];
    prompt_tokens: number;
    completion_tokens: number;
    candidates: Candidate[];
    rejected: Rejection[];
  };
  table: string;
}

/** The plan of a request. Printing it gives a table. */
export class Plan {
  /** The slug as it was asked for. */
  readonly requested: string;
  /** The models, in the order of `model` and `models`. */
  readonly models: string[];
  /** The prompt's size by a rough count. */
  readonly prompt_tokens: number;
  /** The answer's size that costs were estimated with. */
  readonly completion_tokens: number;
  /** The endpoints in the order in which they would be tried. */
  readonly candidates: Candidate[];
  /** The endpoints that may not serve. */
  readonly rejected: Rejection[];
  readonly #table: string;

  /** @internal */
  constructor({ plan, table }: Explained) {
    this.requested = plan.requested;
    this.models = plan.models;
    this.prompt_tokens = plan.prompt_tokens;
    this.completion_tokens = plan.completion_tokens;
    this.candidates = plan.candidates;
    this.rejected = plan.rejected;
    this.#table = table;
  }

  toString(): string {
    return this.#table;
  }
}

// Not a member of the class, because its type would drag Node's in.
Object.defineProperty(Plan.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: Plan.prototype.toString });
