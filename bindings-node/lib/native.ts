/** Finds the native half and says what it looks like. Every call settles with the core's JSON: the answer, or `{"error": ..}`. */

import { existsSync } from "node:fs";
import { join } from "node:path";

/** `options` is `{timeout, headers}` as JSON, the time in milliseconds. */
export interface NativeClient {
  chat(port: NativePort, call: number, request: string, options?: string): void;
  stream(port: NativePort, call: number, request: string, events: boolean, options?: string): NativeStream;
  explain(request: string): string;
  embed(port: NativePort, call: number, request: string, options?: string): void;
  respond(port: NativePort, call: number, request: string, options?: string): void;
  respondStream(port: NativePort, call: number, request: string, events: boolean, options?: string): NativeStream;
  models(port: NativePort, call: number, query: string, options?: string): void;
  /** Settles with `null`, or an error. */
  refreshCatalog(port: NativePort, call: number, url: string, shape?: string): void;
  model(slug: string): string;
  endpoints(slug: string): string;
  exportHealth(): string;
  /** `null`, or an error. */
  importHealth(health: string): string | null;
  spend(): string;
  requests(): string;
}

/** Opened with a call, which settles as the first read. */
export interface NativeStream {
  /** Settles with all that is ready: a JSON list of chunks, or server-sent events; `null` at the end, or an error. */
  next(call: number): void;
  cancel(): void;
}

/** Where the calls of this thread come back. */
export interface NativePort {
  hold(alive: boolean): void;
  cancel(call: number): void;
  /** What a function gave when it was asked: JSON, or why it failed. */
  answer(question: number, given: string | undefined, problem: string): void;
}

/** What a call brings. */
export type Payload = string | Uint8Array | null;

interface Native {
  /** `hooks` is `{attempt, response, keys, tokens, searches}` as JSON: the numbers of the caller's functions, of the last three beside names. */
  connect(port: NativePort, config: string, hooks: string, script?: string): NativeClient | string;
  openPort(settle: (call: number, payload: Payload) => void): NativePort;
  version(): string;
  errorKinds(): string;
  parseSlug(slug: string): string;
}

/** The addon as it was built here; else the packages that may hold it, the likeliest first. npm installs only the one that fits. */
function candidates(): string[] {
  const { arch, platform } = process;
  const triple = `${platform}-${arch}`;
  const built = join(__dirname, "..", `junto.${triple}.node`);
  // Looked for, because a `require` that finds nothing takes as long as loading what is there.
  if (existsSync(built)) return [built];
  const names = platform === "linux" ? [`${triple}-gnu`, `${triple}-musl`] : platform === "win32" ? [`${triple}-msvc`] : [triple];
  return names.map((name) => `junto-${name}`);
}

function load(): Native {
  const reasons: string[] = [];
  for (const name of candidates()) {
    try {
      return require(name) as Native;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "MODULE_NOT_FOUND") reasons.push(`${name}: ${message}`);
    }
  }
  const why = reasons.length > 0 ? reasons.join("; ") : `no package for ${process.platform}-${process.arch} is installed (were optional dependencies left out?)`;
  throw new Error(`junto's native addon did not load: ${why}`);
}

export const native: Native = load();

/** The native half of a client, for the modules beside this one. */
export const handles = new WeakMap<object, NativeClient>();
