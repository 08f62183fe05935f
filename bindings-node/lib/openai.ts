/** For the official `openai` package and others that take a `fetch`. */

import { Junto, type JuntoOptions } from "./client.js";
import { type Fetch, createFetch } from "./fetch.js";

export { type Fetch, type FetchOptions, createFetch } from "./fetch.js";

/**
 * Options for `new OpenAI(..)` that put it on junto, in process: `new OpenAI(openaiOptions())`. Its own retries are off,
 * because junto's decide.
 */
export function openaiOptions(junto: Junto | JuntoOptions = {}): { apiKey: string; baseURL: string; fetch: Fetch; maxRetries: number } {
  const client = junto instanceof Junto ? junto : new Junto(junto);
  return { apiKey: "unused", baseURL: "http://junto.invalid/v1", fetch: createFetch(client), maxRetries: 0 };
}
