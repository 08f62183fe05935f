/** The calls of this thread that are under way. They come back through one function, by their numbers. */

import { aborted } from "./errors.js";
import { type NativePort, type Payload, native } from "./native.js";

const waiting = new Map<number, (payload: Payload) => void>();
let last = 0;

const port: NativePort = native.openPort((call, payload) => {
  const settle = waiting.get(call);
  forget(call);
  settle?.(payload);
});

/** What is under way keeps the process alive; an idle client does not. */
function expect(settle: (payload: Payload) => void): number {
  last = (last + 1) >>> 0;
  if (waiting.size === 0) port.hold(true);
  waiting.set(last, settle);
  return last;
}

function forget(call: number): void {
  if (waiting.delete(call) && waiting.size === 0) port.hold(false);
}

/** Starts a call; settles with what it brings. */
export function ask(start: (port: NativePort, call: number) => void): Promise<Payload> {
  return new Promise((resolve) => start(port, expect(resolve)));
}

/** The same, until the signal fires: then the call is dropped and rejects with the signal's reason as its cause. */
export function askUntil(signal: AbortSignal | null | undefined, start: (port: NativePort, call: number) => void): Promise<Payload> {
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
    start(port, call);
  });
}
