/**
 * Lays out the packages to publish, under npm/ or where it is told: `junto`, and the addon of this platform as a package of
 * its own, which `junto` names as an optional dependency. Run after `node build.mjs --release`.
 */

import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

const here = import.meta.dirname;
const out = argv[2] ?? join(here, "npm");
const { devDependencies, scripts, ...junto } = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const write = (folder, manifest) => writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);

const main = join(out, "junto");
rmSync(main, { recursive: true, force: true });
mkdirSync(main, { recursive: true });
cpSync(join(here, "dist"), join(main, "dist"), { recursive: true });
copyFileSync(join(here, "README.md"), join(main, "README.md"));
for (const file of ["LICENSE-APACHE", "LICENSE-MIT"]) copyFileSync(join(here, "..", file), join(main, file));
write(main, { ...junto, optionalDependencies: Object.fromEntries(PLATFORMS.map((name) => [`junto-${name}`, junto.version])) });

const libc = platform !== "linux" ? undefined : report.getReport().header.glibcVersionRuntime ? "glibc" : "musl";
const suffix = { glibc: "-gnu", musl: "-musl" }[libc] ?? (platform === "win32" ? "-msvc" : "");
const name = `junto-${platform}-${arch}${suffix}`;
const addon = join(out, name);
mkdirSync(addon, { recursive: true });
copyFileSync(join(here, `junto.${platform}-${arch}.node`), join(addon, "junto.node"));
write(addon, {
  name,
  version: junto.version,
  description: `The native half of junto for ${platform}-${arch}${suffix}.`,
  license: junto.license,
  engines: junto.engines,
  os: [platform],
  cpu: [arch],
  ...(libc && { libc: [libc] }),
  main: "junto.node",
  files: ["junto.node"],
});
