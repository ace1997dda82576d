import { Fault, messageOf } from "../../fault.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import { anyOf } from "../../async/any_of.ts";
import { RateLimiter } from "../../async/rate_limiter.ts";
import { account, droppedSince, type FetchJob, progressOf, show } from "../status/fetch_job.ts";
import { foundEvent, type Outcome, receiptOf } from "./fetch_receipt.ts";
import { trustedName } from "../target/find_folder.ts";
import type { Target } from "../target/target.ts";
import type { TargetFinder } from "../target/target_finder.ts";
import type {
  GetOptions,
  PeerEvent,
  Receipt,
  SourceReceipt,
  StreamRequest,
} from "../api/peer_api.ts";
import type { ActiveTransfer, Transfers } from "../status/transfers.ts";
import type { Swarm } from "../discovery/swarm.ts";
import type { TrustBook } from "../target/trust_book.ts";
import { untilFound } from "../target/until_found.ts";
import { endReplaced, Replaced } from "./version_watch.ts";

/** The pause between two reports of progress, in milliseconds. */
const PROGRESS_EVERY_MS = 200;

export interface FetchTrackerOptions {
  swarm: Swarm;
  transfers: Transfers;
  /** Remembers whose content was taken. */
  trust: TrustBook;
  finder: TargetFinder;
  /** Hears what begins and ends, but for tries that resume by themselves and fail. */
  emit: (event: PeerEvent) => void;
  /** The limit of all downloads together. */
  limitDown: RateLimiter;
}

export interface TrackOptions extends GetOptions {
  /** The transfer that counts it, for what resumes by itself. Default a new one. */
  transfer?: ActiveTransfer;
  /** The meaning of the request, where that is known. */
  found?: Target;
  /**
   * Ends as {@link Replaced} when there is no source any more and its publisher has a newer
   * version. Default false.
   */
  newest?: boolean;
  /** Not listed, and no publisher is remembered because of it. Default false. */
  looks?: boolean;
}

/** Accounts for downloads: their progress, and how they end. */
export class FetchTracker {
  readonly #options: FetchTrackerOptions;

  constructor(options: FetchTrackerOptions) {
    this.#options = options;
  }

  /**
   * Finds what is asked for, unless it was `found` already, does `work`, and accounts for it from
   * begin to end. With `looks`, it is not listed, and no publisher is remembered.
   */
  async track(
    request: StreamRequest,
    options: TrackOptions,
    work: (job: FetchJob, target: Target, signal: AbortSignal) => Promise<Outcome>,
  ): Promise<Receipt> {
    const { transfers, trust, finder, limitDown, swarm } = this.#options;
    const started = performance.now();
    const name = safeName(givenName(request.name));
    const ended = Promise.withResolvers<void>();
    const job: FetchJob = {
      name,
      transfer: options.transfer ?? transfers.download(name, options),
      phase: "finding",
      reused: 0,
      tell: (event) => options.onEvent?.(event),
      ending: new AbortController(),
      background: options.transfer !== undefined,
      refused: false,
      mixed: false,
      // With a deadline, sources are waited for until then.
      patience: request.deadline === undefined ? request.wait : Infinity,
      limits: request.limit_down ? [limitDown, new RateLimiter(request.limit_down)] : [limitDown],
      ended: ended.promise,
    };
    const { transfer } = job;
    show(job);
    const emit = options.looks ? () => {} : this.#options.emit;
    if (!job.background) emit({ event: "download_started", name });
    const signal = anyOf(job.ending.signal, options.signal);
    const dropped = new Set<SourceReceipt>();
    const tell = () => {
      options.onProgress?.(progressOf(job));
      for (const event of droppedSince(job, dropped)) options.onEvent?.(event);
    };
    const ticker = setInterval(tell, PROGRESS_EVERY_MS);
    try {
      signal.throwIfAborted();
      const find = () => finder.find({ ...request, name }, signal, job.background);
      const target = options.found ??
        await untilFound(find, { waitMs: job.background ? 0 : request.wait, signal });
      account(job, target);
      job.phase = "connecting";
      using _watch = options.newest ? endReplaced(job, target, { swarm, signal }) : undefined;
      options.onEvent?.(foundEvent(name, target));
      const outcome = { ...await work(job, target, signal), sha256: request.sha256 };
      const firstOfMixed = target.taken === "first" && job.mixed;
      if (!options.looks && !outcome.kept && !firstOfMixed) {
        trust.remember(trustedName(name, target), target);
      }
      transfer.state = "done";
      tell();
      const seconds = (performance.now() - started) / 1000;
      const receipt = receiptOf(job, target, { ...outcome, seconds });
      emit({ event: "download_done", receipt });
      return receipt;
    } catch (error) {
      const late = error instanceof Fault && error.kind === "deadline";
      const failed = !signal.aborted || late || error instanceof Replaced;
      transfer.state = failed ? "failed" : "cancelled";
      transfer.error = messageOf(error);
      if (error instanceof Fault) transfer.failure = { kind: error.kind, details: error.details };
      if (failed && !job.background) emit(failedEvent(transfer, error));
      if (!failed) emit({ event: "download_stopped", name, id: transfer.id });
      throw error;
    } finally {
      clearInterval(ticker);
      transfer.settle();
      ended.resolve();
    }
  }
}

/** The event of a download that failed. */
export function failedEvent({ name, id }: ActiveTransfer, error: unknown): PeerEvent {
  const { kind, details } = error instanceof Fault ? error : {};
  return {
    event: "download_failed",
    failure: { name, id, kind, message: messageOf(error), details },
  };
}
