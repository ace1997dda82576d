import fs from "node:fs";
import * as v from "valibot";
import { Fault } from "../../fault.ts";
import { FileId } from "../../wire/protocol.ts";
import { yieldToEventLoop } from "../../async/yield_to_event_loop.ts";
import {
  type FileStamp,
  isSettled,
  lookAt,
  NO_STAMP,
  openRegular,
  sameStamp,
  stampOf,
  stampOfPath,
} from "../disk/file_stamp.ts";
import { hashFile, type HashOptions, type HashTools } from "./hash_file.ts";
import { hashSmallFile } from "./hash_small_file.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { isSlow } from "../disk/slow_disks.ts";
import { STAMP_COLUMNS, stampOfRow } from "./stamp_row.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { nearest, parentOf } from "../../system/paths.ts";

/** Files in one transaction, and files after which others get a turn. */
const BATCH_FILES = 1_000;
const YIELD_FILES = 64;
/** Files that are looked at in one sweep. */
const SWEPT_FILES = 5_000;
/** Times that a file which changes while it is read is read. */
const TRIES = 3;

/** The known content of a file on disk. */
export interface Identified {
  id: string;
  stamp: FileStamp;
  /** False when its content was known. */
  hashed: boolean;
}

/** The known content of a path, if the file still has that stamp. */
interface Known {
  id: string;
  stamp: FileStamp;
  /** False when a change right after it was hashed may not show in the stamp. */
  settled: boolean;
}

/**
 * Remembers by path and stamp which content a file has, so that an unchanged one is hashed once; or
 * twice, when it was hashed so soon after a change that the clock could hide another one.
 */
export class HashCache {
  readonly #db: StateDatabase;
  readonly #tools: HashTools;
  /** The row that {@link sweep} looked at last. */
  #swept = 0;
  /** Contents that a file had before, until the next sweep. */
  readonly #replaced = new Set<string>();

  constructor(db: StateDatabase, tools: HashTools) {
    this.#db = db;
    this.#tools = tools;
  }

  /**
   * Finds the ids of many files, whose stamps were read a moment ago, and hashes where need be.
   * Small ones are written to the database many at a time. `onFile` receives each, in order, or the
   * Fault of one that can't be read or keeps changing. Throws the signal's reason.
   */
  async identifyAll(
    files: { path: string; stamp: FileStamp }[],
    options: HashOptions,
    onFile: (found: Identified | Fault) => void,
  ): Promise<void> {
    let fresh: (Remembered & { digest: Uint8Array })[] = [];
    const flush = () => {
      this.#db.transaction(() => {
        for (const { path, id, stamp, read, digest } of fresh) {
          this.#tools.digests.put(id, 0, 0, digest);
          this.remember(path, id, stamp, read);
        }
      });
      fresh = [];
    };
    for (const [index, { path, stamp }] of files.entries()) {
      if (index % YIELD_FILES === 0) await yieldToEventLoop(options.signal);
      const known = this.lookup(path);
      if (known && isKnown(known, stamp)) onFile({ ...known, hashed: false });
      else if (stamp.size > CHUNK_SIZE) {
        onFile(await steadily(() => this.identify(path, options), options.signal));
      } else {
        const read = Date.now();
        const small = await steadily(() => hashSmallFile(path, options), options.signal);
        if (small instanceof Fault) onFile(small);
        else {
          fresh.push({ path, read, ...small });
          onFile({ ...small, hashed: !isSameContent(known, small) });
          if (fresh.length === BATCH_FILES) flush();
        }
      }
    }
    flush();
  }

  /** The id of the file at `path`, hashed if need be. Throws as {@link hashFile} does. */
  async identify(path: string, options: HashOptions = {}): Promise<Identified> {
    const fd = openRegular(path, options.what ?? "share", options);
    const stamp = stampOf(fd);
    fs.closeSync(fd);
    const known = this.lookup(path);
    if (known && isKnown(known, stamp)) return { ...known, hashed: false };
    const read = Date.now();
    const fresh = await hashFile(path, this.#tools, options);
    this.remember(path, fresh.id, fresh.stamp, read);
    return { ...fresh, hashed: !isSameContent(known, fresh) };
  }

  /**
   * Files of a chunk or more that are still what they were when they were last looked at; those looked
   * at last come first, and no more than `most` are looked at.
   */
  *files(most: number): Generator<{ path: string; id: string; size: number }> {
    const paths = this.#db.all<{ path: string }>(
      "SELECT path FROM files WHERE size >= ? ORDER BY rowid DESC LIMIT ?",
      CHUNK_SIZE,
      most,
    );
    for (const { path } of paths) {
      const known = this.known(path);
      if (known) yield { path, id: known.id, size: known.stamp.size };
    }
  }

  /** The id of the file at `path`, if that is still what it was when it was last hashed. */
  known(path: string): Known | undefined {
    const known = this.lookup(path);
    try {
      return known && sameStamp(known.stamp, stampOfPath(path)) ? known : undefined;
    } catch {
      return undefined;
    }
  }

  /** The content last known of a path, whether or not it still holds. A damaged row counts as none. */
  lookup(path: string): Known | undefined {
    const row = this.#db.get<{ id: string; settled: number }>(
      `SELECT ${STAMP_COLUMNS}, settled, id FROM files WHERE path = ?`,
      path,
    );
    const stamp = stampOfRow(row);
    if (!row || !v.is(FileId, row.id) || stamp === NO_STAMP) return undefined;
    return { id: row.id, stamp, settled: row.settled === 1 };
  }

  /** Paths that were last known to have this content, at most `most` of them. */
  pathsOf(id: string, most: number): { path: string; stamp: FileStamp }[] {
    return this.#db.all<{ path: string }>(
      `SELECT path, ${STAMP_COLUMNS} FROM files WHERE id = ? LIMIT ?`,
      id,
      most,
    ).map((row) => ({ path: row.path, stamp: stampOfRow(row) }));
  }

  /** As {@link remember}, for many files that were just written, all or none. */
  rememberAll(files: { path: string; id: string; stamp: FileStamp }[]): void {
    this.#db.transaction(() => {
      for (const { path, id, stamp } of files) this.remember(path, id, stamp);
    });
  }

  /**
   * Forgets files that are gone, and the digests of contents that no file has any more. Each call goes
   * on where the last one ended, and takes some 30 ms at most.
   */
  sweep(): void {
    const rows = this.#db.all<{ at: number; path: string; id: string }>(
      "SELECT rowid AS at, path, id FROM files WHERE rowid > ? ORDER BY rowid LIMIT ?",
      this.#swept,
      SWEPT_FILES,
    );
    const isLast = rows.length < SWEPT_FILES;
    this.#swept = isLast ? 0 : rows.at(-1)!.at;
    const files = rows.filter(({ path }) => isGone(path));
    const trees = isLast
      ? this.#db.all<{ path: string }>("SELECT path FROM trees").filter(({ path }) => isGone(path))
      : [];
    const contents = new Set([...this.#replaced, ...files.map(({ id }) => id)]);
    this.#replaced.clear();
    if (contents.size === 0 && trees.length === 0) return;
    this.#db.transaction(() => {
      for (const { path } of files) this.#db.run("DELETE FROM files WHERE path = ?", path);
      for (const { path } of trees) this.#db.run("DELETE FROM trees WHERE path = ?", path);
      for (const id of contents) this.#tools.digests.forget(id);
    });
    this.#db.shrink();
  }

  /** Forgets all files in a folder: an absolute path. */
  forgetUnder(folder: string): void {
    // "0" comes right after "/".
    this.#db.run("DELETE FROM files WHERE path > ? AND path < ?", `${folder}/`, `${folder}0`);
  }

  /**
   * Notes that the file at `path`, while it has this stamp, has this content. `read` is when it was
   * begun to be read, or made: milliseconds since 1970.
   */
  remember(path: string, id: string, stamp: FileStamp, read = Date.now()): void {
    const before = this.#db.get<{ id: string }>("SELECT id FROM files WHERE path = ?", path);
    if (before && before.id !== id && this.#replaced.size < SWEPT_FILES) {
      this.#replaced.add(before.id);
    }
    this.#db.run(
      `INSERT OR REPLACE INTO files (path, ${STAMP_COLUMNS}, settled, id)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[path, stamp.size, stamp.mtime, stamp.ctime, stamp.inode],
      ...[Number(isSettled(stamp, read)), id],
    );
  }
}

/** True when there is nothing at a path, on a disk that is there: an empty folder may be one to mount at. */
function isGone(path: string): boolean {
  // What may hang is not waited for; it is looked at as long as it is shared.
  if (isSlow(path)) return false;
  try {
    if (lookAt(path)) return false;
    const folder = nearest(parentOf(path), (above) => lookAt(above)?.isDirectory === true);
    return fs.readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}

/** Reads a file once more when it fails or changes meanwhile; at last, returns its Fault. */
async function steadily<T>(read: () => Promise<T>, signal?: AbortSignal): Promise<T | Fault> {
  for (let tries = 1;; tries++) {
    try {
      return await read();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Fault)) throw error;
      if (tries === TRIES) return error;
    }
  }
}

/** An entry for {@link HashCache.remember}. */
interface Remembered {
  path: string;
  id: string;
  stamp: FileStamp;
  read: number;
}

/** True when what is known of a file holds for one with that stamp. */
function isKnown({ stamp, settled }: Known, now: FileStamp): boolean {
  return settled && sameStamp(stamp, now);
}

/** A change of mode alone is none of the content. */
function isSameContent(known: Known | undefined, { id, stamp }: { id: string; stamp: FileStamp }) {
  return known?.id === id && sameStamp({ ...known.stamp, ctime: stamp.ctime }, stamp);
}
