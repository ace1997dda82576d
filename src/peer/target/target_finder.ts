import type { DownloadStore } from "../../store/partial/download_store.ts";
import { type FindOptions, findTarget } from "./find_target.ts";
import type { Target, WantedContent } from "./target.ts";

interface TargetFinderOptions extends Omit<FindOptions, "signal"> {
  /** The store of partial downloads. */
  downloads: DownloadStore;
}

/** Finds what requests mean, in the swarm and among partial downloads. */
export class TargetFinder {
  readonly #options: TargetFinderOptions;

  constructor(options: TargetFinderOptions) {
    this.#options = options;
  }

  /**
   * Finds what a request means. What resumes by itself (`background`) is what it was when it began.
   * What is here already, whole but for its name, needs no source. Throws as findTarget does.
   */
  async find(wanted: WantedContent, signal: AbortSignal, background = false): Promise<Target> {
    const known = wanted.id === undefined ? undefined : this.#options.downloads.get(wanted.id);
    try {
      const target = await findTarget(wanted, { ...this.#options, signal });
      if (!background || !known) return target;
      // A part of a folder has no announcement of its own.
      if (target.id !== known.id) return { ...target, taken: known.taken };
      return { ...target, announcement: known.announcement, taken: known.taken };
    } catch (error) {
      if (!known?.map.complete || signal.aborted) throw error;
      const { id, size, announcement, taken } = known;
      return { id, size, announcement, taken: background ? taken : "pinned", sources: [] };
    }
  }
}
