import { Fault } from "../../fault.ts";
import { foldName } from "../../content/safe_path.ts";
import type { FetchJob } from "./fetch_job.ts";

/** What ends a background download whose content somebody asks for. */
export const TAKEN_OVER: Error = new DOMException("somebody asked for it", "AbortError");

/** Who puts what on disk: a content is fetched once at a time, and each path is written by one. */
export class Claims {
  readonly #isFetchedInFolder: (id: string) => boolean;
  /** What is being put on disk, by file id. */
  readonly #jobs = new Map<string, FetchJob>();
  /** Paths that are being written, as {@link foldName} has them. */
  readonly #writing = new Set<string>();

  /** `isFetchedInFolder` is true while a content is fetched as a part of a folder. */
  constructor(isFetchedInFolder: (id: string) => boolean) {
    this.#isFetchedInFolder = isFetchedInFolder;
  }

  /** What works on a content. */
  running(id: string): FetchJob | undefined {
    return this.#jobs.get(id);
  }

  /**
   * Claims a content for who asked first, and the path that it is written to. What nobody waits for
   * makes way. Throws a `held` Fault.
   */
  async claim(job: FetchJob, id: string, path: string): Promise<void> {
    const other = this.#jobs.get(id);
    if (other?.background && !job.background) {
      other.ending.abort(TAKEN_OVER);
      await other.ended;
    }
    if (this.#jobs.has(id) || this.#isFetchedInFolder(id)) {
      throw new Fault("held", `Cannot get ${job.name}: it is being fetched already`);
    }
    this.claimPath(path);
    this.#jobs.set(id, job);
  }

  /** Throws a `held` Fault. */
  claimPath(path: string): void {
    if (this.#writing.has(foldName(path))) {
      throw new Fault("held", `Cannot write ${path}: another download is writing it`);
    }
    this.#writing.add(foldName(path));
  }

  /** Takes claims back. */
  release(id: string, paths: string[]): void {
    this.#jobs.delete(id);
    for (const path of paths) this.#writing.delete(foldName(path));
  }

  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  async end(id: string, reason: Fault): Promise<void> {
    const job = this.#jobs.get(id);
    job?.ending.abort(reason);
    await job?.ended;
  }
}
