import { assert, assertEquals, assertMatch, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Manifest,
  type ManifestEntry,
  manifestLines,
  ManifestReader,
} from "../../src/content/manifest.ts";
import { partOf } from "../../src/content/manifest_part.ts";
import { comparePaths, isTargetInside } from "../../src/content/tree_path.ts";
import { readManifest, writeManifest } from "../../src/store/shares/manifest_file.ts";
import { Fault } from "../../src/fault.ts";
import { faultOf } from "../support/faults.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { foldName } from "../../src/content/safe_path.ts";

const ID = "ab".repeat(32);
const EMPTY_ID = "2b0209ce08288d7c20875ab20d689ad32e2a367b2dcc078fae06d826a6e518bb";
const EMPTY = '{"bytes":0,"entries":0,"manifest":1}';

const folder = (path: string): ManifestEntry => ({ path, type: "folder" });
const link = (path: string, target: string): ManifestEntry => ({ path, target, type: "link" });
const file = (path: string, size = 1): ManifestEntry => (
  { id: size === 0 ? EMPTY_ID : ID, mode: "644", mtime: 5, path, size, type: "file" }
);

function manifestOf(entries: ManifestEntry[]): Manifest {
  const bytes = entries.reduce((sum, one) => sum + (one.type === "file" ? one.size : 0), 0);
  return { entries, bytes };
}

function read(lines: Iterable<string>): Manifest {
  const reader = new ManifestReader("linux");
  for (const line of lines) reader.add(line);
  return reader.finish();
}

function wrong(work: () => unknown, why = /./): void {
  const fault = assertThrows(work, Fault);
  assertStrictEquals(fault.kind, "integrity");
  assertMatch(fault.message, why);
}

function refused(entries: ManifestEntry[], why: RegExp): void {
  wrong(() => read(manifestLines(manifestOf(entries))), why);
}

/** Trees of a few levels, with paths that differ by more than case. */
const trees: fc.Arbitrary<ManifestEntry[]> = fc.uniqueArray(
  fc.record({
    parts: fc.array(fc.constantFrom("a", "b-", "é", "😀", "z.txt", "﹥"), {
      minLength: 1,
      maxLength: 4,
    }),
    kind: fc.constantFrom("file", "folder", "link"),
    size: fc.nat(1_000_000),
  }),
  { selector: ({ parts }) => parts.join("/"), maxLength: 30 },
).map((wanted) => {
  const entries = new Map<string, ManifestEntry>();
  for (const { parts, kind, size } of wanted) {
    const path = parts.join("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const above = parts.slice(0, depth).join("/");
      entries.set(above, folder(above));
    }
    if (entries.has(path)) continue;
    const made = { folder: folder(path), file: file(path, size), link: link(path, "a") };
    entries.set(path, made[kind as "file"]);
  }
  return [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
});

Deno.test("a manifest that was written is read as it was, line by line and from a file", async () => {
  await using folder = await TempFolder.create();
  await fc.assert(
    fc.asyncProperty(trees, async (entries) => {
      const manifest = manifestOf(entries);
      assertEquals(read(manifestLines(manifest)), manifest);
      await writeManifest(folder.at("manifest"), manifest);
      assertEquals(await readManifest(folder.at("manifest")), manifest);
      await Deno.remove(folder.at("manifest"));
    }),
    { numRuns: 50 },
  );
});

Deno.test("a manifest with any line doubled, missing, moved or altered is refused", () => {
  fc.assert(fc.property(trees, fc.nat(), fc.nat(), fc.nat(3), (entries, a, b, what) => {
    fc.pre(entries.length > 1);
    const lines = [...manifestLines(manifestOf(entries))];
    const at = a % lines.length;
    const line = lines[at];
    if (what === 0) lines.splice(at, 0, line);
    if (what === 1) lines.splice(at, 1);
    if (what === 2) {
      const other = b % lines.length;
      fc.pre(other !== at);
      [lines[at], lines[other]] = [lines[other], line];
    }
    if (what === 3) lines[at] = line.replace(",", ", ").replace(/^\{/, "{ ");
    wrong(() => read(lines));
  }));
});

Deno.test("whatever bytes a manifest has, it is read or refused", () => {
  const words = fc.constantFrom(
    EMPTY,
    ...manifestLines(manifestOf([folder("a"), file("a/b")])),
    "{}",
  );
  fc.assert(fc.property(fc.array(fc.oneof(words, fc.string(), fc.json())), (lines) => {
    try {
      read(lines);
    } catch (error) {
      assertStrictEquals((error as { kind?: string }).kind, "integrity", String(error));
    }
  }));
});

Deno.test("the order of paths is that of their bytes as UTF-8", () => {
  const bytes = (text: string) => new TextEncoder().encode(text).toHex();
  fc.assert(fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (a, b) => {
    const [x, y] = [bytes(a), bytes(b)];
    assertEquals(Math.sign(comparePaths(a, b)), x < y ? -1 : x > y ? 1 : 0);
  }));
});

Deno.test("what no tree can be is refused", () => {
  refused([file("a"), file("a")], /twice/);
  refused([file("b"), file("a")], /not in its place/);
  refused([file("A"), file("a")], /one name to some systems/);
  refused([folder("D"), folder("d"), file("d/x")], /one name/);
  refused([file("a"), file("a/b")], /no folder/);
  refused([file("a/b")], /no folder/);
  refused([link("a", "b"), file("a/c")], /no folder/);
  for (
    const path of ["../a", "/a", "a/../b", "./a", "a//b", "a\nb", "e\u0301", "", "x".repeat(256)]
  ) {
    refused([file(path)], /can't be a path/);
  }
  refused([folder(".shoal")], /Shoal's own/);
  refused([folder("a"), folder("a/.Shoal")], /Shoal's own/);
  refused([file(`${"a/".repeat(64)}b`)], /more than 64 parts/);
  wrong(() => read([]), /empty/);
  wrong(() => read([EMPTY, '{"path":"a","type":"folder"}']));
  wrong(() => read(['{"bytes":0,"entries":1,"manifest":1}']));
  wrong(() => read(['{"bytes":1,"entries":0,"manifest":1}']));
  wrong(() => read(['{"bytes":0,"entries":500001,"manifest":1}']));
  wrong(() => read(['{"bytes":0,"entries":0,"manifest":2}']));
});

Deno.test("a link may go up only at its beginning, and never out of the folder", () => {
  for (const target of ["b", "../b", "..", "../d/e", "d/e", "é"]) {
    assert(isTargetInside("d/a", target), target);
  }
  for (
    const target of ["", "/b", "../../b", "b/../c", "../..", ".", "./b", "b/", "..//b", "a\0b"]
  ) {
    assert(!isTargetInside("d/a", target), target);
  }
  assert(!isTargetInside("a", ".."));
  assert(!isTargetInside("d/a", "x".repeat(1_025)));
  assert(!isTargetInside("a", ".shoal/identity.pem"));
});

Deno.test("no chain of links that are taken leads out of the folder", () => {
  fc.assert(
    fc.property(
      trees,
      fc.array(fc.constantFrom("..", "a", "é", "b-"), { minLength: 1, maxLength: 5 }),
      (entries, parts) => {
        // Each link gets that target, if it may have it; then each is followed as a file system would.
        const target = parts.join("/");
        const links = new Map<string, string>();
        for (const { path, type } of entries) {
          if (type === "link" && isTargetInside(path, target)) links.set(path, target);
        }
        const walk = (from: string[], steps: string[], hops: number): string[] | undefined => {
          let at = from;
          for (const step of steps) {
            if (step === "..") {
              assert(at.length > 0, `out of the folder by ${target}`);
              at = at.slice(0, -1);
              continue;
            }
            const next = [...at, step];
            const through = links.get(next.join("/"));
            if (through === undefined) {
              at = next;
            } else {
              if (hops === 0) return;
              const led = walk(at, through.split("/"), hops - 1);
              if (!led) return;
              at = led;
            }
          }
          return at;
        };
        for (const [path, to] of links) walk(path.split("/").slice(0, -1), to.split("/"), 8);
      },
    ),
  );
});

Deno.test("names that differ only in case or by a long s are one", () => {
  assertEquals(foldName("README"), foldName("readme"));
  assertEquals(foldName("\u1e9e"), foldName("ss"));
  assertEquals(foldName("Stra\u00dfe"), foldName("STRASSE"));
  assertEquals(foldName("\u017f"), foldName("S"));
  assert(foldName("a") !== foldName("b"));
});

Deno.test("a part of a folder: a file, a folder, through a link, or nothing", () => {
  const manifest = manifestOf([
    folder("d"),
    folder("d/e"),
    file("d/e/f", 7),
    link("d/in", "e/f"),
    link("d/out", "../g"),
    file("d-", 2),
    file("g", 3),
    link("loop", "loop"),
  ].sort((a, b) => comparePaths(a.path, b.path)));
  assertEquals(partOf(manifest, "g"), { kind: "file", entry: file("g", 3) as never });
  const part = partOf(manifest, "d");
  assertEquals(part, {
    kind: "folder",
    entries: [folder("e"), file("e/f", 7), link("in", "e/f")],
    bytes: 7,
    leftOut: ["out"],
  });
  assertEquals(partOf(manifest, "d/in")?.kind, "file");
  assertEquals(partOf(manifest, "loop"), undefined);
  assertEquals(partOf(manifest, "no"), undefined);
  assertEquals(partOf(manifest, "")?.kind, "folder");
});

Deno.test("a manifest file that is cut, too long in a line or not UTF-8 is refused", async () => {
  await using folder = await TempFolder.create();
  const refuse = async (content: string | Uint8Array, text: string) => {
    const path = await folder.write("manifest", content);
    await faultOf("integrity", readManifest(path), text);
  };
  await refuse(EMPTY, "no end");
  await refuse("", "empty");
  await refuse("x".repeat(9_000), "too long");
  await refuse(Uint8Array.of(0xff, 10), "UTF-8");
  await refuse(`${EMPTY}\n\n`, "not JSON");
});
