/** The calls of this thread that are under way. They come back through one function, by their numbers. */

import { aborted } from "./errors.js";
import { type NativePort, type Payload, native } from "./native.js";

type Settle = (payload: Payload) => void;

const waiting = new Map<number, Settle>();
const hooks = new Map<number, Settle>();
let last = 0;

export const port: NativePort = native.openPort((call, payload) => {
  const settle = waiting.get(call);
  if (settle === undefined) return hooks.get(call)?.(payload);
  forget(call);
  settle(payload);
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

/** A number under which the native half tells of events, until `owner` is collected. Nothing that the hook does can break a call. */
export function addHook<Event>(owner: object, hook: ((event: Event) => unknown) | undefined): number | undefined {
  if (hook === undefined) return undefined;
  last = (last + 1) >>> 0;
  hooks.set(last, async (payload) => {
    try {
      await hook(JSON.parse(payload as string) as Event);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error), "JuntoHookWarning");
    }
  });
  unheard.register(owner, last);
  return last;
}

const unheard = new FinalizationRegistry<number>((number) => hooks.delete(number));
