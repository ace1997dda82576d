import { Fault, inQuotes } from "../../fault.ts";
import type { Receipt, ShareResult } from "../../peer/api/peer_api.ts";
import { type ApiError, toApiError } from "./api_error.ts";

/** Jobs that run at a time; others wait in turn. More would only make each of them slow to begin. */
export const AT_ONCE = 64;
/** Most jobs that run or wait: more than anybody has a use for. */
const OPEN_CAP = 5_000;
/** Ended jobs that are told of, also to a page that was away for a moment. */
const ENDED_CAP = 100;

/** Work that the page has asked for and does not wait for. */
export interface Job {
  /** Number within this run of the peer. */
  job: number;
  kind: "get" | "share";
  /** The name or path that it is about. */
  name: string;
  state: "waiting" | "running" | "done" | "failed";
  /** Of a share that is being hashed. */
  progress?: { hashed: number; size: number };
  /** The result. */
  result?:
    | Pick<Receipt, "name" | "id" | "size" | "up_to_date" | "trust">
    | Pick<ShareResult, "name">;
  error?: ApiError["error"];
}

interface OpenJob {
  view: Job;
  ending: AbortController;
  run: () => Promise<NonNullable<Job["result"]>>;
}

/** The jobs of a peer: those that run or wait, and the last ones that ended. They end with the peer. */
export class Jobs {
  readonly #jobs = new Map<number, OpenJob>();
  readonly #waiting = new Set<OpenJob>();
  #running = 0;
  #next = 1;

  /**
   * Starts some work, and returns the number under which its end is reported. Throws a `usage`
   * Fault when too much is in progress.
   */
  start(
    about: Pick<Job, "kind" | "name">,
    work: (
      signal: AbortSignal,
      tell: (progress: Job["progress"]) => void,
    ) => Promise<NonNullable<Job["result"]>>,
  ): number {
    if (this.#running + this.#waiting.size >= OPEN_CAP) {
      throw new Fault(
        "usage",
        `Cannot begin with ${inQuotes(about.name)}: ${OPEN_CAP} are under way`,
      );
    }
    const job = this.#next++;
    const ending = new AbortController();
    const one: OpenJob = {
      view: { job, ...about, state: "waiting" },
      ending,
      run: () => work(ending.signal, (progress) => one.view = { ...one.view, progress }),
    };
    this.#jobs.set(job, one);
    this.#waiting.add(one);
    this.#fill();
    return job;
  }

  /** Ends a job for good. Throws a `not_found` Fault. */
  stop(job: number): void {
    const one = this.#jobs.get(job);
    if (!one) throw new Fault("not_found", `Cannot stop job ${job}: there is none`);
    one.ending.abort(new DOMException("it was stopped", "AbortError"));
    if (this.#waiting.delete(one)) this.#end(one, Promise.reject(one.ending.signal.reason));
  }

  list(): Job[] {
    return Array.from(this.#jobs.values(), ({ view }) => view);
  }

  /** Starts those that wait, as far as there is room. */
  #fill(): void {
    for (const one of this.#waiting) {
      if (this.#running >= AT_ONCE) return;
      this.#waiting.delete(one);
      this.#running++;
      one.view = { ...one.view, state: "running" };
      this.#end(one, one.run().finally(() => this.#running--));
    }
  }

  #end(one: OpenJob, work: Promise<NonNullable<Job["result"]>>): void {
    work.then(
      (result) => one.view = { ...one.view, state: "done", result },
      (error) =>
        one.view = { ...one.view, state: "failed", ...(stopped(one) ?? toApiError(error)) },
    ).finally(() => {
      this.#forget();
      this.#fill();
    });
  }

  #forget(): void {
    let ended = this.#jobs.size - this.#running - this.#waiting.size;
    for (const [job, { view }] of this.#jobs) {
      if (ended <= ENDED_CAP) return;
      if (view.state === "running" || view.state === "waiting") continue;
      this.#jobs.delete(job);
      ended--;
    }
  }
}

/** The state of a job that was stopped, which is no failure. */
function stopped({ ending }: OpenJob): ApiError | undefined {
  if (!ending.signal.aborted) return;
  return { error: { message: "it was stopped", details: { reason: "cancelled" } } };
}
