/**
 * Lays out the packages to publish, under npm/ or where it is told: `junto`, and each addon as a package of its own, which `junto`
 * names as an optional dependency. The addons are those in addons/ with `--release`, which must then be small and ask for no newer
 * glibc than promised; else the one of this machine as it was built last.
 */

import { copyFileSync, cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { arch, argv, platform, report } from "node:process";

// Every platform that is built; these names stay out of package.json, where a development install would look for them.
const PLATFORMS = [
  "darwin-arm64",
  "darwin-x64",
  "linux-arm64-gnu",
  "linux-arm64-musl",
  "linux-x64-gnu",
  "linux-x64-musl",
  "win32-x64-msvc",
];

/** What a published addon may take: bytes, and the glibc of the oldest Linux that is promised (2014). */
const MOST_BYTES = 10_000_000;
const NEWEST_GLIBC = [2, 17];

const here = import.meta.dirname;
const release = argv.includes("--release");
const out = argv.slice(2).find((word) => !word.startsWith("--")) ?? join(here, "npm");
const { devDependencies, scripts, ...junto } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const write = (folder, manifest) => writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const main = join(out, "junto");
rmSync(main, { recursive: true, force: true });
mkdirSync(main, { recursive: true });
cpSync(join(here, "dist"), join(main, "dist"), { recursive: true });
copyFileSync(join(here, "README.md"), join(main, "README.md"));
for (const file of ["LICENSE-APACHE", "LICENSE-MIT"]) copyFileSync(join(here, "..", file), join(main, file));
write(main, { ...junto, optionalDependencies: Object.fromEntries(PLATFORMS.map((name) => [`junto-${name}`, junto.version])) });

for (const [name, file] of addons()) {
  if (release) check(file);
  const [os, cpu, abi] = name.split("-");
  const addon = join(out, `junto-${name}`);
  rmSync(addon, { recursive: true, force: true });
  mkdirSync(addon, { recursive: true });
  copyFileSync(file, join(addon, "junto.node"));
  write(addon, {
    name: `junto-${name}`,
    version: junto.version,
    description: `The native half of junto for ${name}.`,
    license: junto.license,
    engines: junto.engines,
    os: [os],
    cpu: [cpu],
    ...(os === "linux" && { libc: [{ gnu: "glibc", musl: "musl" }[abi]] }),
    main: "junto.node",
    files: ["junto.node"],
  });
}

/** The addons to pack, by platform. */
function addons() {
  if (release) {
    const built = readdirSync(join(here, "addons")).filter((file) => file.endsWith(".node"));
    const names = built.map((file) => file.slice(0, -".node".length));
    const unknown = names.find((name) => !PLATFORMS.includes(name));
    if (unknown) throw new Error(`addons/${unknown}.node: no package is named so; there are ${PLATFORMS.join(", ")}`);
    return names.map((name) => [name, join(here, "addons", `${name}.node`)]);
  }
  const libc = platform !== "linux" ? "" : report.getReport().header.glibcVersionRuntime ? "-gnu" : "-musl";
  const name = `${platform}-${arch}${platform === "win32" ? "-msvc" : libc}`;
  return [[name, join(here, `junto.${platform}-${arch}.node`)]];
}

/** A published addon is small, and runs on old systems. */
function check(file) {
  const bytes = readFileSync(file);
  // The names of versions that the dynamic linker has to find.
  const versions = [...bytes.toString("latin1").matchAll(/\0GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [Number(major), Number(minor)]);
  const newest = versions.sort(([a, b], [c, d]) => a - c || b - d).at(-1);
  console.log(`${file}: ${(bytes.length / 1e6).toFixed(2)} MB, ${newest ? `glibc ${newest.join(".")}` : "no glibc"}`);
  if (bytes.length > MOST_BYTES) throw new Error(`${file}: larger than ${MOST_BYTES / 1e6} MB`);
  if (newest && (newest[0] - NEWEST_GLIBC[0] || newest[1] - NEWEST_GLIBC[1]) > 0) {
    throw new Error(`${file}: needs glibc ${newest.join(".")}, and only ${NEWEST_GLIBC.join(".")} is promised`);
  }
}
