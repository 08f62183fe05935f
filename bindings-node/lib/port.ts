/** The calls of this thread that are under way. They come back through one function, by their numbers. */

import { aborted } from "./errors.js";
import { type NativePort, type Payload, native } from "./native.js";

type Settle = (payload: Payload) => void;

const waiting = new Map<number, Settle>();
const hooks = new Map<number, (payload: string) => void>();
let last = 0;

export const port: NativePort = native.openPort((call, payload) => {
  const settle = waiting.get(call);
  if (settle !== undefined) {
    forget(call);
    settle(payload);
  } else if (payload === null) {
    hooks.delete(call);
  } else {
    hooks.get(call)?.(payload as string);
  }
});

/** What is under way keeps the process alive; an idle client does not. */
function expect(settle: Settle): number {
  last = (last + 1) >>> 0;
  if (waiting.size === 0) port.hold(true);
  waiting.set(last, settle);
  return last;
}

function forget(call: number): void {
  if (waiting.delete(call) && waiting.size === 0) port.hold(false);
}

/** Starts a call; settles with what it brings. */
export function ask(start: (call: number) => void): Promise<Payload> {
  return new Promise((resolve) => start(expect(resolve)));
}

/** The same, until the signal fires: then the call is dropped and rejects with the signal's reason as its cause. */
export function askUntil(signal: AbortSignal | null | undefined, start: (call: number) => void): Promise<Payload> {
  if (!signal) return ask(start);
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(aborted(signal.reason));
    const call = expect((payload) => {
      signal.removeEventListener("abort", cancel);
      resolve(payload);
    });
    const cancel = (): void => {
      forget(call);
      port.cancel(call);
      reject(aborted(signal.reason));
    };
    signal.addEventListener("abort", cancel, { once: true });
    start(call);
  });
}

/** Headers in any of their forms, as pairs. Not `instanceof Headers`: to name the global makes Node load its whole fetch. */
export function pairs(headers: NonNullable<RequestInit["headers"]>): unknown[][] {
  return Symbol.iterator in headers ? [...headers] : Object.entries(headers);
}

/** The core's JSON of what a caller says about one call. */
export function callOptions(timeout: number | undefined, headers: unknown[][] | undefined): string | undefined {
  return timeout === undefined && headers === undefined ? undefined : JSON.stringify({ timeout, headers });
}

/** A number under which the native half calls this, until it lets go of it with `null`. */
function addHook(hook: (payload: string) => void): number {
  last = (last + 1) >>> 0;
  hooks.set(last, hook);
  return last;
}

/** A function that is told of events. Nothing that it does can break a call. */
export function addListener<Event>(listener: (event: Event) => unknown): number {
  return addHook(async (payload) => {
    try {
      await listener(JSON.parse(payload) as Event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), "JuntoHookWarning");
    }
  });
}

/** A function that is asked, and answers with a value or a promise of one. */
export function addSource(source: (...asked: any[]) => unknown): number {
  return addHook(async (payload) => {
    const [question, asked] = JSON.parse(payload) as [number, unknown[]];
    try {
      port.answer(question, JSON.stringify(await source(...asked)), "it gave nothing");
    } catch (error) {
      port.answer(question, undefined, error instanceof Error ? error.message : String(error));
    }
  });
}
