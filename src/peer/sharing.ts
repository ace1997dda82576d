import { getLogger } from "@logtape/logtape";
import { Fault, messageOf } from "../fault.ts";
import { type FileStamp, mtimeOf, openRegular, sameStamp, stampOf } from "../store/file_stamp.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { holdingOf, type Library, type Share } from "../store/library.ts";
import { resolveShare } from "../store/resolve_share.ts";
import { isInside } from "../store/safe_path.ts";
import type { SharedReader } from "../store/shared_reader.ts";
import { signAnnouncement } from "../trust/announcement.ts";
import type { Identity } from "../trust/identity.ts";
import type { Announcement } from "../wire/protocol.ts";
import fs from "node:fs";
import type { BootstrapClient } from "./bootstrap_client.ts";
import type { Target } from "./find_target.ts";
import type { SharedFile, ShareOptions, ShareRequest, ShareResult } from "./peer_api.ts";

const log = getLogger(["shoal", "peer", "sharing"]);

export interface SharingOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  identity: Identity;
  library: Library;
  cache: HashCache;
  reader: SharedReader;
  /** Told what comes and goes. */
  bootstraps: BootstrapClient[];
}

/** Decides what is shared: by request, by having been fetched, and as long as the file is there. */
export class Sharing {
  readonly #options: SharingOptions;

  /** What is being fetched, by name: others may have of it what there is. */
  readonly #offers = new Map<string, Announcement>();

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** See PeerApi.share. */
  async share(request: ShareRequest, options: ShareOptions): Promise<ShareResult> {
    const started = performance.now();
    const { name, path } = await resolveShare(request.file, { ...request, dir: this.#options.dir });
    const other = this.#options.library.get(name);
    if (other && other.path !== path) {
      throw new Fault(
        "usage",
        `Cannot share ${path}: the name ${name} is taken by ${other.path}; unshare that first`,
      );
    }
    const hashed = await this.#publish(name, path, options);
    const share = this.#options.library.get(name)!;
    return { ...viewOf(share), hashed, seconds: (performance.now() - started) / 1000 };
  }

  /** Stops sharing a name. Throws a `not_found` Fault. */
  async unshare(name: string): Promise<Share> {
    const share = this.#options.library.remove(name.normalize("NFC"));
    if (!share) throw new Fault("not_found", `Cannot unshare ${name}: it is not shared here`);
    this.#options.reader.forget(share.path);
    await this.#tell((bootstrap) => bootstrap.withdraw([holdingOf(share)]));
    return share;
  }

  /**
   * Shares a file that was fetched into DIR, under its publisher's announcement. One that nobody
   * signed for, or that goes by another name here, is not shared.
   */
  async adopt({ announcement }: Target, name: string, path: string, stamp: FileStamp) {
    const { dir, library } = this.#options;
    if (!announcement || announcement.name !== name || !isInside(dir, path)) return;
    const before = library.add(announcement, path, stamp);
    await this.#announce(announcement, before);
  }

  /** What to tell bootstraps: all that can be had here, wholly or in part. */
  *announcements(): Generator<Announcement> {
    yield* this.#options.library.announcements();
    yield* this.#offers.values();
  }

  /**
   * Announces a file that is being fetched, under its publisher's announcement. Returns how to take
   * that back; once the file is shared, it stands.
   */
  offer(announcement: Announcement): () => void {
    const { library } = this.#options;
    const { name, id } = announcement;
    if (library.get(name) || this.#offers.has(name)) return () => {};
    this.#offers.set(name, announcement);
    void this.#tell((bootstrap) => bootstrap.announce([announcement]));
    return () => {
      this.#offers.delete(name);
      if (library.get(name)?.announcement.id === id) return;
      void this.#tell((bootstrap) => bootstrap.withdraw([{ name, id }]));
    };
  }

  /** Shares no longer what is not there any more. It comes back when the file does. */
  withdraw(share: Share, why: string): void {
    if (!share.available) return;
    share.available = false;
    this.#options.reader.forget(share.path);
    log.info("{name} is withdrawn: the file {why}", { name: share.announcement.name, why });
    void this.#tell((bootstrap) => bootstrap.withdraw([holdingOf(share)]));
  }

  /** A share of that content whose file was just seen to be there, unchanged. */
  present(id: string): Share | undefined {
    const share = this.#options.library.withId(id);
    if (!share) return;
    const state = compare(share);
    if (state === "same") return share;
    this.withdraw(share, state);
  }

  /**
   * Looks at every shared file. What changed is withdrawn; then, unless `hash` is false, it is shared
   * anew if it is this peer's own.
   */
  async rescan({ signal, hash = true }: { signal: AbortSignal; hash?: boolean }): Promise<void> {
    for (const share of this.#options.library.list()) {
      signal.throwIfAborted();
      const { name, publisher } = share.announcement;
      const state = compare(share);
      if (state === "same") {
        if (!share.available) await this.#restore(share);
        continue;
      }
      this.withdraw(share, state);
      if (!hash || state === "vanished" || publisher !== this.#options.identity.id) continue;
      try {
        await this.#publish(name, share.path, { signal });
      } catch (error) {
        signal.throwIfAborted();
        log.warning("{name} is not shared: {why}", { name, why: messageOf(error) });
      }
    }
  }

  /** Hashes a file if need be, signs for it and announces it; true when it was hashed. */
  async #publish(name: string, path: string, options: ShareOptions): Promise<boolean> {
    const { identity, library, cache } = this.#options;
    const { id, stamp, hashed } = await cache.identify(path, options);
    const known = library.get(name);
    if (known?.announcement.id === id && known.available && sameStamp(known.stamp, stamp)) {
      return hashed;
    }
    const mtime = mtimeOf(stamp);
    // Later than what it replaces, even when the clock was set back: others take an older one for a
    // replay.
    const own = known?.announcement.publisher === identity.id ? known.announcement.time : 0;
    const time = Math.max(Date.now(), own + 1);
    const announcement = known?.announcement.id === id && known.announcement.mtime === mtime
      ? known.announcement
      : await signAnnouncement(identity, { name, id, size: stamp.size, mtime, time });
    await this.#announce(announcement, library.add(announcement, path, stamp));
    return hashed;
  }

  async #restore(share: Share): Promise<void> {
    share.available = true;
    await this.#announce(share.announcement, undefined);
  }

  /** Announces a share that took the place of `before`. */
  async #announce(announcement: Share["announcement"], before: Share | undefined): Promise<void> {
    await this.#tell(async (bootstrap) => {
      if (before && before.announcement.id !== announcement.id) {
        await bootstrap.withdraw([holdingOf(before)]);
      }
      await bootstrap.announce([announcement]);
    });
  }

  /** A bootstrap that can't be told now is told everything when it is back. */
  async #tell(say: (bootstrap: BootstrapClient) => Promise<void>): Promise<void> {
    await Promise.all(
      this.#options.bootstraps.map((bootstrap) =>
        say(bootstrap).catch((error) => log.debug("{why}", { why: messageOf(error) }))
      ),
    );
  }
}

/** A share as others may see it. */
export function viewOf({ announcement, path, served, available }: Share): SharedFile {
  const { name, id, size, mtime, publisher } = announcement;
  return { name, path, id, size, mtime, publisher, served, available };
}

function compare(share: Share): "same" | "changed" | "vanished" {
  let fd: number;
  try {
    fd = openRegular(share.path, "share");
  } catch {
    return "vanished";
  }
  const same = sameStamp(stampOf(fd), share.stamp);
  fs.closeSync(fd);
  return same ? "same" : "changed";
}
