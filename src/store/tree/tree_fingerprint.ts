import { createHash } from "node:crypto";
import { ENTRIES_CAP } from "../../content/manifest.ts";
import { isOwn } from "../../content/tree_path.ts";
import { Fault } from "../../fault.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import { infoAt, namesAt } from "../disk/slow_disks.ts";
import { linkTarget } from "../../system/paths.ts";

/** The look of a tree on disk; nothing in it was read. */
interface TreeFingerprint {
  /** False when something could not be looked at. */
  whole: boolean;
  /** SHA-256 over kind, path, size, times, mode and inode of all that is in it: 64 hex digits. */
  hash: string;
  /** Files, folders and links in it. */
  entries: number;
  /** The time of the last change in it, in milliseconds since 1970, by the clock of its disk. */
  changed: number;
}

/** Entries looked at before others get a turn. */
const YIELD_ENTRIES = 1_000;

/**
 * Looks at all that is in the folder at `root`, but for Shoal's own; no link is followed. Undefined when
 * that can't be looked at, or there is more than a manifest can have. Throws the signal's reason.
 *
 * Deno's own calls are used for their speed: node:fs takes four times as long for an entry. Their times
 * are whole milliseconds, so two looks within a moment may not see a change between them.
 */
export async function fingerprintTree(
  root: string,
  signal?: AbortSignal,
): Promise<TreeFingerprint | undefined> {
  const hash = createHash("sha256");
  const tree = { entries: 0, changed: 0, whole: true };
  const waiting = [""];
  try {
    for (let folder; (folder = waiting.pop()) !== undefined;) {
      const within = folder && `${folder}/`;
      const listed = namesAt(`${root}/${folder}`);
      const names = sorted(listed instanceof Promise ? await listed : listed);
      if (!names) signal?.throwIfAborted();
      if (!names && folder === "") return;
      let lines = names ? "" : `!\0${folder}\0`;
      tree.whole &&= names !== undefined;
      for (const name of names ?? []) {
        if (++tree.entries > ENTRIES_CAP) return;
        if (tree.entries % YIELD_ENTRIES === 0) await yieldToEventLoop(signal);
        const path = within + name;
        const looked = infoAt(`${root}/${path}`);
        const stat = looked instanceof Promise ? await looked : looked;
        if (!stat) {
          tree.whole = false;
          lines += `?\0${path}\0`;
          continue;
        }
        tree.changed = Math.max(tree.changed, changeOf(stat));
        if (stat.isDirectory) waiting.push(path);
        lines += lineOf(path, stat, root);
      }
      hash.update(lines);
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof Fault) throw error;
    return;
  }
  return { ...tree, hash: hash.digest("hex") };
}

function sorted(names: string[] | undefined): string[] | undefined {
  return names?.filter((name) => !isOwn(name)).sort();
}

/** Of a folder only its name counts: its times change with what is put into it for a moment. */
function lineOf(path: string, stat: Deno.FileInfo, root: string): string {
  if (stat.isDirectory) return `d\0${path}\0`;
  const { size, mode, ino } = stat;
  const times = `${stat.mtime?.getTime()}\0${stat.ctime?.getTime()}`;
  const what = stat.isSymlink ? `l\0${linkTarget(`${root}/${path}`)}` : `f\0${size}`;
  return `${what}\0${path}\0${times}\0${mode}\0${ino}\0`;
}

/** Windows has no time of change. */
function changeOf({ ctime, mtime }: Deno.FileInfo): number {
  return (ctime ?? mtime)?.getTime() ?? 0;
}
