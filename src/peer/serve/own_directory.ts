import { Glob } from "../../bootstrap/glob.ts";
import type { Announcement, FileRecord, Found, PeerRecord } from "../../wire/protocol.ts";
import { Batch } from "../../wire/batch.ts";
import type { Query } from "../discovery/directory.ts";

/** The time for which a sorted list is kept, in milliseconds: long enough for a list in batches. */
const SORTED_MS = 5_000;
/** Most steps of matching for one batch, about 50 ms. */
const BATCH_WORK = 2_000_000;

/** The contents of this peer, for those of its network that ask without a bootstrap. */
export class OwnDirectory {
  readonly #announcements: () => Iterable<Announcement>;
  #sorted: { list: Announcement[]; until: number } | undefined;

  constructor(announcements: () => Iterable<Announcement>) {
    this.#announcements = announcements;
  }

  /** The announcements that fit the query, with this peer as its only source; as much as fits one message. */
  find({ name, file, publisher }: Query, self: PeerRecord): Found[] {
    const batch = new Batch<Found>();
    for (const announcement of this.#announcements()) {
      if (name !== undefined && announcement.name !== name) continue;
      if (file !== undefined && announcement.id !== file) continue;
      if (publisher !== undefined && announcement.publisher !== publisher) continue;
      if (!batch.add({ announcement, sources: [self], total: 1 })) break;
    }
    return batch.items;
  }

  /** A part of the files with names that fit the glob; `cursor` is the name to begin with. */
  list(pattern?: string, cursor = ""): { items: FileRecord[]; cursor?: string } {
    const glob = pattern === undefined ? undefined : new Glob(pattern);
    const batch = new Batch<FileRecord>();
    for (const { signature: _signature, ...announced } of this.#list()) {
      const { name } = announced;
      if (name < cursor) continue;
      if (glob && glob.work > BATCH_WORK) return { items: batch.items, cursor: name };
      if (glob && !glob.matches(name)) continue;
      if (!batch.add({ ...announced, sources: 1 })) return { items: batch.items, cursor: name };
    }
    return { items: batch.items };
  }

  #list(): Announcement[] {
    const now = performance.now();
    if (this.#sorted && now < this.#sorted.until) return this.#sorted.list;
    const list = [...this.#announcements()].sort((a, b) => a.name < b.name ? -1 : 1);
    this.#sorted = { list, until: now + SORTED_MS };
    return list;
  }
}
