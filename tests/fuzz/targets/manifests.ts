import {
  type Manifest,
  type ManifestEntry,
  manifestLines,
  ManifestReader,
} from "../../../src/content/manifest.ts";
import { partOf } from "../../../src/content/manifest_part.ts";
import { isTargetInside, whyUnsafePath } from "../../../src/content/tree_path.ts";
import { must, unlessFault } from "../allow.ts";
import { FILE } from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";
import { foldName } from "../../../src/content/safe_path.ts";

const folder = (path: string): ManifestEntry => ({ path, type: "folder" });
const link = (path: string, target: string): ManifestEntry => ({ path, target, type: "link" });
const file = (path: string, size: number): ManifestEntry => (
  { id: FILE, mode: "644", mtime: 1_700_000_000_000, path, size, type: "file" }
);
const manifest = (entries: ManifestEntry[], bytes = 0) =>
  bytesOf([...manifestLines({ entries, bytes })].map((line) => line + "\n").join(""));

/** The manifest of a folder: what is taken from one stays in the folder, and is its only spelling. */
export const manifests: Target = {
  name: "manifests",
  weight: 70,
  seeds: [
    manifest([]),
    manifest([file("a", 6), folder("docs"), file("docs/b", 1), link("docs/c", "../a")], 7),
    manifest([folder("a"), folder("a/b"), link("a/b/c", "../../a"), link("d", "a/b/c")]),
    manifest([link("a", "b"), link("b", "a")]),
    manifest([file("../a", 1)], 1),
    manifest([link("a", "../../etc/passwd")]),
    manifest([file("a", 1), file("A", 1)], 2),
    manifest([file("a/b", 1)], 1),
    manifest([file("a", Number.MAX_SAFE_INTEGER), file("b", 9)], Number.MAX_SAFE_INTEGER),
    manifest([file("con", 1), file("x:y", 1)], 2),
  ],
  run(input) {
    const text = textOf(input);
    const lines = text.split("\n").slice(0, -1);
    for (const os of ["linux", "windows"]) {
      const read = unlessFault(["integrity"], () => {
        const reader = new ManifestReader(os);
        for (const line of lines) reader.add(line);
        return reader.finish();
      });
      if (read) check(read, { os, lines });
    }
  },
};

function check(read: Manifest, { os, lines }: { os: string; lines: string[] }): void {
  must([...manifestLines(read)].join("\n") === lines.join("\n"), "there is one way to write it");
  const taken = new Set<string>();
  const folders = new Set([""]);
  for (const entry of read.entries) {
    const { path } = entry;
    must(whyUnsafePath(path, os) === undefined, "a path stays in the folder");
    must(!taken.has(foldName(path)), "no disk takes two names for one");
    taken.add(foldName(path));
    must(folders.has(path.slice(0, Math.max(0, path.lastIndexOf("/")))), "a path is in a folder");
    if (entry.type === "folder") folders.add(path);
    if (entry.type === "link") must(isTargetInside(path, entry.target), "a link stays inside");
    const part = partOf(read, path);
    if (part?.kind !== "folder") continue;
    for (const inner of part.entries) {
      const stays = inner.type !== "link" || isTargetInside(inner.path, inner.target);
      must(whyUnsafePath(inner.path, os) === undefined && stays, "a part is a folder of its own");
    }
  }
}
