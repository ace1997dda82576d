import { digestChunks } from "../../content/digest.ts";
import { fileId } from "../../content/file_id.ts";
import { Fault } from "../../fault.ts";
import { type FileStamp, sameStamp, stampOfPath } from "../../store/disk/file_stamp.ts";
import type { StateDatabase } from "../../store/state/state_database.ts";
import { fault, type Finding, ok } from "../api/finding.ts";
import { readRegular } from "../../system/open_regular.ts";

/** Files that are looked at, by chance, and how many of those are hashed again. */
const SAMPLE = 100;
const REHASHED = 16;
/** Larger ones are not hashed again, in bytes: this is to take a moment. */
const REHASHED_SIZE = 1 << 20;

type Row = FileStamp & { path: string; id: string };

/**
 * Checks that the state database is sound, and the hash cache true: a file whose stamp is unchanged
 * must have the content that it had.
 */
export async function checkHashCache(db: StateDatabase): Promise<Finding[]> {
  try {
    const [row] = db.all<{ quick_check: string }>("PRAGMA quick_check(1)");
    const verdict = row?.quick_check;
    if (verdict !== "ok") throw new Fault("disk", `the state database is damaged: ${verdict}`);
  } catch (error) {
    return [fault("state", error, "stop the peer, and put the backup of state.db back")];
  }
  const sound = ok("state", "the state database is sound");
  const rows = db.all<Row>("SELECT * FROM files WHERE settled ORDER BY random() LIMIT ?", SAMPLE);
  const same = rows.filter(isUnchanged);
  const small = same.filter(({ size }) => size <= REHASHED_SIZE).slice(0, REHASHED);
  for (const { path, id } of small) {
    const actual = await idOf(path);
    if (actual === undefined || actual === id) continue;
    const why = `${path} has another content than when it was hashed, but the same size and times`;
    const remedy = `restore it, or type: touch ${path}; it is then hashed again`;
    return [sound, fault("hash cache", new Fault("integrity", why), remedy)];
  }
  const sampled = `${same.length} of ${rows.length} files sampled are as they were hashed`;
  return [sound, ok("hash cache", `${sampled}; ${small.length} were hashed again`)];
}

function isUnchanged(row: Row): boolean {
  try {
    return sameStamp(row, stampOfPath(row.path));
  } catch {
    return false; // it is gone, or out of reach
  }
}

/** The id of a small file; undefined when it can't be read. */
async function idOf(path: string): Promise<string | undefined> {
  try {
    const bytes = readRegular(path, { follow: true, cap: REHASHED_SIZE });
    // All digests of a file this small fit the top page of its tree.
    return await fileId(bytes.length, await digestChunks(bytes));
  } catch {
    return undefined;
  }
}
