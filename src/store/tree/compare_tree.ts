import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import type { FileEntry, ManifestEntry } from "../../content/manifest.ts";
import { type FileStamp, lookAt, mtimeOf, stampOfInfo } from "../disk/file_stamp.ts";
import type { HashCache } from "../hash/hash_cache.ts";
import { linkTarget } from "../../system/paths.ts";

/** A folder on disk, held against a manifest. */
export interface TreeState {
  /** Entries that are not there, or are not what they should be. */
  missing: ManifestEntry[];
  /** Files that are there as they should be, but perhaps for their times and modes. */
  present: { entry: FileEntry; stamp: FileStamp }[];
  /** Files of `present` whose time or mode is another one. */
  touched: FileEntry[];
  /** Paths where a folder is in the way of something else, or something else in the way of a folder. */
  inTheWay: { path: string; why: string }[];
}

/** The steps in which FAT counts times, in milliseconds. */
const FAT_STEP_MS = 2_000;
/** Entries looked at before others get a turn. */
const YIELD_ENTRIES = 256;

/**
 * Finds the entries of a manifest that are in the folder at `root`. No link is followed. A file is
 * hashed unless the cache knows it; `onHashed` receives the number of bytes hashed. Throws a `disk`
 * Fault.
 */
export async function compareTree(
  root: string,
  entries: ManifestEntry[],
  { cache, signal, onPresent }: {
    cache: HashCache;
    signal?: AbortSignal;
    onPresent?: (bytes: number) => void;
  },
): Promise<TreeState> {
  const state: TreeState = { missing: [], present: [], touched: [], inTheWay: [] };
  const away = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    if (index % YIELD_ENTRIES === 0) await yieldToEventLoop(signal);
    const { path } = entry;
    const absent = away.has(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    const stat = absent ? undefined : lookAt(`${root}/${path}`);
    const isHere = stat !== undefined && await isSame(root, entry, stat, { cache, signal });
    if (!isHere) {
      state.missing.push(entry);
      if (entry.type === "folder") away.add(path);
      const why = stat && whyInTheWay(entry, stat);
      if (why) state.inTheWay.push({ path, why });
    } else if (entry.type === "file") {
      state.present.push({ entry, stamp: stampOfInfo(stat) });
      if (!sameAttributes(entry, stat)) state.touched.push(entry);
      onPresent?.(entry.size);
    }
  }
  return state;
}

async function isSame(
  root: string,
  entry: ManifestEntry,
  stat: Deno.FileInfo,
  { cache, signal }: { cache: HashCache; signal?: AbortSignal },
): Promise<boolean> {
  const path = `${root}/${entry.path}`;
  if (entry.type === "folder") return stat.isDirectory;
  if (entry.type === "link") {
    return stat.isSymlink && linkTarget(path).normalize("NFC") === entry.target;
  }
  if (!stat.isFile || stat.size !== entry.size) return false;
  return (await cache.identify(path, { what: "compare", signal })).id === entry.id;
}

function whyInTheWay(entry: ManifestEntry, stat: Deno.FileInfo): string | undefined {
  if (entry.type === "folder") return stat.isDirectory ? undefined : "it is no folder";
  if (stat.isDirectory) return "it is a folder";
}

/** Windows has no such modes. */
function sameAttributes({ mode, mtime }: FileEntry, stat: Deno.FileInfo): boolean {
  const executable = ((stat.mode ?? 0) & 0o100) !== 0;
  const sameMode = Deno.build.os === "windows" || executable === (mode === "755");
  const there = mtimeOf(stampOfInfo(stat));
  // FAT counts in steps of 2 s: there is no more that such a disk could hold.
  const same = there === mtime ||
    there % FAT_STEP_MS === 0 && Math.abs(there - mtime) < FAT_STEP_MS;
  return sameMode && same;
}
