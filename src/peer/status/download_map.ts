import { RUN_CHUNKS, runCount, type RunMap } from "../../content/run_map.ts";
import { treeShape } from "../../content/hash_tree.ts";
import { Fault } from "../../fault.ts";
import type { Download } from "../../store/partial/download_store.ts";
import type { Downloader } from "../download/downloader.ts";
import type { DownloadMap } from "../api/page_api.ts";

/** Most cells of a map. */
const CELLS = 1_000;
/** Runs of a cell that sources are asked about: the work is bounded, whatever the file's size. */
const SAMPLES = 8;

/**
 * What there is of a download, and who has it, in at most {@link CELLS} cells of about the same number
 * of runs. Throws a `not_found` Fault.
 */
export function downloadMapOf(
  id: string,
  running: { partial?: { map: RunMap; size: number }; downloader?: Downloader } | undefined,
  known: Download | undefined,
): Promise<DownloadMap> {
  const content = running?.partial ?? known;
  if (!content) {
    const message = `Cannot show ${id.slice(0, 12)}: it is not being fetched`;
    return Promise.reject(new Fault("not_found", message));
  }
  const { map, size } = content;
  const { downloader } = running ?? {};
  const runs = runCount(size);
  const chunks = treeShape(size).chunks;
  const cells = Math.min(CELLS, runs);
  const have: number[] = [];
  const sources: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const first = Math.floor(cell * runs / cells);
    const end = Math.floor((cell + 1) * runs / cells);
    let there = 0;
    for (let run = first; run < end; run++) {
      const count = Math.min(RUN_CHUNKS, chunks - run * RUN_CHUNKS);
      there += map.has(run) ? count : downloader?.chunksIn(run) ?? 0;
    }
    const all = Math.min(chunks, end * RUN_CHUNKS) - first * RUN_CHUNKS;
    // What lacks a chunk is never shown as whole.
    have.push(Math.floor(100 * there / all));
    sources.push(holdersOf(downloader?.holdings ?? [], first, end));
  }
  return Promise.resolve({ cells, have, sources });
}

/** How many have a stretch of runs: of some of those runs, the rarest counts. */
function holdersOf(holdings: RunMap[], first: number, end: number): number {
  const step = Math.max(1, Math.floor((end - first) / SAMPLES));
  let fewest = holdings.length;
  for (let run = first; run < end; run += step) {
    let holders = 0;
    for (const map of holdings) if (map.has(run)) holders++;
    fewest = Math.min(fewest, holders);
  }
  return fewest;
}
