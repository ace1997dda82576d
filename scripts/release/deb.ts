import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { type ArchiveFile, tarGz, withFolders } from "./tar.ts";

const ROOT = new URL("../../", import.meta.url);
const encoder = new TextEncoder();
/** Compressed at most, and without a name or time, as Debian wants manual pages. */
const GZIPPED = /\/man1\/|changelog$/;

export interface DebOptions {
  version: string;
  /** As Debian names it: `amd64`, `arm64`. */
  architecture: string;
  /** The time of all files, in seconds since 1970. */
  seconds: number;
  program: Uint8Array<ArrayBuffer>;
  /** Manual pages by name, without their folder. */
  man: ArchiveFile[];
  completions: { bash: string; zsh: string; fish: string };
  /** Units by name. */
  units: ArchiveFile[];
}

/**
 * A Debian package: an `ar` archive of two tar files. It has the program, manual pages, completions,
 * units for a bootstrap and a peer with users of their own, and /etc/shoal/config.toml. Nothing is
 * started by installing it.
 */
export async function debPackage(options: DebOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { version, architecture, seconds, program, man, completions, units } = options;
  const read = (name: string) => Deno.readFile(new URL(`packaging/debian/${name}`, ROOT));
  const text = (path: string, content: string) => ({ path, bytes: encoder.encode(content) });
  const date = new Date(seconds * 1000).toUTCString().replace("GMT", "+0000");
  const changelog = `shoal (${version}) unstable; urgency=medium\n\n  * Shoal ${version}: see ` +
    `CHANGELOG.md of the project.\n\n -- Shoal <shoal@localhost>  ${date}\n`;
  const listed = [
    { path: "usr/bin/shoal", bytes: program, executable: true },
    ...man.map(({ path, bytes }) => ({ path: `usr/share/man/man1/${path}`, bytes })),
    text("usr/share/bash-completion/completions/shoal", completions.bash),
    text("usr/share/zsh/vendor-completions/_shoal", completions.zsh),
    text("usr/share/fish/vendor_completions.d/shoal.fish", completions.fish),
    ...units.map(({ path, bytes }) => ({ path: `usr/lib/systemd/system/${path}`, bytes })),
    { path: "etc/shoal/config.toml", bytes: await read("config.toml") },
    { path: "usr/share/doc/shoal/copyright", bytes: await read("copyright") },
    text("usr/share/doc/shoal/changelog", changelog),
    { path: "usr/share/lintian/overrides/shoal", bytes: await read("lintian-overrides") },
  ];
  const files = listed.map(squeeze);
  const size = Math.ceil(files.reduce((sum, { bytes }) => sum + bytes.length, 0) / 1024);
  const control = new TextDecoder().decode(await read("control"))
    .replace("@VERSION@", version).replace("@ARCHITECTURE@", architecture)
    .replace("@SIZE@", `${size}`);
  const sums = files.filter(({ path }) => !path.startsWith("etc/"))
    .map(({ path, bytes }) => `${createHash("md5").update(bytes).digest("hex")}  ${path}\n`);
  const scripts = ["postinst", "prerm", "postrm"].map(async (path) => ({
    ...{ path, bytes: await read(path), executable: true },
  }));
  const about = [
    text("control", control),
    text("md5sums", sums.sort((a, b) => a.slice(34) < b.slice(34) ? -1 : 1).join("")),
    text("conffiles", "/etc/shoal/config.toml\n"),
    ...await Promise.all(scripts),
  ];
  const packed = (all: ArchiveFile[]) => {
    const top = { path: "./", bytes: new Uint8Array(), folder: true } as const;
    const below = all.map((file) => ({ ...file, path: `./${file.path}` }));
    return tarGz([top, ...withFolders(below)], seconds);
  };
  return ar([
    { path: "debian-binary", bytes: encoder.encode("2.0\n") },
    { path: "control.tar.gz", bytes: await packed(about) },
    { path: "data.tar.gz", bytes: await packed(files) },
  ], seconds);
}

function squeeze(file: ArchiveFile): ArchiveFile {
  if (!GZIPPED.test(file.path)) return file;
  const bytes = new Uint8Array(gzipSync(file.bytes, { level: 9 }));
  return { ...file, path: `${file.path}.gz`, bytes };
}

/** The files as an `ar` archive, in the order given. */
function ar(files: ArchiveFile[], seconds: number): Uint8Array<ArrayBuffer> {
  const parts = [encoder.encode("!<arch>\n")];
  for (const { path, bytes } of files) {
    const fields = [path.padEnd(16), `${seconds}`.padEnd(12), "0     0     100644  "];
    parts.push(encoder.encode(`${fields.join("")}${`${bytes.length}`.padEnd(10)}\`\n`), bytes);
    if (bytes.length % 2 === 1) parts.push(encoder.encode("\n"));
  }
  return Buffer.concat(parts);
}
