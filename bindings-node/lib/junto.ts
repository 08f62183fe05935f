/** All of it, what a program sees and what it does not: one file once built, because each costs time to find, read and compile. */

export * from "./client.js";
export * from "./errors.js";
export * from "./fetch.js";
export * from "./native.js";
export * from "./plan.js";
export * from "./port.js";
export * from "./slug.js";
export * from "./stream.js";
