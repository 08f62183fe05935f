/** What `npm pack` makes, installed into an empty project, does what the README says: as ES module, CommonJS and TypeScript. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { startSimulator } from "./ecosystem/simulator.mjs";

const root = join(import.meta.dirname, "..");
const exec = promisify(execFile);
const node = process.execPath;

let project;
let simulator;
let env;
const run = (file, args) => exec(file, args, { cwd: project, env, timeout: 60_000 });

before(async () => {
  project = mkdtempSync(join(tmpdir(), "junto-package-"));
  await exec(node, [join(root, "pack.mjs"), project]);
  const packages = readdirSync(project).filter((name) => name.startsWith("junto"));
  for (const name of packages) await exec("npm", ["pack", "--silent", join(project, name)], { cwd: project });
  const tarballs = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  assert.equal(tarballs.length, 2, "the package and its addon");
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }');
  await exec("npm", ["install", "--offline", "--no-audit", "--no-fund", ...tarballs.map((name) => `./${name}`)], { cwd: project });
  simulator = await startSimulator();
  const { openai, anthropic } = simulator.options.providers;
  env = {
    PATH: process.env["PATH"],
    HOME: project,
    OPENAI_API_KEY: openai.apiKey,
    OPENAI_BASE_URL: openai.baseURL,
    ANTHROPIC_API_KEY: anthropic.apiKey,
    ANTHROPIC_BASE_URL: anthropic.baseURL,
  };
});
after(() => {
  simulator?.close();
  rmSync(project, { recursive: true, force: true });
});

const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = (language) => [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, code]) => code);

test("nothing but the package and the addon of this platform is installed, and no script ran", async () => {
  const installed = readdirSync(join(project, "node_modules")).filter((name) => !name.startsWith("."));
  assert.equal(installed.length, 2, installed.join(" "));
  for (const name of installed) {
    const { dependencies, scripts } = JSON.parse(readFileSync(join(project, "node_modules", name, "package.json"), "utf8"));
    assert.deepEqual([dependencies, scripts], [undefined, undefined], name);
  }
});

const told = [
  [/Rayleigh scattering.*\[\s*\{\s*provider: 'openai'.*Rayleigh scattering.*anthropic/s, "the client"],
  [/^Hi 2$/m, "the testing aid"],
];

test("the README's TypeScript compiles strictly and runs as ES modules", async () => {
  // The block of the OpenAI SDK is run where that is installed: in test/ecosystem.
  const codes = blocks("ts").filter((code) => !code.includes('from "openai"'));
  assert.equal(codes.length, told.length);
  codes.forEach((code, at) => writeFileSync(join(project, `block${at}.ts`), code));
  const compilerOptions = { strict: true, exactOptionalPropertyTypes: true, target: "es2022", module: "nodenext", lib: ["es2023", "dom", "dom.asynciterable"], types: [] };
  // `process` stands for Node's types, which are not installed here.
  writeFileSync(join(project, "process.d.ts"), "declare const process: { stdout: { write(text: string): void } };");
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
  await run(node, [join(root, "node_modules/typescript/bin/tsc")]).catch(({ stdout }) => assert.fail(stdout));
  for (const [at, [output, what]] of told.entries()) assert.match((await run(node, [`block${at}.js`])).stdout, output, what);
});

test("the README's CommonJS runs", async () => {
  const [code] = blocks("js");
  writeFileSync(join(project, "block.cjs"), code);
  assert.match((await run(node, ["block.cjs"])).stdout, /Rayleigh scattering/);
});

test("an error is of one class, however it was loaded", async () => {
  const code = `
    import { createRequire } from "node:module";
    import { JuntoError } from "junto";
    import { ScriptedJunto } from "junto/testing";
    const { Junto } = createRequire(import.meta.url)("junto");
    const { error } = await new Junto({ env: false }).chat.completions.create({ model: "x/y", messages: [] }).catch((error) => ({ error }));
    console.log(error instanceof JuntoError, new ScriptedJunto([]) instanceof Junto);`;
  writeFileSync(join(project, "classes.mjs"), code);
  assert.equal((await run(node, ["classes.mjs"])).stdout, "true true\n");
});

test("the README's commands run", async () => {
  const commands = blocks("sh").join("").match(/^npx junto .*$/gm);
  assert.equal(commands.length, 3);
  const outputs = [/openai/, /Rayleigh scattering/, /anthropic\/claude-haiku-4-5/];
  for (const [at, command] of commands.entries()) {
    const [, ...words] = command.match(/"[^"]*"|\S+/g).map((word) => word.replaceAll('"', ""));
    assert.match((await run(join(project, "node_modules/.bin", words[0]), words.slice(1))).stdout, outputs[at], command);
  }
});
