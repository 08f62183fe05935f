/** What a program can see of junto while tests run: clients, errors, warnings, what hooks are told. None of it may hold a key. */

import { inspect } from "node:util";

const NAMES = ["key", "token", "secret", "credentials", "password"];

/** Every key of a configuration: the texts under the name of one. A short one would be found in words. */
function* keys(value, name = "") {
  if (Array.isArray(value)) for (const each of value) yield* keys(each, name);
  else if (typeof value === "object" && value !== null) for (const [inner, each] of Object.entries(value)) yield* keys(each, inner.toLowerCase());
  else if (typeof value === "string" && value.length >= 8 && NAMES.some((part) => name.includes(part)) && !/_(env|uri|url)$/.test(name)) yield value;
}

/** Of the whole run, so that a key which one test gave is found in what another shows. */
const known = new Set();

/** Remembers the keys of a configuration. */
export function learn({ providers, env, search } = {}) {
  for (const key of keys({ providers, env, search })) known.add(key);
}

/** Whether this shows a key when it is printed in any way. */
export function showsKey(...values) {
  const text = values.map((value) => `${inspect(value, { depth: 20, showHidden: true, maxStringLength: null })} ${value} ${JSON.stringify(value)} ${value?.stack}`).join();
  return [...known].some((key) => text.includes(key));
}
