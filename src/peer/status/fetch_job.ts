import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { PartialFile } from "../../store/partial/partial_file.ts";
import type { Downloader } from "../download/downloader.ts";
import { liveSources } from "./live_sources.ts";
import type { GetEvent, Progress, SourceReceipt } from "../api/peer_api.ts";
import { PATHS } from "../api/path.ts";
import type { ActiveTransfer } from "./transfers.ts";

/** A download under way: what is known of it as it goes. */
export interface FetchJob {
  name: string;
  transfer: ActiveTransfer;
  phase: Progress["phase"];
  downloader?: Downloader;
  partial?: PartialFile;
  /** Chunks that were there before. */
  reused: number;
  /** Tells the caller of an event. */
  tell: (event: GetEvent) => void;
  /** Ends it, for the reason that it is given. */
  ending: AbortController;
  /** True when it resumes by itself, so that it makes way for a request of the user. */
  background: boolean;
  /** True when the whole of it was refused, so that nothing of it is kept. */
  refused: boolean;
  /**
   * True when things stand at the destination that are not of the content: they may be the user's
   * own, so no publisher is remembered because of it, whose next update would be free to delete
   * them.
   */
  mixed: boolean;
  /** The time to wait while no source can be reached, in milliseconds. */
  patience?: number;
  /** The limits of what arrives: its own, and the one of all downloads. */
  limits: RateLimiter[];
  /** Resolves when it has ended, either way. */
  ended: Promise<void>;
}

/** Lets `status` see how a download goes. */
export function show(job: FetchJob): void {
  const { transfer } = job;
  transfer.state = "active";
  transfer.error = undefined;
  transfer.sources = () => job.downloader?.connected ?? 0;
  transfer.from = () => job.downloader ? liveSources(job.downloader) : [];
  transfer.retries = () =>
    job.downloader?.sources.reduce((sum, { receipt }) => sum + receipt.retries, 0) ?? 0;
}

/** From now on, a job is about that content. */
export function account({ transfer }: FetchJob, { id, size }: { id: string; size: number }): void {
  transfer.id = id;
  transfer.size = size;
  transfer.before = -transfer.meter.total;
}

/** The progress of a job. */
export function progressOf({ transfer, phase, downloader }: FetchJob): Progress {
  const { bytes, size, rate, eta, sources } = transfer.view();
  const progress: Progress = { phase, bytes, size, rate, eta, sources };
  const states = downloader?.states ?? [];
  const trying = states.filter(({ state }) => state === "trying" || state === "resting").length;
  if (trying > 0) progress.trying = trying;
  const used = states.filter(({ state }) => state === "connected");
  const paths = PATHS.filter((path) => used.some(({ source }) => source.receipt.path === path));
  if (paths.length > 0) progress.paths = paths;
  return progress;
}

/**
 * The events for sources that were dropped and are not among those `told`; they are added to these.
 */
export function droppedSince(
  { transfer: { name }, downloader }: FetchJob,
  told: Set<SourceReceipt>,
): GetEvent[] {
  const dropped = (downloader?.sources ?? []).map(({ receipt }) => receipt)
    .filter((receipt) => receipt.dropped !== undefined && !told.has(receipt));
  return dropped.map((receipt) => {
    told.add(receipt);
    const { address, peer, dropped } = receipt;
    return { event: "source_dropped", name, address, peer, reason: dropped! };
  });
}
