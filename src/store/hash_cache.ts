import fs from "node:fs";
import type { DigestStore } from "./digest_store.ts";
import { type FileStamp, openRegular, sameStamp, stampOf } from "./file_stamp.ts";
import { hashFile, type HashOptions } from "./hash_file.ts";
import type { StateDatabase } from "./state_database.ts";

/** What is known of a file on disk. */
export interface Identified {
  id: string;
  stamp: FileStamp;
  /** False when the stamp was known, so that nothing was read. */
  hashed: boolean;
}

/** Remembers by path and stamp which content a file has, so that an unchanged one is hashed once. */
export class HashCache {
  readonly #db: StateDatabase;
  readonly #digests: DigestStore;

  constructor(db: StateDatabase, digests: DigestStore) {
    this.#db = db;
    this.#digests = digests;
  }

  /** The id of the file at `path`, hashed if need be. Throws as {@link hashFile} does. */
  async identify(path: string, options: HashOptions = {}): Promise<Identified> {
    const fd = openRegular(path, options.what ?? "share");
    const stamp = stampOf(fd);
    fs.closeSync(fd);
    const known = this.lookup(path);
    if (known && sameStamp(known.stamp, stamp)) return { ...known, hashed: false };
    const fresh = await hashFile(path, this.#digests, options);
    this.remember(path, fresh.id, fresh.stamp);
    return { ...fresh, hashed: true };
  }

  /** What was last known of a path, whether or not it still holds. */
  lookup(path: string): { id: string; stamp: FileStamp } | undefined {
    const row = this.#db.get<{ size: number; mtime_ns: string; inode: string; id: string }>(
      "SELECT size, mtime_ns, inode, id FROM files WHERE path = ?",
      path,
    );
    return row && {
      id: row.id,
      stamp: { size: row.size, mtimeNs: BigInt(row.mtime_ns), inode: BigInt(row.inode) },
    };
  }

  /** Notes that the file at `path`, while it has this stamp, has this content. */
  remember(path: string, id: string, stamp: FileStamp): void {
    this.#db.run(
      "INSERT OR REPLACE INTO files (path, size, mtime_ns, inode, id) VALUES (?, ?, ?, ?, ?)",
      path,
      stamp.size,
      String(stamp.mtimeNs),
      String(stamp.inode),
      id,
    );
  }
}
