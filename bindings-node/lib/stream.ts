/// <reference lib="esnext.disposable" preserve="true" />
/** A streamed answer as an async iterable. */

import { aborted, failureOf, isFailure, settle } from "./errors.js";
import type { NativeStream, Payload } from "./native.js";
import { ask, askUntil } from "./port.js";

/** Where a stream's items come from: all that is ready per read, `null` at the end. */
interface Source<Item> {
  read(): Promise<Item[] | null>;
  cancel(): void;
}

/** Asks for a stream under this number. */
export type Open = (call: number) => NativeStream;

/** A stream that has reached its first content. */
export interface Opened {
  /** All that is ready; `null` at the end and after `cancel`. */
  next(): Promise<Payload>;
  cancel(): void;
}

/** Asks for a stream and waits for its first content; a string is the error that came instead. A signal that fires closes it, whenever. */
export async function openStream(open: Open, signal?: AbortSignal | null): Promise<Opened | string> {
  let native!: NativeStream;
  let first: Payload | undefined = await askUntil(signal, (call) => (native = open(call)));
  if (typeof first === "string" && isFailure(first)) return first;
  const unlisten = listen(signal, native);
  const opened: Opened = {
    async next() {
      const payload = first ?? (await ask((call) => native.next(call)));
      first = undefined;
      if (payload === null) unlisten();
      return payload;
    },
    cancel() {
      unlisten();
      native.cancel();
    },
  };
  // The native half closes an abandoned stream; a long-lived signal must let go of it too.
  abandoned.register(opened, unlisten);
  return opened;
}

const abandoned = new FinalizationRegistry<() => void>((unlisten) => unlisten());

/** Closes the stream when the signal fires; returns what takes the listener off. */
function listen(signal: AbortSignal | null | undefined, native: NativeStream): () => void {
  if (!signal) return () => undefined;
  const weak = new WeakRef(native);
  const cancel = (): void => weak.deref()?.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  return () => signal.removeEventListener("abort", cancel);
}

/**
 * A streamed answer. It is read once; leaving the loop early, `controller.abort()`, the call's `signal`, or losing the
 * stream to the garbage collector closes the vendor's connection.
 */
export class Stream<Item> implements AsyncIterableIterator<Item>, AsyncDisposable {
  /** Aborting it ends the stream without an error, because the reader asked for it. */
  readonly controller: AbortController = new AbortController();
  readonly #source: Source<Item>;
  #ready: Item[] = [];
  #at = 0;
  #done = false;
  /** The read that others wait for; calls of `next` that overlap are served in order. */
  #reading: Promise<unknown> | undefined;

  /** @internal */
  constructor(source: Source<Item>) {
    this.#source = source;
    // The listener must not hold the stream, or an abandoned one would never be collected.
    const weak = new WeakRef(this);
    this.controller.signal.addEventListener("abort", () => void weak.deref()?.return(), { once: true });
  }

  /** @internal Asks and waits for the first content. */
  static async open<Item>(open: Open, signal?: AbortSignal | null): Promise<Stream<Item>> {
    const opened = await openStream(open, signal);
    if (typeof opened === "string") throw failureOf(opened);
    return new Stream<Item>({
      async read() {
        const json = (await opened.next()) as string | null;
        if (signal?.aborted) throw aborted(signal.reason);
        return json === null ? null : settle<Item[]>(json);
      },
      cancel: () => opened.cancel(),
    });
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    if (this.#reading === undefined && this.#at < this.#ready.length) {
      return Promise.resolve({ value: this.#ready[this.#at++] as Item, done: false });
    }
    const read = this.#reading === undefined ? this.#read() : this.#reading.then(() => this.#read(), () => this.#read());
    this.#reading = read;
    const settled = (): void => {
      if (this.#reading === read) this.#reading = undefined;
    };
    read.then(settled, settled);
    return read;
  }

  async #read(): Promise<IteratorResult<Item, undefined>> {
    if (this.#at >= this.#ready.length && !this.#done) {
      this.#at = 0;
      this.#ready = [];
      try {
        const items = await this.#source.read();
        if (items === null) this.#done = true;
        // A reader that closed the stream while this read waited wants nothing more.
        else if (!this.#done) this.#ready = items;
      } catch (error) {
        if (this.#done) return { value: undefined, done: true };
        this.#done = true;
        throw error;
      }
    }
    if (this.#at < this.#ready.length) return { value: this.#ready[this.#at++] as Item, done: false };
    return { value: undefined, done: true };
  }

  #close(): void {
    if (this.#done) return;
    this.#done = true;
    this.#ready = [];
    this.#source.cancel();
  }

  /** Ends the stream; a `for await` that is left early calls it. */
  return(): Promise<IteratorResult<Item, undefined>> {
    this.#close();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  /** Two streams of the same items; what one has read and the other has not is kept. Closing both closes this one. */
  tee(): [Stream<Item>, Stream<Item>] {
    const queues: (Item[] | null)[] = [[], []];
    // One read serves both sides. A read that failed stays, so that both sides see the error.
    let reading: Promise<boolean> | undefined;
    const read = async (): Promise<boolean> => {
      const { value, done } = await this.next();
      if (done) return false;
      const items = [value, ...this.#ready.splice(this.#at)];
      for (const queue of queues) queue?.push(...items);
      return true;
    };
    const side = (own: 0 | 1): Stream<Item> =>
      new Stream<Item>({
        read: async () => {
          while (queues[own]?.length === 0) {
            reading ??= read();
            if (!(await reading)) return null;
            reading = undefined;
          }
          const items = queues[own];
          if (items === null || items === undefined) return null;
          queues[own] = [];
          return items;
        },
        cancel: () => {
          queues[own] = null;
          if (queues.every((queue) => queue === null)) this.#close();
        },
      });
    return [side(0), side(1)];
  }

  /** The items as lines of JSON, for a web response. */
  toReadableStream(): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const { value, done } = await this.next();
          if (done) controller.close();
          else controller.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
        },
        cancel: () => this.#close(),
      },
      { highWaterMark: 0 },
    );
  }
}
