/** Finds the native half and says what it looks like. Every call settles with the core's JSON: the answer, or `{"error": ..}`. */

import { arch, platform } from "node:process";

export interface NativeClient {
  /** Times are in milliseconds. */
  chat(request: string, timeout?: number | null, cancel?: NativeCancel | null): Promise<string>;
  stream(request: string, timeout?: number | null): NativeStream;
  explain(request: string): string;
  requests(): string;
}

export interface NativeStream {
  /** `null` once the first content is there, or an error. */
  open(): Promise<string | null>;
  /** A JSON list of all chunks that are ready; `null` at the end, or an error. */
  next(): Promise<string | null>;
  /** The same as server-sent events. */
  nextEvents(): Promise<Uint8Array | null>;
  cancel(): void;
}

export interface NativeCancel {
  fire(): void;
}

interface Native {
  connect(config: string, script?: string): NativeClient | string;
  Cancel: new () => NativeCancel;
  version(): string;
  errorKinds(): string;
  parseSlug(slug: string): string;
}

/** The packages that may hold the addon here, the likeliest first. npm installs only the one that fits. */
function candidates(): string[] {
  const triple = `${platform}-${arch}`;
  const names = platform === "linux" ? [`${triple}-gnu`, `${triple}-musl`] : platform === "win32" ? [`${triple}-msvc`] : [triple];
  return [`../junto.${triple}.node`, ...names.map((name) => `junto-${name}`)];
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
  const why = reasons.length > 0 ? reasons.join("; ") : `no package for ${platform}-${arch} is installed (were optional dependencies left out?)`;
  throw new Error(`junto's native addon did not load: ${why}`);
}

export const native: Native = load();

/** The native half of a client, for the modules beside this one. */
export const handles = new WeakMap<object, NativeClient>();
