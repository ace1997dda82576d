import type { FileEntry, ManifestEntry } from "../../content/manifest.ts";
import type { ManifestPart } from "../../content/manifest_part.ts";
import { Fault, inQuotes } from "../../fault.ts";
import { compareTree, type TreeState } from "../../store/tree/compare_tree.ts";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { restamp, stampOfPath } from "../../store/disk/file_stamp.ts";
import { KnownTrees } from "../../store/tree/known_trees.ts";
import { Permit } from "../../trust/permit.ts";
import { isInside, parentOf, pathIn } from "../../system/paths.ts";
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
import { findSources, recordsOf } from "../download/find_sources.ts";
import { FolderContents, type FolderContentsOptions } from "./folder_contents.ts";
import { type FolderPlace, settleFolder } from "../target/folder_place.ts";
import { FolderStagings } from "./folder_stagings.ts";
import {
  findingsOn,
  type FolderReceipt,
  receiptOfBrought,
  receiptOfKnown,
} from "./folder_receipt.ts";
import type { GetRequest, ListedPeer } from "../api/peer_api.ts";
import type { FileAt } from "../serve/whole_file.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import { trustedName } from "../target/find_folder.ts";
import type { Target } from "../target/target.ts";
import type { TrustBook } from "../target/trust_book.ts";
import { syncFolder } from "../../system/sync_folder.ts";
import { requireFreeSpace } from "../../system/free_space.ts";

export interface FolderFetcherOptions extends
  Pick<
    FolderContentsOptions,
    | "self"
    | "swarm"
    | "cache"
    | "digests"
    | "db"
    | "disk"
    | "downloads"
    | "budget"
    | "claims"
    | "history"
    | "reseeder"
  > {
  /** The shared folder: absolute, free of links. */
  dir: string;
  /** The publishers whose announcements are taken. */
  trust: TrustBook;
}

/** One folder to be fetched: its manifest is here. */
interface FolderJob {
  job: FetchJob;
  request: GetRequest;
  /** The part of the folder: "" is all. */
  inside: string;
  target: Target;
  part: Extract<ManifestPart, { kind: "folder" }>;
  signal: AbortSignal;
}

/** The work on a folder that is not as it should be, and what ends when it is done. */
interface FolderWork extends FolderJob {
  serving: DisposableStack;
}

/** The outcome of fetching a folder. */
export interface FolderOutcome {
  receipt: FolderReceipt;
  /** True when things stand there that are not in the folder. */
  mixed: boolean;
}

/** The outcome for a folder of which something was put in its place: its files are there now. */
interface Placed extends FolderOutcome {
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
    { request, inside, target, signal }: Omit<FolderJob, "job" | "part">,
  ): Promise<FolderOutcome | undefined> {
    const content = { id: target.id, part: inside };
    if (!this.#trees.has(content)) return;
    const { path } = await settleFolder(request, target.taken, this.#options.dir);
    const known = await this.#trees.recall(path, content, signal);
    if (!known || request.delete && !known.alone) return;
    return { receipt: receiptOfKnown(path, known.findings), mixed: !known.alone };
  }

  /**
   * Puts a folder on disk, and lets others have it. Throws a `destination` Fault, before anything is
   * fetched, when what stands there differs and may not be changed, a `held` Fault when another
   * download writes there, and as FolderContents does.
   */
  async fetch(wanted: FolderJob): Promise<FolderOutcome> {
    const { job, request, target, part } = wanted;
    const { dir, downloads, reseeder } = this.#options;
    job.transfer.size = part.bytes;
    job.phase = "checking";
    const before = await settleFolder(request, target.taken, dir);
    const { path } = before;
    const found = await this.#look(wanted, before);
    if (found?.nothing) {
      return { receipt: receiptOfKnown(path, findingsOn(part)), mixed: found.mixed };
    }
    using _lock = TargetLock.take(path, pathIn(parentOf(downloads.folder()), "locks"));
    // Until now, another program may have written there.
    const place = await settleFolder(request, target.taken, dir);
    const state = await this.#look(wanted, place);
    using serving = new DisposableStack();
    const work = { ...wanted, serving };
    const { receipt, mixed, files } = state
      ? await this.#update(work, place, state)
      : await this.#fetchNew(work, place);
    if (!receipt.up_to_date && job.name === target.announcement?.name) {
      const manifest = { ...manifestOf(target.id, downloads), root: place.path };
      await reseeder.fetched(target, job.name, manifest, files);
    }
    return { receipt, mixed };
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
    work: FolderJob,
    { path, permit, exists }: FolderPlace,
  ): Promise<TreeState & { nothing: boolean; mixed: boolean } | undefined> {
    const { request, part, target: { id }, signal, job: { transfer } } = work;
    transfer.before = -transfer.meter.total;
    if (!exists) return;
    const since = Date.now();
    const state = await this.#compare(work, path, part.entries);
    const [missing] = state.missing;
    if (missing) permit.requireReplace(path, missing.path);
    const other = await otherIn(path, part.entries, signal);
    if (other !== undefined && request.delete) permit.requireDelete(path, other);
    const mixed = other !== undefined;
    const same = !missing && state.touched.length === 0;
    if (same) {
      const findings = findingsOn(part);
      const content = { id, part: work.inside };
      await this.#trees.remember(path, content, { findings, since, signal });
    }
    const asItShould = same && !(mixed && permit.deletes);
    return { ...state, mixed, nothing: !missing && (!permit.replaces || asItShould) };
  }

  async #fetchNew(work: FolderWork, { path }: FolderPlace): Promise<Placed> {
    const { target, part: { entries }, signal } = work;
    const { dir } = this.#options;
    const staging = this.#stagings.open(target.id, path);
    const state = await this.#compare(work, staging.root, entries);
    for (const entry of entries) if (entry.type === "folder") staging.makeFolder(entry.path);
    const here = placesOf(state, staging.root);
    const contents = await this.#stage(work, filesOf(state.missing), { staging, here });
    for (const { entry } of state.present) contents.stamps.set(entry.path, staging.settle(entry));
    for (const entry of state.missing) if (entry.type === "link") staging.link(entry);
    await removeOthers(staging.at(), entries, signal);
    this.#confirm(work);
    await staging.sync(signal);
    if (isInside(dir, path)) await makeParents(dir, path);
    if (staging.publish(path)) syncFolder(parentOf(path));
    else {
      await placeStaged({ path, permit: Permit.fill }, { staging, entries, signal });
      staging.remove();
    }
    return this.#outcome(work, path, state, { contents, staging });
  }

  async #update(
    work: FolderWork,
    place: FolderPlace,
    state: TreeState & { mixed: boolean },
  ): Promise<Placed> {
    const { target, part: { entries }, signal } = work;
    const { path: root, permit } = place;
    const [blocked] = state.inTheWay;
    if (blocked && !permit.deletes) {
      throw new Fault(
        "destination",
        `Cannot write ${inQuotes(`${root}/${blocked.path}`)}: ${blocked.why}`,
        {
          next: "remove that, or add --delete, and run it again",
        },
      );
    }
    const staging = this.#stagings.open(target.id, `${root}/.`);
    const staged = await this.#compare(work, staging.root, filesOf(state.missing));
    const here = new Map([...placesOf(state, root), ...placesOf(staged, staging.root)]);
    const contents = await this.#stage(work, filesOf(staged.missing), { staging, here });
    for (const { entry } of staged.present) contents.stamps.set(entry.path, staging.settle(entry));
    for (const entry of state.missing) if (entry.type === "link") staging.link(entry);
    this.#confirm(work);
    await staging.sync(signal);
    for (const { path } of state.inTheWay) await clearPlace(place, path);
    await placeStaged(place, { staging, entries: state.missing, signal });
    const set = setAttributes(place, state.touched);
    const deleted = permit.deletes ? await removeOthers(place, entries, signal) : 0;
    staging.remove();
    const up_to_date = state.missing.length === 0 && deleted === 0 && set === 0;
    const mixed = state.mixed && !permit.deletes;
    return this.#outcome(work, root, state, { contents, staging, mixed, deleted, up_to_date });
  }

  /** Has a last look at whether it may be taken, before anything is placed. Throws an `integrity` Fault. */
  #confirm({ job, target }: FolderJob): void {
    job.phase = "finishing";
    this.#options.trust.confirm(trustedName(job.name, target), target);
  }

  #compare(
    { job: { transfer }, signal }: FolderJob,
    root: string,
    entries: ManifestEntry[],
  ): Promise<TreeState> {
    const onPresent = (bytes: number) => void (transfer.before += bytes);
    return compareTree(root, entries, { cache: this.#options.cache, signal, onPresent });
  }

  /** `here` are files that need not be staged: they are served while the others are fetched. */
  async #stage(
    { job, request, inside, target, signal, serving }: FolderWork,
    files: FileEntry[],
    { staging, here }: { staging: Staging; here: Map<string, FileAt> },
  ): Promise<FolderContents> {
    const { swarm, downloads, reseeder } = this.#options;
    requireRoom(staging.root, files);
    const had = job.downloader?.sources ?? [];
    const near = had.filter(({ receipt: { path } }) => path === "direct" || path === "lan");
    const sources: ListedPeer[] = recordsOf(near);
    // Those that had the manifest are asked at once; more are looked for meanwhile.
    if (files.length > 0 && sources.length === 0) {
      const found = (records: ListedPeer[]) => void sources.push(...records);
      await findSources(target.id, [], { swarm, signal, found }).catch(() => {});
    }
    job.phase = "connecting";
    const contents = new FolderContents(files, {
      ...this.#options,
      folder: target,
      name: request.name,
      staging,
      sources,
      job,
      signal,
    });
    job.phase = "fetching";
    // Requests for a folder must not lead to a peer that fetches only a part of it.
    if (inside === "") {
      const staged = (id: string) => contents.staged(id) ?? here.get(id);
      serving.defer(reseeder.staging(target, manifestOf(target.id, downloads), staged));
    }
    try {
      await contents.run();
    } catch (error) {
      downloads.reach(target.id, job.transfer.bytes);
      if (!(error instanceof Fault) || error === signal.reason) throw error;
      if (error.message.startsWith("Cannot ")) throw error;
      throw new Fault(error.kind, `Cannot get ${inQuotes(request.name)}: ${error.message}`, {
        cause: error,
      });
    }
    return contents;
  }

  #outcome(
    { part, job: { transfer } }: FolderJob,
    path: string,
    state: Pick<TreeState, "present" | "touched">,
    { contents, staging, mixed = false, deleted = 0, up_to_date = false }: {
      contents: FolderContents;
      staging: Staging;
      mixed?: boolean;
      deleted?: number;
      up_to_date?: boolean;
    },
  ): Placed {
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

/** The place of a folder's manifest, for as long as the folder is fetched. */
function manifestOf(id: string, downloads: DownloadStore): FileAt {
  const path = downloads.pathOf(id);
  return { path, stamp: stampOfPath(path) };
}

function filesOf(entries: ManifestEntry[]): FileEntry[] {
  return entries.filter((entry) => entry.type === "file");
}

/** The right files of a tree, by their ids. */
function placesOf({ present }: TreeState, root: string): Map<string, FileAt> {
  return new Map(
    present.map(({ entry, stamp }) => [entry.id, { path: `${root}/${entry.path}`, stamp }]),
  );
}

/** Throws a `disk` Fault when files don't fit. */
function requireRoom(folder: string, files: FileEntry[]): void {
  const needed = files.reduce((sum, { size }) => sum + size, 0);
  requireFreeSpace(folder, needed, `Cannot fetch ${needed} bytes`);
}
