import type { FileEntry, LinkEntry, Manifest, ManifestEntry } from "./manifest.ts";
import { isTargetInside } from "./tree_path.ts";

/** The file or folder that a path in a folder leads to. */
export type ManifestPart =
  | { kind: "file"; entry: FileEntry }
  | {
    kind: "folder";
    /** Their paths begin below the part. */
    entries: ManifestEntry[];
    /** Of all files together. */
    bytes: number;
    /** Links that lead out of the part, by their paths in it. */
    leftOut: string[];
  };

/** Links that are followed on the way to a part. */
const LINKS_CAP = 16;

/** The part of a folder at `path`; "" is all of it. Undefined when there is no such part. */
export function partOf({ entries, bytes }: Manifest, path: string): ManifestPart | undefined {
  if (path === "") return { kind: "folder", entries, bytes, leftOut: [] };
  const found = follow(entries, path);
  if (found?.type === "file") return { kind: "file", entry: found };
  if (!found) return;
  const prefix = `${found.path}/`;
  const part = {
    kind: "folder" as const,
    entries: [] as ManifestEntry[],
    bytes: 0,
    leftOut: [] as string[],
  };
  for (const entry of entries) {
    if (!entry.path.startsWith(prefix)) continue;
    const inner = { ...entry, path: entry.path.slice(prefix.length) };
    if (inner.type === "link" && !isTargetInside(inner.path, inner.target)) {
      part.leftOut.push(inner.path);
      continue;
    }
    if (inner.type === "file") part.bytes += inner.size;
    part.entries.push(inner);
  }
  return part;
}

/** The entry at `path`, after links at its end are followed. */
function follow(
  entries: ManifestEntry[],
  path: string,
): Exclude<ManifestEntry, LinkEntry> | undefined {
  for (let links = 0; links < LINKS_CAP; links++) {
    const found = entries.find((entry) => entry.path === path);
    if (found?.type !== "link") return found;
    path = targetOf(found);
  }
}

function targetOf({ path, target }: LinkEntry): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return parts.join("/");
}
