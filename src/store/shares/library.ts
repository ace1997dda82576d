import * as v from "valibot";
import { Announcement, FileSize, type Holding, Kind } from "../../wire/protocol.ts";
import type { HashCache } from "../hash/hash_cache.ts";
import { type FileStamp, NO_STAMP } from "../disk/file_stamp.ts";
import { foldName } from "../../content/safe_path.ts";
import { damaged, type StateDatabase } from "../state/state_database.ts";

/** A file or folder that is shared: what is announced of it, and where it lies. */
export interface Share {
  announcement: Announcement;
  /** Absolute path of what is announced: the file, or the manifest of a folder. */
  path: string;
  /** Of a folder: its absolute path. */
  root?: string;
  /** Changes are looked for all the time. */
  watched: boolean;
  /** The stamp of the file at `path` for which the announcement holds. */
  stamp: FileStamp;
  /** Bytes served to others. */
  served: number;
  /** False while the file is not at its path, or is no longer the one announced. */
  available: boolean;
}

const ShareRow = v.object({
  ...Announcement.entries,
  kind: Kind,
  entries: v.nullable(FileSize),
  bytes: v.nullable(FileSize),
  path: v.string(),
  root: v.nullable(v.string()),
  watched: v.number(),
  served: FileSize,
});
type ShareRow = v.InferOutput<typeof ShareRow>;

const SignedRow = v.object({ time: Announcement.entries.time });

/** A share without its announcement and counts. */
export type Place = Pick<Share, "path" | "root" | "stamp"> & Partial<Pick<Share, "watched">>;

/** The shares of this peer, in memory for serving and in the state database for the next start. */
export class Library {
  readonly #db: StateDatabase;
  readonly #byName = new Map<string, Share>();
  /** By the name as {@link foldName} has it. */
  readonly #byFolded = new Map<string, Set<Share>>();
  readonly #byId = new Map<string, Set<Share>>();

  /** Throws a `disk` Fault when a share in the database is damaged. */
  constructor(db: StateDatabase, cache: HashCache) {
    this.#db = db;
    for (const unchecked of db.all("SELECT * FROM shares")) {
      const parsed = v.safeParse(ShareRow, unchecked);
      if (!parsed.success) throw damaged("a share");
      const row = parsed.output;
      const { path, served } = row;
      const known = cache.lookup(path);
      const available = known?.id === row.id;
      const stamp = available ? known.stamp : NO_STAMP;
      const place = { path, root: row.root ?? undefined, watched: row.watched !== 0 };
      this.#index({ announcement: announcementOf(row), ...place, served, stamp, available });
    }
  }

  get(name: string): Share | undefined {
    return this.#byName.get(name);
  }

  /** Another share whose name differs in case or Unicode form only. */
  collisionWith(name: string): Share | undefined {
    for (const share of this.#byFolded.get(foldName(name)) ?? []) {
      if (share.announcement.name !== name) return share;
    }
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

  /** The announcements of what can be served now. */
  *announcements(): Generator<Announcement> {
    for (const share of this.#byName.values()) if (share.available) yield share.announcement;
  }

  /** Adds a share, in place of one of the same name, and returns that one. */
  add(announcement: Announcement, place: Place): Share | undefined {
    const { name, id, size, mtime, time, publisher, signature } = announcement;
    const { kind = "file", entries = null, bytes = null } = announcement;
    const { path, root, watched = false, stamp } = place;
    const before = this.#byName.get(name);
    const served = before?.announcement.id === id ? before.served : 0;
    this.#db.runDurably(
      `INSERT OR REPLACE INTO shares
       (name, path, id, size, mtime, time, publisher, signature, served,
        kind, entries, bytes, root, watched)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[name, path, id, size, mtime, time, publisher, signature, served],
      ...[kind, entries, bytes, root ?? null, Number(watched)],
    );
    if (before) this.#unindex(before);
    this.#index({ announcement, path, root, watched, stamp, served, available: true });
    return before;
  }

  /** Removes a share, and returns it; undefined when there was none of that name. */
  remove(name: string): Share | undefined {
    const share = this.#byName.get(name);
    if (!share) return;
    this.#db.runDurably("DELETE FROM shares WHERE name = ?", name);
    this.#unindex(share);
    return share;
  }

  /** The time of this peer's last signature for a name, shared or not; 0 if there is none. */
  lastSigned(name: string): number {
    const row = this.#db.get("SELECT time FROM signed WHERE name = ?", name);
    if (row === undefined) return 0;
    const parsed = v.safeParse(SignedRow, row);
    if (!parsed.success) throw damaged("a time");
    return parsed.output.time;
  }

  /** Notes when this peer has signed for a name, for as long as there is the database. */
  noteSigned({ name, time }: Announcement): void {
    this.#db.run("INSERT OR REPLACE INTO signed (name, time) VALUES (?, ?)", name, time);
  }

  /** Changes of a share are looked for all the time, or no longer. */
  watch(share: Share, watched: boolean): void {
    share.watched = watched;
    const { name } = share.announcement;
    this.#db.runDurably("UPDATE shares SET watched = ? WHERE name = ?", Number(watched), name);
  }

  /** Writes the counts of served bytes to the database. */
  saveCounts(): void {
    for (const { announcement, served } of this.#byName.values()) {
      this.#db.run(
        "UPDATE shares SET served = ? WHERE name = ? AND served <> ?",
        ...[served, announcement.name, served],
      );
    }
  }

  #index(share: Share): void {
    const { name, id } = share.announcement;
    this.#byName.set(name, share);
    addTo(this.#byId, id, share);
    addTo(this.#byFolded, foldName(name), share);
  }

  #unindex(share: Share): void {
    const { name, id } = share.announcement;
    this.#byName.delete(name);
    removeFrom(this.#byId, id, share);
    removeFrom(this.#byFolded, foldName(name), share);
  }
}

function announcementOf(row: ShareRow): Announcement {
  const { name, id, size, mtime, time, publisher, signature, kind, entries, bytes } = row;
  const file = { name, id, size, mtime, time, publisher, signature };
  if (kind === "file") return file;
  return { ...file, kind, entries: entries ?? 0, bytes: bytes ?? 0 };
}

function addTo(index: Map<string, Set<Share>>, key: string, share: Share): void {
  const same = index.get(key);
  if (same) same.add(share);
  else index.set(key, new Set([share]));
}

function removeFrom(index: Map<string, Set<Share>>, key: string, share: Share): void {
  const same = index.get(key)!;
  same.delete(share);
  if (same.size === 0) index.delete(key);
}

/** A share as a bootstrap is asked to withdraw it. */
export function holdingOf({ announcement: { name, id } }: Share): Holding {
  return { name, id };
}
