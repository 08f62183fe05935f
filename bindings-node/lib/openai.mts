// The ES module is a door to the CommonJS one, so that both see the same classes.
export * from "./openai.js";
