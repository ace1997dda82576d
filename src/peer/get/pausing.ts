import { Fault, inQuotes } from "../../fault.ts";
import type { DownloadStore } from "../../store/partial/download_store.ts";
import { type PartialAdmin, STOPPED } from "./partial_admin.ts";
import type { GetRequest, PartialStatus } from "../api/peer_api.ts";
import type { Transfers } from "../status/transfers.ts";

interface PausingOptions {
  downloads: DownloadStore;
  transfers: Transfers;
  partials: PartialAdmin;
  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  end: (id: string, reason: Fault) => Promise<void>;
  /** Goes on with a download, if this peer serves. */
  goOn: (id: string) => void;
}

/** Downloads that stop and go on by request. What was asked holds across restarts. */
export class Pausing {
  readonly #options: PausingOptions;

  constructor(options: PausingOptions) {
    this.#options = options;
  }

  /** See PeerApi.pause. */
  async pause(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    const { downloads, transfers, partials, end } = this.#options;
    const chosen = partials.choose(request, "pause");
    for (const { id, name } of chosen) {
      // First: what ends for another reason right now doesn't go on either.
      downloads.pause(id, true);
      const details = { reason: "paused" };
      await end(
        id,
        new Fault("usage", `Cannot get ${inQuotes(name)}: it was paused`, {
          next: STOPPED,
          details,
        }),
      );
      transfers.mark(id, "paused");
    }
    const paused = this.#among(chosen);
    if (paused.length > 0) return paused;
    throw new Fault(
      "not_found",
      `Cannot pause ${inQuotes(request.name)}: it has just become whole`,
      {
        details: { reason: "whole" },
      },
    );
  }

  /** See PeerApi.resume. */
  resume(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]> {
    const { downloads, partials, goOn } = this.#options;
    let chosen: PartialStatus[];
    try {
      chosen = partials.choose(request, "resume");
    } catch (error) {
      return Promise.reject(error);
    }
    for (const { id } of chosen) {
      downloads.pause(id, false);
      goOn(id);
    }
    return Promise.resolve(this.#among(chosen));
  }

  /** The present state of some downloads. */
  #among(chosen: PartialStatus[]): PartialStatus[] {
    const ids = new Set(chosen.map(({ id }) => id));
    return this.#options.partials.list().filter(({ id }) => ids.has(id));
  }
}
