import { getLogger } from "@logtape/logtape";
import fs from "node:fs";
import { Fault, messageOf } from "../../fault.ts";
import { Backoff } from "../../async/retry.ts";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { TAKEN_OVER } from "../target/claims.ts";
import type { GetOptions, GetRequest, PeerEvent, Receipt } from "../api/peer_api.ts";
import { failedEvent } from "./fetch_tracker.ts";
import { bytesOf } from "../../store/partial/partial_file.ts";
import type { Fetcher } from "./fetcher.ts";
import { Condition } from "../../async/condition.ts";
import { isAbandoned } from "../status/stale.ts";
import { Replaced } from "./version_watch.ts";
import type { ActiveTransfer, Transfers } from "../status/transfers.ts";
import { parentOf } from "../../system/paths.ts";
import { freeSpace } from "../../system/free_space.ts";

const log = getLogger(["shoal", "peer", "resumer"]);

/** The longest pause between two tries, in milliseconds: a source that comes back wakes it earlier. */
const LONGEST_PAUSE_MS = 2 * 3_600_000;
/** The pause between two looks for room on a disk that had none, in milliseconds. */
const SPACE_EVERY_MS = 2_000;
/** The time that one try waits for sources, in milliseconds: another one follows. */
const PATIENCE_MS = 20_000;
/** A pause does not end before this time for news of a source, in milliseconds: any peer can cause these. */
const NEWS_AFTER_MS = 10_000;

interface ResumerOptions {
  downloads: DownloadStore;
  transfers: Transfers;
  /** Gets and looks for what resumes by itself. */
  fetcher: Pick<Fetcher, "isRunning" | "isSuperseded" | "newerThan">;
  get: (request: GetRequest, options: GetOptions, transfer: ActiveTransfer) => Promise<Receipt>;
  /** Hears of a download that is given up. */
  emit: (event: PeerEvent) => void;
  /** Ends everything. */
  signal: AbortSignal;
}

/** The work on one download, and what wakes it. */
interface Loop {
  news: Condition;
  /** The beginning of its pause, by performance.now(). */
  since: number;
  ended: Promise<void>;
}

/**
 * Resumes the unfinished downloads of a running peer, as long as time may mend what stops them. The
 * pauses grow to hours, and end with news of a source. A version without sources gives its place,
 * and its pieces, to a newer one.
 */
export class Resumer {
  readonly #options: ResumerOptions;
  readonly #loops = new Map<string, Loop>();
  /** The state that was logged last, by file id. */
  readonly #logged = new Map<string, string>();

  constructor(options: ResumerOptions) {
    this.#options = options;
  }

  /** Resumes all that is unfinished, but for what was paused by request. */
  start(): void {
    for (const { id, paused } of this.#options.downloads.list()) if (!paused) this.#begin(id);
  }

  /** Resumes a download that failed, after a pause. False when a pause would not help. */
  takeOver(id: string, failure: unknown): boolean {
    // What another process is writing is its business.
    if (!mayMend(failure) || (failure as Fault).kind === "held") return false;
    this.#begin(id, failure);
    return true;
  }

  /** Resumes a download that was paused. */
  resume(id: string): void {
    const loop = this.#loops.get(id);
    if (!loop) return this.#begin(id, undefined, true);
    loop.news.notifyAll();
    const { downloads, fetcher, signal } = this.#options;
    // What just paused may not have noticed yet, and would end.
    void loop.ended.then(() => {
      const download = downloads.get(id);
      if (download && !download.paused && !fetcher.isRunning(id) && !signal.aborted) {
        this.#begin(id, undefined, true);
      }
    });
  }

  /** Ends the pauses of a content that there is news of, or of all. */
  wake(id?: string): void {
    const now = performance.now();
    for (const [one, { news, since }] of this.#loops) {
      if ((id ?? one) === one && now - since > NEWS_AFTER_MS) news.notifyAll();
    }
  }

  /** Resolves when nothing is under way; the signal must be aborted. */
  async ended(): Promise<void> {
    await Promise.all([...this.#loops.values()].map(({ ended }) => ended));
  }

  /** `asked` is true when the user wants it, however old it is. */
  #begin(id: string, failure?: unknown, asked = false): void {
    if (this.#loops.has(id)) return;
    const loop = { news: new Condition(), since: performance.now() };
    const ended = this.#resume(id, loop, failure, asked).catch((error) => {
      if (!this.#options.signal.aborted) this.#log(id, "a download is given up", messageOf(error));
    }).finally(() => {
      this.#loops.delete(id);
      this.#logged.delete(id);
    });
    this.#loops.set(id, Object.assign(loop, { ended }));
  }

  /** Tries until it is done, or until no pause would help. Throws what it then fails with. */
  async #resume(
    id: string,
    loop: Omit<Loop, "ended">,
    failure: unknown,
    asked: boolean,
  ): Promise<void> {
    const { downloads, transfers, fetcher, get, emit, signal } = this.#options;
    const backoff = new Backoff({ longest: LONGEST_PAUSE_MS });
    let transfer: ActiveTransfer | undefined;
    for (;;) {
      if (failure && await this.#pause(id, loop, failure, backoff)) backoff.reset();
      const download = downloads.get(id);
      if (transfer && !download) transfer.state = "cancelled";
      if (!download || download.paused || fetcher.isRunning(id) || signal.aborted) return;
      if (fetcher.isSuperseded(download)) return;
      if (!asked && isAbandoned(download)) {
        return this.#log(id, `${download.name} is not resumed`, ABANDONED);
      }
      transfer ??= transfers.download(download.name);
      try {
        await get(requestOf(download), { signal }, transfer);
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (downloads.get(id)?.paused) return transfers.mark(id, "paused");
        if (error === TAKEN_OVER) {
          // The place alone may have been wanted, for another content.
          failure = new Fault("held", TAKEN_OVER.message);
          transfer = undefined;
          continue;
        }
        if (!mayMend(error)) {
          emit(failedEvent(transfer, error));
          throw error;
        }
        failure = error;
        transfer.state = "paused";
        this.#log(id, `${download.name} pauses`, messageOf(failure));
        if (lacksSources(failure) && await this.#replace(download, transfer)) return;
      }
    }
  }

  /** Begins with the newer version of a download, if there is one, in its place. */
  async #replace(download: Download, transfer: ActiveTransfer): Promise<boolean> {
    const { downloads, fetcher, signal } = this.#options;
    const newer = await fetcher.newerThan(download, signal);
    if (!newer || !downloads.get(download.id) || downloads.get(newer.id)) return false;
    const { id, size } = newer;
    downloads.begin({ ...download, id, size, announcement: newer });
    transfer.state = "cancelled";
    this.#log(
      download.id,
      `${download.name} is replaced`,
      `there is a newer version, ${id.slice(0, 12)}`,
    );
    this.#begin(id);
    return true;
  }

  /** Waits until another try makes sense. True when that is because of news. */
  async #pause(
    id: string,
    loop: Omit<Loop, "ended">,
    failure: unknown,
    backoff: Backoff,
  ): Promise<boolean> {
    const { downloads, signal } = this.#options;
    const ms = backoff.next();
    loop.since = performance.now();
    const full = failure instanceof Fault && failure.kind === "disk" &&
      lacksRoom(downloads, downloads.get(id));
    if (!full) return await loop.news.waitFor(ms, signal);
    for (let waited = 0; waited < ms; waited += SPACE_EVERY_MS) {
      if (await loop.news.waitFor(SPACE_EVERY_MS, signal)) return true;
      if (!lacksRoom(downloads, downloads.get(id))) return true;
    }
    return false;
  }

  /** Logs a change of state, once. */
  #log(id: string, what: string, why: string): void {
    const line = `${what}: ${why}`;
    if (this.#logged.get(id) === line) return;
    this.#logged.set(id, line);
    log.info("{line}", { line });
  }
}

/** The reason why what is too old is left alone. */
const ABANDONED = "no progress for 60 days; get it again, or end it with 'shoal peer cancel NAME'";

/** The request that a download was begun with, for that very content. */
function requestOf({ name, id, output, overwrite, sha256, updating }: Download): GetRequest {
  const update = updating !== undefined;
  const wanted = { name, id, output, overwrite, sha256, update, delete: updating === "delete" };
  return { ...wanted, wait: PATIENCE_MS };
}

/** True for what a newer version, which others have, may not meet with. */
function lacksSources(error: unknown): boolean {
  return error instanceof Fault && ["network", "not_found"].includes(error.kind);
}

/** True for what another try, some time later, may not meet with. */
function mayMend(error: unknown): boolean {
  if (error instanceof Replaced) return false;
  return error instanceof Fault && ["network", "not_found", "disk", "held"].includes(error.kind);
}

function lacksRoom(downloads: DownloadStore, download: Download | undefined): boolean {
  if (!download) return false;
  try {
    const path = downloads.pathOf(download.id);
    const { free } = freeSpace(parentOf(path));
    const { blocks = 0 } = fs.statSync(path);
    return free < download.size - Math.max(blocks * 512, bytesOf(download.map, download.size));
  } catch {
    return true;
  }
}
