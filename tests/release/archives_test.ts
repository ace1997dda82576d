/** The files of a release, as other programs read them. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { machineOf } from "../../scripts/release/machine.ts";
import { notesOf } from "../../scripts/release/notes.ts";
import { sbomOf } from "../../scripts/release/sbom.ts";
import { type ArchiveFile, tarGz } from "../../scripts/release/tar.ts";
import { zip } from "../../scripts/release/zip.ts";
import config from "../../deno.json" with { type: "json" };
import { sourceFiles } from "../house/source_files.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { lacking, testUnless } from "../support/tools.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const FILES: ArchiveFile[] = [
  { path: "b/program", bytes: crypto.getRandomValues(new Uint8Array(60_001)), executable: true },
  { path: "b/größe.txt", bytes: bytesOf("x".repeat(512)) },
  { path: "a", bytes: new Uint8Array() },
];

async function run(program: string, ...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(program, { args }).output();
  assert(success, `${program} ${args}`);
  return new TextDecoder().decode(stdout);
}

for (
  const [name, make, unpack, tool] of [
    ["files.tar.gz", tarGz, (path: string, to: string) => ["-xzf", path, "-C", to], "tar"],
    ["files.zip", zip, (path: string, to: string) => ["-m", "zipfile", "-e", path, to], "python3"],
  ] as const
) {
  testUnless(lacking(tool), `release: ${tool} unpacks what was packed into ${name}`, async () => {
    await using folder = await TempFolder.create();
    const archive = await make(FILES, 1_700_000_000);
    assertEquals(await make(FILES.toReversed(), 1_700_000_000), archive, "whatever the order");
    await Deno.writeFile(folder.at(name), archive);
    await Deno.mkdir(folder.at("out"));
    await run(tool, ...unpack(folder.at(name), folder.at("out")));
    for (const { path, bytes } of FILES) {
      assertEquals(await Deno.readFile(folder.at(`out/${path}`)), bytes, path);
    }
    if (tool !== "tar") return;
    const [program, text] = await Promise.all(
      ["out/b/program", "out/b/größe.txt"].map((path) => Deno.stat(folder.at(path))),
    );
    assertEquals([program!.mode! & 0o777, text!.mode! & 0o111], [0o755, 0]);
    assertEquals(program!.mtime!.getTime(), 1_700_000_000_000);
  });
}

Deno.test("release: an executable's header tells its machine", async () => {
  const [os, arch] = [Deno.build.os, Deno.build.arch];
  using file = await Deno.open(Deno.execPath());
  const start = new Uint8Array(4_096);
  await file.read(start);
  const named = { linux: "linux", darwin: "macos", windows: "windows" }[os as string];
  assertEquals(machineOf(start), `${named}-${arch === "x86_64" ? "x64" : "arm64"}`);
  assertEquals(machineOf(new Uint8Array(4_096)), undefined);
});

Deno.test("release: notes are the changelog's section of that version", () => {
  const text = "# Changelog\n\n## 0.2.0 — 2027\n\n- new\n\n## 0.1.0 — 2026\n\n- old\n";
  assertEquals([notesOf(text, "0.2.0"), notesOf(text, "0.1.0")], ["- new\n", "- old\n"]);
  assertThrows(() => notesOf(text, "0.3.0"), Error, "0.3.0");
});

Deno.test("release: the SBOM lists the program's packages, and none of the tests alone", async () => {
  const lock = await Deno.readTextFile(new URL("../../deno.lock", import.meta.url));
  const { components } = sbomOf(lock, "0.1.0", 0) as {
    components: { name: string; purl: string; hashes: { content: string }[] }[];
  };
  const names = components.map(({ name }) => name);
  assert(names.includes("hono"));
  const modules = await Array.fromAsync(sourceFiles(["src"]));
  for (const [name, target] of Object.entries<string>(config.imports)) {
    const of = /^npm:((?:@[^/]+\/)?[^@]+)@/.exec(target)?.[1];
    const imported = modules.some(({ text }) => text.includes(`"${name}"`));
    if (of !== undefined && imported) assert(names.includes(of), of);
  }
  for (const one of ["axe-core", "playwright-core", "pure-rand", "typescript", "undici-types"]) {
    assert(!names.includes(one), one);
  }
  for (const { purl, hashes } of components) {
    assert(/^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d+\.\d+\.\d+$/.test(purl), purl);
    assert(/^[0-9a-f]{128}$/.test(hashes[0]!.content));
  }
});
