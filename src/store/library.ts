import type { Announcement, Holding } from "../wire/protocol.ts";
import type { HashCache } from "./hash_cache.ts";
import type { FileStamp } from "./file_stamp.ts";
import type { StateDatabase } from "./state_database.ts";

/** A file that is shared: what is announced of it, and where it lies. */
export interface Share {
  announcement: Announcement;
  /** Absolute path. */
  path: string;
  /** What the file at `path` must look like for the announcement to hold. */
  stamp: FileStamp;
  /** Bytes served to others. */
  served: number;
  /** False while the file is not at its path, or is no longer the one announced. */
  available: boolean;
}

interface ShareRow extends Announcement {
  path: string;
  served: number;
}

/** Fits no file. */
const NO_STAMP: FileStamp = { size: -1, mtimeNs: 0n, inode: 0n };

/** The shares of this peer, in memory for serving and in the state database for the next start. */
export class Library {
  readonly #db: StateDatabase;
  readonly #byName = new Map<string, Share>();
  readonly #byId = new Map<string, Set<Share>>();

  constructor(db: StateDatabase, cache: HashCache) {
    this.#db = db;
    for (const { path, served, ...announcement } of db.all<ShareRow>("SELECT * FROM shares")) {
      const known = cache.lookup(path);
      const available = known?.id === announcement.id;
      const stamp = available ? known.stamp : NO_STAMP;
      this.#index({ announcement: { ...announcement }, path, served, stamp, available });
    }
  }

  get(name: string): Share | undefined {
    return this.#byName.get(name);
  }

  /** An available share of that content, or undefined. */
  withId(id: string): Share | undefined {
    for (const share of this.#byId.get(id) ?? []) if (share.available) return share;
  }

  /** All shares, by name. */
  list(): Share[] {
    return [...this.#byName.values()].sort((a, b) =>
      a.announcement.name < b.announcement.name ? -1 : 1
    );
  }

  /** What to tell bootstraps: the announcements of what can be served now. */
  *announcements(): Generator<Announcement> {
    for (const share of this.#byName.values()) if (share.available) yield share.announcement;
  }

  /** Adds a share, in place of one of the same name, and returns that one. */
  add(announcement: Announcement, path: string, stamp: FileStamp): Share | undefined {
    const { name, id, size, mtime, time, publisher, signature } = announcement;
    const before = this.#byName.get(name);
    const served = before?.announcement.id === id ? before.served : 0;
    this.#db.run(
      `INSERT OR REPLACE INTO shares
       (name, path, id, size, mtime, time, publisher, signature, served)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[name, path, id, size, mtime, time, publisher, signature, served],
    );
    if (before) this.#unindex(before);
    this.#index({ announcement, path, stamp, served, available: true });
    return before;
  }

  /** Removes a share, and returns it; undefined when there was none of that name. */
  remove(name: string): Share | undefined {
    const share = this.#byName.get(name);
    if (!share) return;
    this.#db.run("DELETE FROM shares WHERE name = ?", name);
    this.#unindex(share);
    return share;
  }

  /** Writes the counts of served bytes to the database. */
  saveCounts(): void {
    for (const { announcement, served } of this.#byName.values()) {
      this.#db.run("UPDATE shares SET served = ? WHERE name = ?", served, announcement.name);
    }
  }

  #index(share: Share): void {
    const { name, id } = share.announcement;
    this.#byName.set(name, share);
    const same = this.#byId.get(id);
    if (same) same.add(share);
    else this.#byId.set(id, new Set([share]));
  }

  #unindex(share: Share): void {
    const { name, id } = share.announcement;
    this.#byName.delete(name);
    const same = this.#byId.get(id)!;
    same.delete(share);
    if (same.size === 0) this.#byId.delete(id);
  }
}

/** What names a share to a bootstrap that is to forget it. */
export function holdingOf({ announcement: { name, id } }: Share): Holding {
  return { name, id };
}
