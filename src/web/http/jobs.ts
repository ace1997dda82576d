import { Fault } from "../../fault.ts";
import type { Receipt, ShareResult } from "../../peer/api/peer_api.ts";
import { type ApiError, toApiError } from "./api_error.ts";

/** Most jobs under way: more than anybody has a use for. */
const RUNNING_CAP = 5_000;
/** Ended jobs that are told of, also to a page that was away for a moment. */
const ENDED_CAP = 100;

/** Work that the page has asked for and does not wait for. */
export interface Job {
  /** Number within this run of the peer. */
  job: number;
  kind: "get" | "share";
  /** The name or path that it is about. */
  name: string;
  state: "running" | "done" | "failed";
  /** Of a share that is being hashed. */
  progress?: { hashed: number; size: number };
  /** What it came to. */
  result?:
    | Pick<Receipt, "name" | "id" | "size" | "up_to_date" | "trust">
    | Pick<ShareResult, "name">;
  error?: ApiError["error"];
}

interface Running {
  view: Job;
  ending: AbortController;
}

/** The jobs of a peer: those under way, and the last ones that ended. They end with the peer. */
export class Jobs {
  readonly #jobs = new Map<number, Running>();
  #running = 0;
  #next = 1;

  /**
   * Starts some work, and returns the number by which its end is told. Throws a `usage` Fault when too
   * much is under way.
   */
  start(
    about: Pick<Job, "kind" | "name">,
    work: (
      signal: AbortSignal,
      tell: (progress: Job["progress"]) => void,
    ) => Promise<NonNullable<Job["result"]>>,
  ): number {
    if (this.#running >= RUNNING_CAP) {
      throw new Fault("usage", `Cannot begin with ${about.name}: ${RUNNING_CAP} are under way`);
    }
    const job = this.#next++;
    const one: Running = {
      view: { job, ...about, state: "running" },
      ending: new AbortController(),
    };
    this.#jobs.set(job, one);
    this.#running++;
    const change = (changes: Partial<Job>) => one.view = { ...one.view, ...changes };
    work(one.ending.signal, (progress) => change({ progress })).then(
      (result) => change({ state: "done", result }),
      (error) => change({ state: "failed", ...toApiError(error) }),
    ).finally(() => {
      this.#running--;
      this.#forget();
    });
    return job;
  }

  /** Ends a job for good. Throws a `not_found` Fault. */
  stop(job: number): void {
    const one = this.#jobs.get(job);
    if (!one) throw new Fault("not_found", `Cannot stop job ${job}: there is none`);
    one.ending.abort(new DOMException("it was stopped", "AbortError"));
  }

  list(): Job[] {
    return Array.from(this.#jobs.values(), ({ view }) => view);
  }

  #forget(): void {
    let ended = this.#jobs.size - this.#running;
    for (const [job, { view }] of this.#jobs) {
      if (ended <= ENDED_CAP) return;
      if (view.state === "running") continue;
      this.#jobs.delete(job);
      ended--;
    }
  }
}
