import { getLogger } from "@logtape/logtape";
import fs from "node:fs";
import { Fault, messageOf } from "../../fault.ts";
import { Backoff, delay } from "../../async/retry.ts";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { TAKEN_OVER } from "./claims.ts";
import type { GetOptions, GetRequest, Receipt } from "../api/peer_api.ts";
import { Replaced } from "./version_watch.ts";
import type { ActiveTransfer, Transfers } from "../status/transfers.ts";
import { freeSpace } from "../../system/free_space.ts";

const log = getLogger(["shoal", "peer", "resumer"]);

/** How long a download waits that the disk failed, in milliseconds. */
const DISK_PAUSE_MS = 30_000;
/** How often it is looked whether there is room for it again, in milliseconds. */
const SPACE_EVERY_MS = 2_000;

interface ResumerOptions {
  downloads: DownloadStore;
  transfers: Transfers;
  /** Fetches what nobody waits for. */
  get: (request: GetRequest, options: GetOptions, transfer: ActiveTransfer) => Promise<Receipt>;
  /** True while somebody else fetches that content. */
  isRunning: (id: string) => boolean;
  /** Ends everything. */
  signal: AbortSignal;
}

/** Goes on with the unfinished downloads of a running peer, as long as time may mend what stops them. */
export class Resumer {
  readonly #options: ResumerOptions;
  readonly #loops = new Map<string, Promise<void>>();

  constructor(options: ResumerOptions) {
    this.#options = options;
  }

  /** Goes on with all that is unfinished. */
  start(): void {
    for (const { id, paused } of this.#options.downloads.list()) if (!paused) this.#begin(id);
  }

  /** Goes on with a download that failed, after a pause. False when a pause would not help. */
  takeOver(id: string, failure: unknown): boolean {
    // What another process is writing is its business.
    if (!mayMend(failure) || (failure as Fault).kind === "held") return false;
    this.#begin(id, failure);
    return true;
  }

  /** Goes on with a download that was paused. */
  resume(id: string): void {
    const ending = this.#loops.get(id);
    if (!ending) return this.#begin(id);
    const { downloads, isRunning, signal } = this.#options;
    // What just paused may not have noticed yet, and would end.
    void ending.then(() => {
      const download = downloads.get(id);
      if (download && !download.paused && !isRunning(id) && !signal.aborted) this.#begin(id);
    });
  }

  /** Resolves when nothing is under way; the signal must be aborted. */
  async ended(): Promise<void> {
    await Promise.all(this.#loops.values());
  }

  #begin(id: string, failure?: unknown): void {
    if (this.#loops.has(id)) return;
    const loop = this.#goOn(id, failure).catch((error) => {
      if (!this.#options.signal.aborted) {
        log.warning("a download is given up: {why}", { why: messageOf(error) });
      }
    }).finally(() => this.#loops.delete(id));
    this.#loops.set(id, loop);
  }

  /** Tries until it is done, or until no pause would help. Throws what it then fails with. */
  async #goOn(id: string, failure: unknown): Promise<void> {
    const { downloads, transfers, get, isRunning, signal } = this.#options;
    const backoff = new Backoff();
    let transfer: ActiveTransfer | undefined;
    for (;;) {
      if (failure) await this.#pause(id, failure, backoff);
      const download = downloads.get(id);
      if (transfer && !download) transfer.state = "cancelled";
      if (!download || download.paused || isRunning(id) || signal.aborted) return;
      const { name, output, overwrite, sha256, updating } = download;
      const update = updating !== undefined;
      const request = {
        name,
        id,
        output,
        overwrite,
        sha256,
        update,
        delete: updating === "delete",
      };
      transfer ??= transfers.download(name);
      try {
        await get(request, { signal }, transfer);
        return;
      } catch (error) {
        if (error === TAKEN_OVER || isRunning(id)) return;
        if (downloads.get(id)?.paused) return transfers.mark(id, "paused");
        if (!mayMend(error)) throw error;
        transfer.state = "paused";
        log.info("{name} pauses: {why}", { name, why: messageOf(error) });
        failure = error;
      }
    }
  }

  async #pause(id: string, failure: unknown, backoff: Backoff): Promise<void> {
    const { downloads, signal } = this.#options;
    if (!(failure instanceof Fault) || failure.kind !== "disk") {
      return await delay(backoff.next(), signal);
    }
    const lacked = lacksRoom(downloads, downloads.get(id));
    for (let waited = 0; waited < DISK_PAUSE_MS; waited += SPACE_EVERY_MS) {
      await delay(SPACE_EVERY_MS, signal);
      if (lacked && !lacksRoom(downloads, downloads.get(id))) return;
    }
  }
}

/** True for what another try, some time later, may not meet with. */
function mayMend(error: unknown): boolean {
  if (error instanceof Replaced) return false;
  return error instanceof Fault && ["network", "not_found", "disk", "held"].includes(error.kind);
}

function lacksRoom(downloads: DownloadStore, download: Download | undefined): boolean {
  if (!download) return false;
  try {
    const { free } = freeSpace(downloads.folder());
    const { blocks = 0 } = fs.statSync(downloads.pathOf(download.id));
    return free < download.size - blocks * 512;
  } catch {
    return true;
  }
}
