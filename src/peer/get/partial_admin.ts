import { Fault, inQuotes } from "../../fault.ts";
import type { Download, DownloadStore } from "../../store/partial/download_store.ts";
import { bytesOf } from "../../store/partial/partial_file.ts";
import type { Claims } from "../target/claims.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { GetRequest, PartialStatus } from "../api/peer_api.ts";
import type { Transfers } from "../status/transfers.ts";
import { isStale } from "../status/stale.ts";
import type { PartialDownloads } from "./partial_downloads.ts";
import { givenName } from "../../content/safe_path.ts";

/** The next step for a user whose download was paused or cancelled. */
export const STOPPED = "run it again, if it is still wanted";

interface PartialAdminOptions {
  downloads: DownloadStore;
  transfers: Transfers;
  claims: Claims;
  partialDownloads: PartialDownloads;
}

/** Lists, chooses and removes partial downloads. */
export class PartialAdmin {
  readonly #options: PartialAdminOptions;

  constructor(options: PartialAdminOptions) {
    this.#options = options;
  }

  /** The partial downloads. */
  list(): PartialStatus[] {
    const { downloads, claims, partialDownloads } = this.#options;
    return downloads.list().map((download) => {
      const { id, name, updated, paused } = download;
      const job = claims.running(id);
      const state = job ? "active" : "paused";
      const about = { name, id, updated, state, ...this.#extentOf(download, job) } as const;
      if (paused) return { ...about, on_request: true };
      const stale = !job && isStale(download) ? true as const : undefined;
      return { ...about, stale, error: partialDownloads.errorOf(id) };
    });
  }

  /** The kind of a partial download, the bytes that are there, and its size. */
  #extentOf({ size, map, announcement, reached }: Download, job: FetchJob | undefined) {
    if (announcement?.kind !== "folder") {
      return { kind: "file" as const, size, bytes: job?.partial?.bytes ?? bytesOf(map, size) };
    }
    const bytes = Math.max(reached, job?.transfer.bytes ?? 0);
    return { kind: "folder" as const, size: announcement.bytes ?? 0, bytes };
  }

  /**
   * The partial downloads that a request means; throws a `not_found` Fault that they can't be
   * `verb`ed.
   */
  choose({ name, id = "" }: Pick<GetRequest, "name" | "id">, verb: string): PartialStatus[] {
    const wanted = givenName(name);
    const chosen = this.list().filter((one) => one.name === wanted && one.id.startsWith(id));
    if (chosen.length > 0) return chosen;
    const what = inQuotes(wanted) + (id ? ` with id ${id.slice(0, 12)}` : "");
    throw new Fault("not_found", `Cannot ${verb} ${what}: it is not being fetched`, {
      details: { reason: "absent" },
      next: "see what is: shoal peer status",
    });
  }

  /** See PeerApi.cancel. */
  async cancel(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    const { downloads, transfers, claims, partialDownloads } = this.#options;
    const removed: PartialStatus[] = [];
    for (const partial of this.choose(request, "cancel")) {
      const { id, name } = partial;
      await claims.end(
        id,
        new Fault("usage", `Cannot get ${inQuotes(name)}: it was cancelled`, {
          next: STOPPED,
          details: { reason: "cancelled" },
        }),
      );
      // It may just have become whole.
      if (downloads.get(id)) removed.push({ ...partial, state: "paused" });
      partialDownloads.remove(id);
      transfers.mark(id, "cancelled");
    }
    if (removed.length > 0) return removed;
    throw new Fault(
      "not_found",
      `Cannot cancel ${inQuotes(request.name)}: it has just become whole`,
      {
        details: { reason: "whole" },
      },
    );
  }
}
