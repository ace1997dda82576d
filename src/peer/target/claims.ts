import { Fault, inQuotes, quoted } from "../../fault.ts";
import { foldName } from "../../content/safe_path.ts";
import { isInside } from "../../system/paths.ts";
import { Condition } from "../../async/condition.ts";
import type { FetchJob } from "../status/fetch_job.ts";

/** The reason that ends a background download when the user asks for its content, or for its place. */
export const TAKEN_OVER: Error = new DOMException("the user asked for it", "AbortError");

/**
 * The content and the path that each download writes: a content is fetched by one at a time, and each path
 * is written by one. What the user asks for goes before what resumes by itself.
 */
export class Claims {
  /** The downloads that put something on disk, by file id. */
  readonly #jobs = new Map<string, FetchJob>();
  /** The downloads that write to paths, as {@link foldName} has these. */
  readonly #writing = new Map<string, FetchJob>();
  /** The ids of large files that are fetched as parts of folders. */
  readonly #parts = new Set<string>();
  readonly #released = new Condition();

  /** The download of a content. */
  running(id: string): FetchJob | undefined {
    return this.#jobs.get(id);
  }

  /** Claims a content, and the path that it is written to. Throws a `held` Fault. */
  async claim(job: FetchJob, id: string, path?: string): Promise<void> {
    await giveWay(this.#jobs.get(id), job);
    if (path !== undefined) await this.#makeWay(job, path);
    if (this.#isClaimed(id)) {
      throw new Fault("held", `Cannot get ${quoted(job.name)}: it is being fetched already`);
    }
    if (path !== undefined) this.#write(job, path);
    this.#jobs.set(id, job);
  }

  /** Claims a path. Throws a `held` Fault. */
  async claimPath(job: FetchJob, path: string): Promise<void> {
    await this.#makeWay(job, path);
    this.#write(job, path);
  }

  /** Takes back the claim on a content, and those of its download on paths. */
  release(id: string): void {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    for (const [path, writer] of this.#writing) if (writer === job) this.#writing.delete(path);
    this.#released.notifyAll();
  }

  /**
   * Claims a large file for a folder's download, once no other download fetches it. Returns true if
   * it had to wait for one.
   */
  async claimPart(id: string, signal: AbortSignal): Promise<boolean> {
    let waited = false;
    for (; this.#isClaimed(id); waited = true) await this.#released.wait(signal);
    this.#parts.add(id);
    return waited;
  }

  /** Takes back the claim of a folder's download on a file. */
  releasePart(id: string): void {
    this.#parts.delete(id);
    this.#released.notifyAll();
  }

  /** Ends the work on a content, for the reason given, and waits until nothing is under way. */
  async end(id: string, reason: Fault): Promise<void> {
    const job = this.#jobs.get(id);
    job?.ending.abort(reason);
    await job?.ended;
  }

  #isClaimed(id: string): boolean {
    return this.#jobs.has(id) || this.#parts.has(id);
  }

  async #makeWay(job: FetchJob, path: string): Promise<void> {
    for (const other of this.#writersOf(path)) await giveWay(other, job);
  }

  #write(job: FetchJob, path: string): void {
    if (this.#writersOf(path).length > 0) {
      throw new Fault("held", `Cannot write ${inQuotes(path)}: another download is writing there`);
    }
    this.#writing.set(foldName(path), job);
  }

  /** The downloads that write to a path, to a folder above it, or to something in it. */
  #writersOf(path: string): FetchJob[] {
    const wanted = foldName(path);
    return [...this.#writing].filter(([other]) =>
      isInside(wanted, other) || isInside(other, wanted)
    ).map(([, job]) => job);
  }
}

/** Ends what resumes by itself in favour of what the user waits for. */
async function giveWay(other: FetchJob | undefined, job: FetchJob): Promise<void> {
  if (!other?.background || job.background) return;
  other.ending.abort(TAKEN_OVER);
  await other.ended;
}
