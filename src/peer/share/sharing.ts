import { getLogger } from "@logtape/logtape";
import { Fault, inQuotes, messageOf, quoted } from "../../fault.ts";
import { mtimeOf, sameStamp, SETTLED_MS } from "../../store/disk/file_stamp.ts";
import type { DescribedFolder, FolderManifests } from "../../store/shares/folder_manifests.ts";
import type { FolderFiles } from "../../store/shares/folder_files.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { isFolder } from "../../store/disk/is_folder.ts";
import { fingerprintTree } from "../../store/tree/tree_fingerprint.ts";
import type { Library, Place, Share } from "../../store/shares/library.ts";
import { resolveShare } from "../../store/shares/resolve_share.ts";
import { foldName, givenName } from "../../content/safe_path.ts";
import { hangs, isSlow, learnDisk, patiently } from "../../store/disk/slow_disks.ts";
import { absolutePath, isInside } from "../../system/paths.ts";
import type { SharedReader } from "../../store/disk/shared_reader.ts";
import { isAhead, signAnnouncement, type Unsigned } from "../../trust/announcement.ts";
import type { Identity } from "../../trust/identity.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { Announcements } from "../discovery/announcements.ts";
import type { Target } from "../target/target.ts";
import type {
  LeftOut,
  PeerEvent,
  ShareOptions,
  ShareRequest,
  ShareResult,
} from "../api/peer_api.ts";
import { fileState, shareState } from "./share_state.ts";
import { RANK, ShareWork, Superseded } from "./share_work.ts";
import { placeOf, viewOf } from "./share_view.ts";
import { ShareWatcher } from "./share_watcher.ts";

const log = getLogger(["shoal", "peer", "sharing"]);

/** The state of what lies on a disk that hangs, as the end of a sentence about it. */
export const HANGS = "is on a disk that does not answer";

interface SharingOptions {
  /** The shared folder: absolute, free of links. */
  dir: string;
  identity: Identity;
  library: Library;
  cache: HashCache;
  reader: SharedReader;
  manifests: FolderManifests;
  folderFiles: FolderFiles;
  /** The announcements to keep up to date. */
  announced: Announcements;
  /** Hears when a name begins or ends to be shared, or stands for other content. */
  emit?: (event: PeerEvent) => void;
}

/** A file or folder as it was just seen. */
interface Described {
  content: Omit<Unsigned, "name" | "time">;
  place: Place;
  /** False when nothing had to be read. */
  hashed: boolean;
  files?: DescribedFolder["files"];
  leftOut?: LeftOut[];
  /** Lets a folder's manifest go. */
  release?(): void;
}

/** Decides what is shared: by request, by having been fetched, and as long as the file is there. */
export class Sharing {
  readonly #options: SharingOptions;
  /** All that changes what a name stands for passes through here. */
  readonly #work = new ShareWork();
  /** Fingerprints of folders at a look that found them as they are announced. */
  readonly #seen = new WeakMap<Share, string>();
  /** Time that looking at folders took in this rescan, in milliseconds. */
  #lookedMs = 0;
  /** The times at which names were unshared, by performance.now(). */
  readonly #unshared = new Map<string, number>();
  /** Tells of changes while a peer serves. */
  #watcher: ShareWatcher | undefined;

  constructor(options: SharingOptions) {
    this.#options = options;
  }

  /** See PeerApi.share. */
  async share(request: ShareRequest, options: ShareOptions): Promise<ShareResult> {
    const started = performance.now();
    const { name, path } = await patiently(
      absolutePath(request.file, request.cwd),
      () => resolveShare(request.file, { ...request, dir: this.#options.dir }),
    );
    await learnDisk(path);
    return await this.#work.run(
      name,
      { rank: RANK.publish, signal: options.signal },
      async (signal) => {
        this.#requireFree(name, path);
        if (request.watch && !this.#watcher) {
          throw new Fault(
            "usage",
            `Cannot watch ${inQuotes(path)}: no peer is running for this folder`,
          );
        }
        const { hashed, leftOut } = await this.#publish(name, path, { ...options, signal });
        const share = this.#options.library.get(name)!;
        if (request.watch !== undefined) this.#options.library.watch(share, request.watch);
        this.#follow(share);
        const seconds = (performance.now() - started) / 1000;
        return { ...viewOf(share), hashed, seconds, left_out: leftOut };
      },
    );
  }

  /** Throws a `usage` Fault when the name, or one that a disk may take for it, stands for another path. */
  #requireFree(name: string, path: string): void {
    const other = this.#options.library.get(name);
    const taken = other && placeOf(other);
    if (taken !== undefined && taken !== path) {
      throw new Fault(
        "usage",
        `Cannot share ${inQuotes(path)}: the name ${name} is taken by ${taken}; unshare that first`,
      );
    }
    const collision = this.#options.library.collisionWith(name);
    if (collision) {
      const why = "the same name but for case or Unicode form; unshare that first";
      throw new Fault(
        "usage",
        `Cannot share ${inQuotes(path)}: ${collision.announcement.name} is shared, ${why}`,
      );
    }
  }

  /** Watches shares for changes from now on; `onChange` receives their names. */
  watch(onChange: (name: string) => void): void {
    this.#watcher = new ShareWatcher(onChange);
    for (const share of this.#options.library.list()) this.#follow(share);
  }

  unwatch(): void {
    this.#watcher?.close();
  }

  /**
   * Stops sharing a name. What is under way on it is ended first, and nothing of it is published any
   * more, a download of it that is still to arrive included. Throws a `not_found` Fault.
   */
  async unshare(given: string): Promise<Share> {
    const name = givenName(given);
    if (!this.#options.library.get(name)) throw notShared(name);
    const reason = new Fault("usage", `Cannot share ${quoted(name)}: it was unshared meanwhile`);
    return await this.#work.run(name, { rank: RANK.withdraw, reason }, async () => {
      const share = this.#options.library.remove(name);
      if (!share) throw notShared(name);
      this.#watcher?.unwatch(name);
      this.#options.folderFiles.remove(name);
      this.#options.reader.forget(share.path);
      if (share.root !== undefined) this.#options.manifests.tidy(idsOf(this.#options.library));
      this.#unshared.set(foldName(name), performance.now());
      this.#options.announced.endOffer(name);
      await this.#options.announced.withdraw(share);
      this.#options.emit?.({ event: "unshared", file: viewOf(share) });
      return share;
    });
  }

  /**
   * Shares a file or folder that was fetched into DIR, under its publisher's announcement. False
   * for one that is unsigned, that goes by another name here, or whose name only differs in case or
   * Unicode form from a shared one; and for one whose name was unshared `since` its download began,
   * by performance.now(). `files` are a folder's.
   */
  async adopt(
    { announcement }: Target,
    name: string,
    place: Place,
    { files, since = performance.now() }: { files?: DescribedFolder["files"]; since?: number } = {},
  ): Promise<boolean> {
    const { dir, library, folderFiles, announced } = this.#options;
    if (!announcement || announcement.name !== name) return false;
    if (!isInside(dir, place.root ?? place.path)) return false;
    if (since <= (this.#unshared.get(foldName(name)) ?? -1)) return false;
    return await this.#work.run(name, { rank: RANK.publish }, async () => {
      if (library.collisionWith(name)) return false;
      const before = library.add(
        announcement,
        files ? this.#keepManifest(announcement.id, place) : place,
      );
      if (files) folderFiles.put(name, files);
      else folderFiles.remove(name);
      if (before?.root !== undefined) this.#options.manifests.tidy(idsOf(library));
      await announced.announce(announcement);
      this.#emitShared(announcement, before);
      return true;
    });
  }

  #keepManifest(id: string, place: Place): Place {
    const { manifests } = this.#options;
    return { ...place, path: manifests.pathOf(id), stamp: manifests.adopt(id, place.path) };
  }

  /** Shares no longer what is not there any more. It comes back when the file does. */
  withdraw(share: Share, why: string): void {
    if (!share.available) return;
    share.available = false;
    this.#options.reader.forget(share.path);
    log.info("{name} is withdrawn: the file {why}", { name: share.announcement.name, why });
    void this.#options.announced.withdraw(share);
  }

  /** A share of that content whose file was just seen to be there, unchanged. */
  present(id: string): Share | undefined {
    const share = this.#options.library.withId(id);
    if (!share) return;
    // Looking may hang; what is read of it is held against its stamp.
    if (isSlow(placeOf(share))) return hangs(placeOf(share)) ? undefined : share;
    const state = fileState(share, this.#options.dir);
    if (state === "same") return share;
    this.withdraw(share, state);
  }

  /**
   * Looks at every shared file. What changed is withdrawn; then, unless `hash` is false, it is shared
   * anew if it is this peer's own. Returns how long folders were looked at where nothing had changed, in
   * milliseconds: what the next look will take, too.
   */
  async rescan({ signal, hash = true }: { signal: AbortSignal; hash?: boolean }): Promise<number> {
    this.#lookedMs = 0;
    for (const share of this.#options.library.list()) {
      signal.throwIfAborted();
      await this.#look(share, { signal, hash });
    }
    return this.#lookedMs;
  }

  /** As {@link rescan}, for one share. */
  async refresh(name: string, signal: AbortSignal): Promise<void> {
    const share = this.#options.library.get(name);
    if (share) await this.#look(share, { signal, hash: true });
  }

  /** Looks at a share, unless a request about it comes, which sees for itself. */
  async #look(
    { announcement: { name } }: Share,
    { signal, hash }: { signal: AbortSignal; hash: boolean },
  ): Promise<void> {
    try {
      await this.#work.run(name, { rank: RANK.look, signal }, async (signal) => {
        const share = this.#options.library.get(name);
        if (share) await this.#lookAt(share, { signal, hash });
      });
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof Superseded || error instanceof Fault)) throw error;
      log.debug("A look at {name} was ended: {why}", { name, why: messageOf(error) });
    }
  }

  async #lookAt(
    share: Share,
    { signal, hash }: { signal: AbortSignal; hash: boolean },
  ): Promise<void> {
    const { name, publisher } = share.announcement;
    const own = publisher === this.#options.identity.id;
    try {
      await learnDisk(placeOf(share));
    } catch {
      return this.withdraw(share, HANGS);
    }
    const since = Date.now();
    const started = performance.now();
    const tree = hash && share.root ? await this.#fingerprint(share, signal) : undefined;
    if (hangs(placeOf(share))) return this.withdraw(share, HANGS);
    this.#lookedMs += performance.now() - started;
    if (tree && share.available && this.#seen.get(share) === tree.hash) hash = false;
    const state = await this.#stateOf(share, { hash: hash && !own, signal });
    signal.throwIfAborted();
    // What has changed in a folder shows only when all of it is looked at.
    const there = state !== "vanished" && state !== "became a link";
    // What was signed while the clock was ahead is found by no peer any more.
    const ahead = isAhead(share.announcement.time);
    const again = own && there && (ahead || hash && !(state === "same" && this.#isSettled(share)));
    if (state !== "same") this.withdraw(share, state);
    else if (!share.available) {
      share.available = true;
      await this.#options.announced.restore(share);
    }
    if (again) {
      try {
        await this.#publish(name, placeOf(share), { signal });
      } catch (error) {
        signal.throwIfAborted();
        log.warning("{name} is not shared: {why}", { name, why: messageOf(error) });
        return;
      }
    }
    const now = this.#options.library.get(name);
    if (hash && now?.available && tree && tree.changed <= since - SETTLED_MS) {
      this.#seen.set(now, tree.hash);
    }
  }

  /** Undefined where it can't be told. */
  async #fingerprint({ root }: Share, signal: AbortSignal) {
    try {
      return await fingerprintTree(root!, signal);
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
  }

  async #stateOf(share: Share, options: { hash: boolean; signal: AbortSignal }) {
    try {
      return await shareState(share, { ...this.#options, ...options });
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof Fault)) throw error;
      return "changed";
    }
  }

  /** True for a file of which no change since it was hashed could be hidden. */
  #isSettled({ root, path }: Share): boolean {
    return root === undefined && this.#options.cache.lookup(path)?.settled === true;
  }

  /**
   * Hashes what is at `path` if need be, signs for it and announces it. Once the signal has aborted,
   * nothing is published any more.
   */
  async #publish(
    name: string,
    path: string,
    options: ShareOptions & { signal: AbortSignal },
  ): Promise<Described> {
    const described = await this.#describe(path, options);
    try {
      await this.#publishAs(name, described, options.signal);
      return described;
    } finally {
      described.release?.();
    }
  }

  async #publishAs(name: string, described: Described, signal: AbortSignal): Promise<void> {
    const { library, manifests, folderFiles } = this.#options;
    const { content, files } = described;
    const known = library.get(name);
    const place = { ...described.place, watched: known?.watched };
    const same = known?.announcement.id === content.id;
    const stands = same && known.available && !isAhead(known.announcement.time);
    if (stands && sameStamp(known.stamp, place.stamp)) return;
    const signed = same && known.announcement.mtime === content.mtime &&
      !isAhead(known.announcement.time);
    const announcement = signed ? known.announcement : await this.#sign({ name, ...content });
    signal.throwIfAborted();
    const before = library.add(announcement, place);
    if (files) folderFiles.put(name, files);
    else folderFiles.remove(name);
    described.release?.();
    if (before?.root !== undefined || files) manifests.tidy(idsOf(library));
    await this.#options.announced.announce(announcement);
    this.#emitShared(announcement, before);
  }

  /** Emits what a name stands for now, unless that is what it stood for. */
  #emitShared({ name }: Announcement, before: Share | undefined): void {
    const share = this.#options.library.get(name);
    if (!share || !this.#options.emit) return;
    const file = viewOf(share);
    const previous = before?.announcement.id;
    if (previous === undefined) this.#options.emit({ event: "shared", file });
    else if (previous !== file.id) this.#options.emit({ event: "new_version", file, previous });
  }

  /**
   * Signs for a name's content. The time is later than that of the content before, even when the
   * clock was set back, and when it was not shared in between: others take an older one for a
   * replay. Unless that time is ahead, when no peer takes it any more.
   */
  async #sign(content: Omit<Unsigned, "time">): Promise<Announcement> {
    const { identity, library } = this.#options;
    const share = library.get(content.name)?.announcement;
    const shared = share?.publisher === identity.id ? share.time : 0;
    const last = Math.max(shared, library.lastSigned(content.name));
    const time = isAhead(last) ? Date.now() : Math.max(Date.now(), last + 1);
    const announcement = await signAnnouncement(identity, { ...content, time });
    library.noteSigned(announcement);
    return announcement;
  }

  async #describe(path: string, options: ShareOptions): Promise<Described> {
    const { cache, manifests } = this.#options;
    if (isFolder(path)) return await manifests.describe(path, options);
    const { id, stamp, hashed } = await cache.identify(path, options);
    return {
      content: { id, size: stamp.size, mtime: mtimeOf(stamp) },
      place: { path, stamp },
      hashed,
    };
  }

  #follow(share: Share): void {
    const { name, publisher } = share.announcement;
    if (share.watched && publisher === this.#options.identity.id) {
      this.#watcher?.watch(name, placeOf(share), share.root !== undefined);
    } else this.#watcher?.unwatch(name);
  }
}

function notShared(name: string): Fault {
  return new Fault("not_found", `Cannot unshare ${quoted(name)}: it is not shared here`, {
    next: "see what is: shoal peer status",
  });
}

function idsOf(library: Library): Set<string> {
  return new Set(library.list().map(({ announcement }) => announcement.id));
}
