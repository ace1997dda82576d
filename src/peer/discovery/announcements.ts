import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { holdingOf, type Library, type Share } from "../../store/shares/library.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { BootstrapClient } from "./bootstrap_client.ts";

const log = getLogger(["shoal", "peer", "sharing"]);

/** The contents that bootstraps are told of: those that can be had here, wholly or in part. */
export class Announcements {
  readonly #library: Library;
  readonly #bootstraps: BootstrapClient[];
  /** The contents being fetched, by name: others may fetch the part that is here. */
  readonly #offers = new Map<string, Announcement>();
  /** Contents that were fetched and aren't shared, but served while this peer runs, by name. */
  readonly #seeded = new Map<string, Announcement>();

  constructor(library: Library, bootstraps: BootstrapClient[]) {
    this.#library = library;
    this.#bootstraps = bootstraps;
  }

  /** All of it, for a bootstrap that knows none. */
  *list(): Generator<Announcement> {
    for (const announcement of this.#library.announcements()) {
      if (!this.#offers.has(announcement.name)) yield announcement;
    }
    yield* this.#offers.values();
    yield* this.#seeded.values();
  }

  /** In place of what was announced by that name before: at no time is there nothing. */
  async announce(announcement: Announcement): Promise<void> {
    await this.#tell((bootstrap) => bootstrap.announce([announcement]));
  }

  /** Announces a share that is there again, unless something else is announced by its name. */
  async restore({ announcement }: Share): Promise<void> {
    if (!this.#offers.has(announcement.name)) await this.announce(announcement);
  }

  /** No longer announces that what a name stands for is being fetched. */
  endOffer(name: string): void {
    const offer = this.#offers.get(name);
    if (!this.#offers.delete(name)) return;
    void this.#tell((bootstrap) => bootstrap.withdraw([{ name, id: offer!.id }]));
  }

  async withdraw(share: Share): Promise<void> {
    await this.#tell((bootstrap) => bootstrap.withdraw([holdingOf(share)]));
  }

  /**
   * Announces what is being fetched, under its publisher's announcement: in place of another version
   * that is shared, since to bootstraps a name stands for one content of each peer's. Returns how to
   * take that back; once it is shared, it stands.
   */
  offer(announcement: Announcement): () => void {
    const { name, id } = announcement;
    if (this.#library.get(name)?.announcement.id === id || this.#offers.has(name)) return () => {};
    this.#offers.set(name, announcement);
    void this.announce(announcement);
    return () => {
      if (this.#offers.get(name) !== announcement) return;
      this.#offers.delete(name);
      const share = this.#library.get(name);
      if (share?.announcement.id === id || this.#seeded.has(name)) return;
      if (share?.available) void this.announce(share.announcement);
      else void this.#tell((bootstrap) => bootstrap.withdraw([{ name, id }]));
    };
  }

  /** Announces a whole file that isn't shared, for as long as this peer runs. */
  seed(announcement: Announcement): void {
    if (this.#library.get(announcement.name)) return;
    this.#seeded.set(announcement.name, announcement);
    void this.announce(announcement);
  }

  /** Tells all bootstraps. One that is away is told everything when it is back. */
  async #tell(say: (bootstrap: BootstrapClient) => Promise<void>): Promise<void> {
    await Promise.all(
      this.#bootstraps.map((bootstrap) =>
        say(bootstrap).catch((error) => log.debug("{why}", { why: messageOf(error) }))
      ),
    );
  }
}
