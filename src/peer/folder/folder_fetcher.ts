import type { FileEntry, ManifestEntry } from "../../content/manifest.ts";
import type { ManifestPart } from "../../content/manifest_part.ts";
import { Fault } from "../../fault.ts";
import { compareTree, type TreeState } from "../../store/tree/compare_tree.ts";
import type { Download } from "../../store/partial/download_store.ts";
import { restamp } from "../../store/disk/file_stamp.ts";
import { KnownTrees, type TreeContent } from "../../store/tree/known_trees.ts";
import { isInside, parentOf } from "../../system/paths.ts";
import type { Staging } from "../../store/tree/staging.ts";
import { TargetLock } from "../../store/state/target_lock.ts";
import {
  clearPlace,
  otherIn,
  placeStaged,
  removeOthers,
  setAttributes,
} from "../../store/tree/update_tree.ts";
import { makeParents } from "../target/destination.ts";
import { findSources } from "../download/find_sources.ts";
import { FolderContents, type FolderContentsOptions, type StagedFile } from "./folder_contents.ts";
import type { FolderPlace } from "../target/folder_place.ts";
import { FolderStagings } from "./folder_stagings.ts";
import {
  findingsOn,
  type FolderReceipt,
  receiptOfBrought,
  receiptOfKnown,
} from "./folder_receipt.ts";
import type { GetRequest, PeerRecord, Progress } from "../api/peer_api.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { Servable } from "../../store/disk/servable.ts";
import type { Source } from "../download/source.ts";
import type { Swarm } from "../discovery/swarm.ts";
import type { ActiveTransfer } from "../status/transfers.ts";
import { syncFolder } from "../../system/sync_folder.ts";
import { requireFreeSpace } from "../../system/free_space.ts";

export interface FolderFetcherOptions extends
  Pick<
    FolderContentsOptions,
    "self" | "cache" | "digests" | "db" | "disk" | "downloads" | "budget" | "isRunning"
  > {
  /** The shared folder: absolute, free of links. */
  dir: string;
  swarm: Swarm;
  /** Called when a large file of a folder can be served while it grows; returns how to stop that. */
  onGrowingPart: (partial: Servable) => () => void;
}

/** One folder to be fetched: its manifest is here. */
interface FolderJob {
  request: GetRequest;
  /** The part of the folder: "" is all. */
  inside: string;
  /** The folder's id and its manifest's size. */
  target: { id: string; size: number };
  part: Extract<ManifestPart, { kind: "folder" }>;
  /** Looks at where it goes, and decides what may be done there. */
  settle: () => Promise<FolderPlace>;
  transfer: ActiveTransfer;
  signal: AbortSignal;
  /** The time to wait while no source can be reached, in milliseconds. */
  patience?: number;
  limits: RateLimiter[];
  /** Is told what the work is at. */
  phase: (phase: Progress["phase"]) => void;
  /** Throws when what was taken is not to be taken any more; called before anything is placed. */
  confirm: () => void;
  /** Is told of bytes as they come. */
  onBytes?: (bytes: number) => void;
  /** Called before files are fetched, with what finds those that are here by their ids. */
  onStaging: (staged: (id: string) => StagedFile | undefined) => void;
}

/** The outcome of fetching a folder. */
export interface FolderOutcome {
  receipt: FolderReceipt;
  /** True when things stand there that are not in the folder. */
  mixed: boolean;
  /** The places of the files of a new folder. */
  files: { path: string; id: string }[];
}

/**
 * Puts a folder on disk. A new one is put together out of sight and appears whole; one that is there is
 * brought up to date, each file in one step. What a try that failed left is used by the next one.
 */
export class FolderFetcher {
  readonly #options: FolderFetcherOptions;
  readonly #trees: KnownTrees;
  readonly #stagings: FolderStagings;
  readonly #underWay = new Set<string>();

  constructor(options: FolderFetcherOptions) {
    this.#options = options;
    this.#trees = new KnownTrees(options.db);
    this.#stagings = new FolderStagings(options);
  }

  /**
   * The outcome for a folder that stands at a request's destination and looks as it did when it was
   * last found to be that content; undefined when that isn't known, or something is to be done.
   */
  async recall(
    request: GetRequest,
    content: TreeContent,
    { settle, signal }: Pick<FolderJob, "settle" | "signal">,
  ): Promise<FolderOutcome | undefined> {
    if (!this.#trees.has(content)) return;
    const { path } = await settle();
    const known = await this.#trees.recall(path, content, signal);
    if (!known || request.delete && !known.alone) return;
    return { receipt: receiptOfKnown(path, known.findings), mixed: !known.alone, files: [] };
  }

  /**
   * Throws a `destination` Fault, before anything is fetched, when what stands there differs and
   * may not be changed, a `held` Fault when another download writes there, and as FolderContents
   * does.
   */
  async fetch(job: FolderJob): Promise<FolderOutcome> {
    job.transfer.size = job.part.bytes;
    job.phase("checking");
    const before = await job.settle();
    const { path } = before;
    const found = await this.#look(job, before);
    if (found?.nothing) {
      const receipt = receiptOfKnown(path, findingsOn(job.part));
      return { receipt, mixed: found.mixed, files: [] };
    }
    using _lock = TargetLock.take(path);
    // Until now, another program may have written there.
    const place = await job.settle();
    const state = await this.#look(job, place);
    return await (state ? this.#update(job, place, state) : this.#fetchNew(job, place));
  }

  /** True while a large file is fetched as a part of a folder. */
  isFetching(id: string): boolean {
    return this.#underWay.has(id);
  }

  /** Uses what was staged, for the same place, of an older version that was not finished. */
  inherit(id: string, older: string, { path, exists }: FolderPlace): void {
    this.#stagings.inherit(id, older, exists ? `${path}/.` : path);
  }

  /** True when something of a folder is staged. */
  begun(id: string): boolean {
    return this.#stagings.begun(id);
  }

  /** Removes what is staged of an unfinished folder. */
  discard(download: Download): void {
    this.#stagings.discard(download);
  }

  /**
   * Compares what stands at a place with the folder; undefined when nothing does. `nothing` is true
   * when it may stay as it is, and `mixed` when other things than the folder's are there too.
   * Throws a `destination` Fault when something is to be done that may not be.
   */
  async #look(
    job: FolderJob,
    { path, permit, exists }: FolderPlace,
  ): Promise<TreeState & { nothing: boolean; mixed: boolean } | undefined> {
    const { request, part, target: { id }, signal, transfer } = job;
    transfer.before = -transfer.meter.total;
    if (!exists) return;
    const since = Date.now();
    const state = await this.#compare(job, path, part.entries);
    const [missing] = state.missing;
    if (missing) permit.requireReplace(path, missing.path);
    const other = await otherIn(path, part.entries, signal);
    if (other !== undefined && request.delete) permit.requireDelete(path, other);
    const mixed = other !== undefined;
    const same = !missing && state.touched.length === 0;
    if (same) {
      const findings = findingsOn(part);
      const content = { id, part: job.inside };
      await this.#trees.remember(path, content, { findings, since, signal });
    }
    const asItShould = same && !(mixed && permit.deletes);
    return { ...state, mixed, nothing: !missing && (!permit.replaces || asItShould) };
  }

  async #fetchNew(job: FolderJob, { path }: FolderPlace): Promise<FolderOutcome> {
    const { target, part: { entries }, signal } = job;
    const { dir } = this.#options;
    const staging = this.#stagings.open(target.id, path);
    const state = await this.#compare(job, staging.root, entries);
    for (const entry of entries) if (entry.type === "folder") staging.makeFolder(entry.path);
    const here = placesOf(state, staging.root);
    const contents = await this.#stage(job, filesOf(state.missing), { staging, here });
    for (const { entry } of state.present) contents.stamps.set(entry.path, staging.settle(entry));
    for (const entry of state.missing) if (entry.type === "link") staging.link(entry);
    await removeOthers(staging.at(), entries, signal);
    job.phase("finishing");
    job.confirm();
    await staging.sync(signal);
    if (isInside(dir, path)) await makeParents(dir, path);
    staging.publish(path);
    syncFolder(parentOf(path));
    return this.#outcome(job, path, state, { contents, staging });
  }

  async #update(
    job: FolderJob,
    place: FolderPlace,
    state: TreeState & { mixed: boolean },
  ): Promise<FolderOutcome> {
    const { target, part: { entries }, signal } = job;
    const { path: root, permit } = place;
    const [blocked] = state.inTheWay;
    if (blocked && !permit.deletes) {
      throw new Fault("destination", `Cannot write ${root}/${blocked.path}: ${blocked.why}`, {
        next: "remove that, or add --delete, and run it again",
      });
    }
    const staging = this.#stagings.open(target.id, `${root}/.`);
    const staged = await this.#compare(job, staging.root, filesOf(state.missing));
    const here = new Map([...placesOf(state, root), ...placesOf(staged, staging.root)]);
    const contents = await this.#stage(job, filesOf(staged.missing), { staging, here });
    for (const { entry } of staged.present) contents.stamps.set(entry.path, staging.settle(entry));
    for (const entry of state.missing) if (entry.type === "link") staging.link(entry);
    job.phase("finishing");
    job.confirm();
    await staging.sync(signal);
    for (const { path } of state.inTheWay) await clearPlace(place, path);
    await placeStaged(place, { staging, entries: state.missing, signal });
    const set = setAttributes(place, state.touched);
    const deleted = permit.deletes ? await removeOthers(place, entries, signal) : 0;
    staging.remove();
    const up_to_date = state.missing.length === 0 && deleted === 0 && set === 0;
    const mixed = state.mixed && !permit.deletes;
    return this.#outcome(job, root, state, { contents, staging, mixed, deleted, up_to_date });
  }

  #compare(job: FolderJob, root: string, entries: ManifestEntry[]): Promise<TreeState> {
    const { transfer, signal } = job;
    const onPresent = (bytes: number) => void (transfer.before += bytes);
    return compareTree(root, entries, { cache: this.#options.cache, signal, onPresent });
  }

  /** `here` are files that need not be staged: they are served while the others are fetched. */
  async #stage(
    job: FolderJob,
    files: FileEntry[],
    { staging, here }: { staging: Staging; here: Map<string, StagedFile> },
  ): Promise<FolderContents> {
    const { request, target, transfer, signal, limits } = job;
    const { swarm, downloads } = this.#options;
    requireRoom(staging.root, files);
    const find = (connected: Source[], found: (records: PeerRecord[]) => void) =>
      findSources(target.id, connected, { swarm, signal, found });
    const sources: PeerRecord[] = [];
    if (files.length > 0) {
      await find([], (records) => void sources.push(...records)).catch(() => {});
    }
    job.phase("connecting");
    const contents = new FolderContents(files, {
      ...this.#options,
      underWay: this.#underWay,
      onGrowing: this.#options.onGrowingPart,
      onBytes: job.onBytes,
      ...{ folder: target, name: request.name, staging, find, transfer, signal, limits },
      sources,
      waitMs: job.patience,
    });
    job.phase("fetching");
    job.onStaging((id) => contents.staged(id) ?? here.get(id));
    try {
      await contents.run();
    } catch (error) {
      downloads.reach(target.id, transfer.bytes);
      if (!(error instanceof Fault) || error === signal.reason) throw error;
      if (error.message.startsWith("Cannot ")) throw error;
      throw new Fault(error.kind, `Cannot get ${request.name}: ${error.message}`, { cause: error });
    }
    return contents;
  }

  #outcome(
    { part, transfer }: FolderJob,
    path: string,
    state: Pick<TreeState, "present" | "touched">,
    { contents, staging, mixed = false, deleted = 0, up_to_date = false }: {
      contents: FolderContents;
      staging: Staging;
      mixed?: boolean;
      deleted?: number;
      up_to_date?: boolean;
    },
  ): FolderOutcome {
    const { cache } = this.#options;
    const present = new Map(state.present.map(({ entry, stamp }) => [entry.path, stamp]));
    const touched = new Set(state.touched.map((entry) => entry.path));
    const files = filesOf(part.entries).map(({ path: inside, id }) => {
      const place = `${path}/${inside}`;
      const staged = contents.stamps.get(inside);
      const stamp = staged ?? present.get(inside)!;
      const moved = staged !== undefined || touched.has(inside);
      return { path: place, id, stamp: moved ? restamp(place, stamp) : stamp };
    });
    cache.forgetUnder(staging.root);
    cache.rememberAll(files);
    transfer.before = part.bytes - transfer.meter.total;
    const unchanged = state.present.length;
    const about = { tally: contents.tally, up_to_date, unchanged, deleted };
    return { receipt: receiptOfBrought(path, findingsOn(part), about), mixed, files };
  }
}

function filesOf(entries: ManifestEntry[]): FileEntry[] {
  return entries.filter((entry) => entry.type === "file");
}

/** The right files of a tree, by their ids. */
function placesOf({ present }: TreeState, root: string): Map<string, StagedFile> {
  return new Map(
    present.map(({ entry, stamp }) => [entry.id, { path: `${root}/${entry.path}`, stamp }]),
  );
}

/** Throws a `disk` Fault when files don't fit. */
function requireRoom(folder: string, files: FileEntry[]): void {
  const needed = files.reduce((sum, { size }) => sum + size, 0);
  requireFreeSpace(folder, needed, `Cannot fetch ${needed} bytes`);
}
