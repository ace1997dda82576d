import { treeShape } from "../../content/hash_tree.ts";
import type { GetEvent, Receipt } from "../api/peer_api.ts";
import type { FetchJob } from "../status/fetch_job.ts";
import type { Target } from "../target/target.ts";

/** The outcome of a download; the rest of its receipt is as for a file. */
export type Outcome = Pick<Receipt, "path" | "up_to_date"> & Partial<Receipt>;

/** The event that tells which content will be fetched. */
export function foundEvent(
  name: string,
  { id, size, announcement, taken, sources }: Target,
): GetEvent {
  const { publisher } = announcement ?? {};
  return { event: "found", name, id, size, publisher, trust: taken, sources: sources.length };
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
