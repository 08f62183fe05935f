/**
 * Builds the addon with plain cargo, into the workspace's target directory, and puts it beside the TypeScript layer; then that.
 * `--release` as it is published; `--target=TRIPLE`, such as `x86_64-unknown-linux-gnu.2.17`, for another machine, linked by zig,
 * into addons/ for `pack.mjs`.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, env, execPath, exit, platform } from "node:process";

import { build } from "rolldown";

const here = import.meta.dirname;
const release = process.argv.includes("--release");
const target = process.argv.find((word) => word.startsWith("--target="))?.slice("--target=".length);

// Cargo itself says where the library is; its name and place depend on the platform and the environment.
const args = ["-p", "junto-node", "--message-format=json-render-diagnostics", ...(release ? ["--release"] : [])];
const [cargo, ...command] = target ? ["cargo-zigbuild", "zigbuild", "--target", target] : [env["CARGO"] ?? "cargo", "build"];
// A cdylib for musl links to its libc, which Node brings along.
const flags = target?.includes("musl") ? { RUSTFLAGS: `${env["RUSTFLAGS"] ?? ""} -C target-feature=-crt-static`.trim() } : {};
const { status, stdout, error } = spawnSync(cargo, [...command, ...args], {
  cwd: dirname(here),
  env: { ...env, ...flags },
  stdio: ["ignore", "pipe", "inherit"],
  maxBuffer: 1 << 28,
});
if (error) throw error;
if (status !== 0) exit(status ?? 1);
const built = stdout
  .toString()
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === "compiler-artifact" && message.target.name === "junto_node")
  .flatMap((message) => message.filenames)
  .find((file) => /\.(so|dylib|dll)$/.test(file));
if (!built) throw new Error("cargo built no library");
// Renamed into place, because a program that runs may have the old one mapped.
const addon = target ? join(here, "addons", `${platformOf(target)}.node`) : join(here, `junto.${platform}-${arch}.node`);
mkdirSync(dirname(addon), { recursive: true });
copyFileSync(built, `${addon}.new`);
renameSync(`${addon}.new`, addon);

/** A target of Rust's, as the packages are named. */
function platformOf(triple) {
  const [cpu, , system, libc] = triple.split(/[-.]/);
  const [os, abi] = system === "linux" ? ["linux", `-${libc}`] : system === "windows" ? ["win32", `-${libc}`] : ["darwin", ""];
  return `${os}-${{ aarch64: "arm64", x86_64: "x64" }[cpu] ?? cpu}${abi}`;
}

const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
execFileSync(execPath, [join(here, "node_modules", "typescript", "bin", "tsc"), "-p", here, "--emitDeclarationOnly"], { stdio: "inherit" });

// One file holds everything, because each costs a third of a millisecond to find, read and compile; the others say what of it is whose.
const output = { dir: dist, format: "cjs", banner: '"use strict";', comments: false, esModule: true, externalLiveBindings: false };
const module = (name) => join(here, "lib", `${name}.ts`);
await build({ input: module("junto"), platform: "node", output });
const resolveId = (id, from) => from && id.startsWith("./") && { id: "./junto.js", external: true };
await build({ input: ["index", "openai", "testing", "cli"].map(module), platform: "node", plugins: [{ name: "one file", resolveId }], output });

// For ES modules in Node a door that reads the CommonJS half by `require`: the way through Node's own analysis of a CommonJS
// module costs as much again as loading it. Bundlers take the plain `export *`, which they can follow.
const require = createRequire(import.meta.url);
for (const name of ["index", "openai", "testing"]) {
  copyFileSync(join(here, "lib", `${name}.mts`), join(dist, `${name}.mjs`));
  const names = Object.keys(require(`./dist/${name}.js`)).join(", ");
  const [file, rest] = name === "index" ? ["junto", "export default Junto;\n"] : [name, ""];
  const door = `import { createRequire } from "node:module";\nexport const { ${names} } = createRequire(import.meta.url)("./${file}.js");\n${rest}`;
  writeFileSync(join(dist, `${name}.node.mjs`), door);
}

// The examples import the package by its name.
for (const [link, to] of [
  [join(here, "node_modules", "junto"), here],
  [join(dirname(here), "examples", "node", "node_modules"), join(here, "node_modules")],
]) {
  try {
    symlinkSync(to, link, "junction");
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
}
