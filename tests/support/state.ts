import { DigestStore } from "../../src/store/hash/digest_store.ts";
import { Disk } from "../../src/store/disk/disk.ts";
import { HashCache } from "../../src/store/hash/hash_cache.ts";
import { Library, type Share } from "../../src/store/shares/library.ts";
import { SharedReader } from "../../src/store/disk/shared_reader.ts";
import { StateDatabase } from "../../src/store/state/state_database.ts";
import type { Announcement } from "../../src/wire/protocol.ts";

/** A peer's state without the peer: the database in a folder, and what works on it. */
export class State {
  readonly db: StateDatabase;
  readonly digests: DigestStore;
  readonly disk = new Disk();
  readonly cache: HashCache;
  readonly library: Library;
  readonly reader = new SharedReader();

  constructor(database: string) {
    this.db = StateDatabase.open(database);
    this.digests = new DigestStore(this.db);
    this.cache = new HashCache(this.db, this);
    this.library = new Library(this.db, this.cache);
  }

  /** Shares the file at `path` under `name`. */
  async share(path: string, name: string): Promise<Share> {
    const { id, stamp } = await this.cache.identify(path);
    this.library.add(announcementOf({ name, id, size: stamp.size }), { path, stamp });
    return this.library.get(name)!;
  }

  /** Files that digest pages are kept for, each once. */
  keptFor(): string[] {
    return this.db.all<{ file: string }>("SELECT DISTINCT file FROM digest_pages ORDER BY file")
      .map(({ file }) => file);
  }

  [Symbol.dispose](): void {
    this.disk.stop();
    this.reader.close();
    this.db.close();
  }
}

/** An announcement whose signature is not checked. */
export function announcementOf(
  about: Pick<Announcement, "name" | "id" | "size"> & Partial<Announcement>,
): Announcement {
  return {
    ...{ mtime: 1_700_000_000_123, time: 1_700_000_001_000 },
    ...{ publisher: "aa".repeat(32), signature: "bb".repeat(64) },
    ...about,
  };
}
