/**
 * `deno task release [VERSION] [--key FILE] [--base-url URL]` makes dist/release: an archive for each
 * target with the binary, manual pages, completions and units; a Debian package for each Linux, an OCI
 * image for this machine's, and an npm package; SHA256SUMS, an SBOM and release notes; with an address
 * the manifests for other package managers and install.ps1; with a minisign key a signature, and the
 * installer, which knows the key and the address of the releases. A target without a runtime base is
 * left out, and the exit code is then 3. The same commit gives the same bytes.
 */
import { parseArgs } from "@std/cli/parse-args";
import config from "../deno.json" with { type: "json" };
import { STUBS } from "../src/cli/completion/stubs.ts";
import { manName, manPage } from "../src/cli/man_page.ts";
import { walkCommands } from "../src/cli/output/usage.ts";
import { plainProgram } from "../src/cli/program/plain_program.ts";
import { servingUnit } from "../src/cli/service/service_units.ts";
import { unitText } from "../src/cli/service/unit_file.ts";
import { makeBinaries, TARGETS, withBundle } from "./compile.ts";
import { debPackage } from "./release/deb.ts";
import { installerOf } from "./release/installer.ts";
import { machineOf } from "./release/machine.ts";
import { npmPackage } from "./release/npm_package.ts";
import { librariesOf, ociImage } from "./release/oci.ts";
import { readSigningKey, signatureOf } from "./release/minisign.ts";
import {
  homebrewFormula,
  type Published,
  scoopManifest,
  wingetManifests,
} from "./release/manifests.ts";
import { notesOf } from "./release/notes.ts";
import { sbomOf } from "./release/sbom.ts";
import { type ArchiveFile, tarGz } from "./release/tar.ts";
import { zip } from "./release/zip.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
const FOLDER = new URL("release/", DIST);
/** The exit code when a target is missing. */
const PARTIAL = 3;

const encoder = new TextEncoder();
const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

/** The time of the commit, in seconds since 1970; `$SOURCE_DATE_EPOCH` is another. */
async function timeOfCommit(): Promise<number> {
  const given = Deno.env.get("SOURCE_DATE_EPOCH");
  if (given !== undefined) return Number(given);
  const args = ["log", "-1", "--format=%ct"];
  const { stdout } = await new Deno.Command("git", { args, cwd: ROOT }).output();
  return Number(new TextDecoder().decode(stdout));
}

/** The files of an archive besides the binary. */
async function commonFiles(version: string, seconds: number): Promise<ArchiveFile[]> {
  const file = (path: string, text: string) => ({ path, bytes: encoder.encode(text) });
  const date = new Date(seconds * 1000).toISOString().slice(0, 10);
  return [
    file("LICENSE", await read("LICENSE")),
    file("README.txt", (await read("packaging/README.txt")).replace("VERSION", version)),
    ...[...walkCommands(plainProgram())].map((command) =>
      file(`man/${manName(command)}`, manPage(command, { date }))
    ),
    file("completions/shoal.bash", STUBS.bash),
    file("completions/_shoal", STUBS.zsh),
    file("completions/shoal.fish", STUBS.fish),
    file("completions/shoal.ps1", STUBS.powershell),
    file("systemd/shoal-bootstrap.service", unitOf("bootstrap")),
    file("systemd/shoal-peer.service", unitOf("peer")),
  ];
}

/** The unit of a service, as it is in archives, or as a system's package has it. */
function unitOf(role: "bootstrap" | "peer", packaged = false): string {
  const words = role === "peer" ? ["peer", "--dir", "/var/lib/shoal-peer"] : ["bootstrap"];
  const config = "/etc/shoal/config.toml";
  return unitText(servingUnit({
    name: `shoal-${role}`,
    description: `Shoal ${role}`,
    program: packaged ? "/usr/bin/shoal" : "/usr/local/bin/shoal",
    words: packaged ? [...words, "--config", config] : words,
    user: false,
    ...packaged && { runAs: `_shoal-${role}` },
    ownFolder: role === "peer",
    writable: [],
    readable: packaged ? [config] : [],
    lowPort: false,
  }));
}

/** The Debian package and the image of a Linux target; of what this machine can't make, none. */
async function linuxPackages(
  name: "shoal-linux-x64" | "shoal-linux-arm64",
  common: ArchiveFile[],
  { version, seconds }: { version: string; seconds: number },
): Promise<ArchiveFile[]> {
  const program = await Deno.readFile(binaryOf(name)).catch(() => undefined);
  if (!program || `shoal-${machineOf(program)}` !== name) return [];
  const architecture = name === "shoal-linux-x64" ? "amd64" : "arm64";
  const units = (["bootstrap", "peer"] as const).map((role) => ({
    path: `shoal-${role}.service`,
    bytes: encoder.encode(unitOf(role, true)),
  }));
  const man = common.filter(({ path }) => path.startsWith("man/"))
    .map(({ path, bytes }) => ({ path: path.slice(4), bytes }));
  const about = { version, architecture, seconds, program };
  const deb = await debPackage({ ...about, man, completions: STUBS, units });
  const packages = [{ path: `shoal_${version}_${architecture}.deb`, bytes: deb }];
  const own = `shoal-linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}` === name;
  const libraries = own ? await librariesOf(binaryOf(name).pathname) : undefined;
  if (libraries) {
    const image = await ociImage({ ...about, libraries });
    packages.push({ path: `shoal-${version}-${name.slice(6)}.oci.tar`, bytes: image });
  }
  return packages;
}

/** The manifests for other package managers, and the installer for Windows. */
async function manifestsOf(published: Published): Promise<Map<string, string>> {
  const { version, baseUrl, sums } = published;
  const files = wingetManifests(published);
  const formula = homebrewFormula(published);
  if (formula) files.set("shoal.rb", formula);
  const scoop = scoopManifest(published);
  if (scoop) files.set("shoal.json", scoop);
  const sum = sums.get("shoal-windows-x64.zip");
  if (sum) {
    const script = await read("packaging/install.ps1");
    const values = { "@VERSION@": version, "@BASE_URL@": baseUrl, "@WINDOWS_SUM@": sum };
    files.set(
      "install.ps1",
      Object.entries(values).reduce((text, [from, to]) => text.replaceAll(from, to), script),
    );
  }
  return files;
}

const TARGET_NAMES = Object.keys(TARGETS) as (keyof typeof TARGETS)[];

/** The place of a target's binary in dist/. */
function binaryOf(name: keyof typeof TARGETS): URL {
  return new URL(name.includes("windows") ? `${name}.exe` : name, DIST);
}

/** The archive of a target; undefined when no binary for its machine could be made. */
async function archiveOf(
  name: keyof typeof TARGETS,
  common: ArchiveFile[],
  seconds: number,
): Promise<{ path: string; bytes: Uint8Array<ArrayBuffer> } | undefined> {
  const bytes = await Deno.readFile(binaryOf(name)).catch(() => undefined);
  // A base for another machine makes a binary for that one.
  if (!bytes || `shoal-${machineOf(bytes)}` !== name) return;
  const windows = name.includes("windows");
  const program = { path: windows ? "shoal.exe" : "shoal", bytes, executable: true };
  const files = [...common, program].map((file) => ({ ...file, path: `${name}/${file.path}` }));
  return windows
    ? { path: `${name}.zip`, bytes: await zip(files, seconds) }
    : { path: `${name}.tar.gz`, bytes: await tarGz(files, seconds) };
}

async function release(
  version: string,
  { key: keyFile, baseUrl }: { key?: string; baseUrl?: string },
): Promise<number> {
  const key = keyFile === undefined ? undefined : readSigningKey(await Deno.readTextFile(keyFile));
  const seconds = await timeOfCommit();
  const sums = new Map<string, string>();
  const put = async (path: string, bytes: Uint8Array<ArrayBuffer>) => {
    await Deno.writeFile(new URL(path, FOLDER), bytes);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    sums.set(path, digest.toHex());
  };
  await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
  await Deno.mkdir(FOLDER, { recursive: true });
  const common = await commonFiles(version, seconds);
  for (const name of TARGET_NAMES) await Deno.remove(binaryOf(name)).catch(() => {});
  await makeBinaries(Object.entries(TARGETS), (error) => console.error(error.message));
  const missing: string[] = [];
  for (const name of TARGET_NAMES) {
    const archive = await archiveOf(name, common, seconds);
    if (archive) await put(archive.path, archive.bytes);
    else missing.push(name);
  }
  for (const name of ["shoal-linux-x64", "shoal-linux-arm64"] as const) {
    const packages = await linuxPackages(name, common, { version, seconds });
    for (const { path, bytes } of packages) await put(path, bytes);
  }
  await withBundle(async (folder) => {
    await put(`shoal-${version}.tgz`, await npmPackage(folder, { version, seconds }));
  });
  const compose = (await read("packaging/compose.yaml")).replace("@VERSION@", version);
  await put("compose.yaml", encoder.encode(compose));
  const sbom = sbomOf(await read("deno.lock"), version, seconds);
  await put("sbom.cdx.json", encoder.encode(JSON.stringify(sbom, null, 2) + "\n"));
  await put("notes.md", encoder.encode(notesOf(await read("CHANGELOG.md"), version)));
  const published = { version, baseUrl: baseUrl?.replace(/\/$/, "") ?? "", sums };
  for (const [path, text] of baseUrl ? await manifestsOf(published) : []) {
    await put(path, encoder.encode(text));
  }
  const lines = [...sums.keys()].sort().map((path) => `${sums.get(path)}  ${path}\n`);
  const text = encoder.encode(lines.join(""));
  await Deno.writeFile(new URL("SHA256SUMS", FOLDER), text);
  if (key) {
    const signature = signatureOf(text, `shoal ${version}`, key);
    await Deno.writeTextFile(new URL("SHA256SUMS.minisig", FOLDER), signature);
    const { publicKey } = key;
    const script = await read("packaging/install.sh");
    const installer = installerOf(script, { version, baseUrl, publicKey });
    await Deno.writeTextFile(new URL("install.sh", FOLDER), installer, { mode: 0o755 });
  } else console.log("SHA256SUMS is not signed: give a minisign key with --key FILE");
  for (const name of missing) console.log(`${name} is left out: no runtime base for it`);
  console.log(`dist/release: shoal ${version}, ${sums.size} files`);
  return missing.length > 0 ? PARTIAL : 0;
}

if (import.meta.main) {
  const { _: [version = config.version], key, "base-url": baseUrl } = parseArgs(Deno.args, {
    string: ["key", "base-url"],
  });
  if (version !== config.version) {
    console.error(`Cannot release ${version}: deno.json says ${config.version}`);
    Deno.exit(2);
  }
  Deno.exit(await release(version, { key, baseUrl }));
}
