import { treeShape } from "../../content/hash_tree.ts";
import type { PartialFile } from "../../store/partial/partial_file.ts";
import type { Downloader } from "../download/downloader.ts";
import type { Target } from "../target/target.ts";
import { liveSources } from "../status/live_sources.ts";
import type { GetEvent, Progress, Receipt, SourceReceipt } from "../api/peer_api.ts";
import type { ActiveTransfer } from "../status/transfers.ts";

/** A download under way: what is known of it as it goes. */
export interface FetchJob {
  name: string;
  transfer: ActiveTransfer;
  phase: Progress["phase"];
  downloader?: Downloader;
  partial?: PartialFile;
  /** Chunks that were there before. */
  reused: number;
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
  limitDown?: number;
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

/** The outcome of a download; the rest of its receipt is as for a file. */
export type Outcome = Pick<Receipt, "path" | "up_to_date"> & Partial<Receipt>;

/** From now on, a job is about that content. */
export function account({ transfer }: FetchJob, { id, size }: Pick<Target, "id" | "size">): void {
  transfer.id = id;
  transfer.size = size;
  transfer.before = -transfer.meter.total;
}

export function progressOf({ transfer, phase }: FetchJob): Progress {
  const { bytes, size, rate, eta, sources } = transfer.view();
  return { phase, bytes, size, rate, eta, sources };
}

/** The event that tells which content will be fetched. */
export function foundEvent(
  name: string,
  { id, size, announcement, taken, sources }: Target,
): GetEvent {
  const { publisher } = announcement ?? {};
  return { event: "found", name, id, size, publisher, trust: taken, sources: sources.length };
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

/** The receipt of a download. `outcome` is what its work says of it. */
export function receiptOf(
  { transfer, downloader, reused }: FetchJob,
  target: Target,
  { seconds, ...outcome }: Outcome & { seconds: number },
): Receipt {
  const tally = downloader?.tally ?? { fetched: 0, reused: 0, refetched: 0 };
  const bytes = transfer.meter.total;
  return {
    kind: "file",
    name: transfer.name,
    id: target.id,
    size: target.size,
    publisher: target.announcement?.publisher,
    trust: target.taken,
    seconds,
    bytes,
    rate: bytes / seconds,
    chunks: {
      ...tally,
      reused: outcome.up_to_date ? treeShape(target.size).chunks : reused + tally.reused,
    },
    sources: (downloader?.sources ?? target.sources).map(({ receipt }) => receipt)
      .filter(({ bytes, dropped }) => bytes > 0 || dropped !== undefined),
    ...outcome,
  };
}
