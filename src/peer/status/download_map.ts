import { PIECE_CHUNKS, pieceCount, type PieceMap } from "../../content/piece_map.ts";
import { treeShape } from "../../content/hash_tree.ts";
import { Fault } from "../../fault.ts";
import type { Download } from "../../store/partial/download_store.ts";
import type { Downloader } from "../download/downloader.ts";
import type { DownloadMap } from "../api/ui_api.ts";

/** Most cells of a map. */
const CELLS = 1_000;
/** Runs of a cell that sources are asked about: the work is bounded, whatever the file's size. */
const SAMPLES = 8;

/**
 * A map of a download: the share of it that is here, and the number of its sources, in at most
 * {@link CELLS} cells of about the same number of pieces. Throws a `not_found` Fault.
 */
export function downloadMapOf(
  id: string,
  running: { partial?: { map: PieceMap; size: number }; downloader?: Downloader } | undefined,
  known: Download | undefined,
): Promise<DownloadMap> {
  const content = running?.partial ?? known;
  if (!content) {
    const message = `Cannot show ${id.slice(0, 12)}: it is not being fetched`;
    return Promise.reject(new Fault("not_found", message));
  }
  const { map, size } = content;
  const { downloader } = running ?? {};
  const pieces = pieceCount(size);
  const chunks = treeShape(size).chunks;
  const cells = Math.min(CELLS, pieces);
  const have: number[] = [];
  const sources: number[] = [];
  for (let cell = 0; cell < cells; cell++) {
    const first = Math.floor(cell * pieces / cells);
    const end = Math.floor((cell + 1) * pieces / cells);
    let there = 0;
    for (let piece = first; piece < end; piece++) {
      const count = Math.min(PIECE_CHUNKS, chunks - piece * PIECE_CHUNKS);
      there += map.has(piece) ? count : downloader?.chunksIn(piece) ?? 0;
    }
    const all = Math.min(chunks, end * PIECE_CHUNKS) - first * PIECE_CHUNKS;
    // What lacks a chunk is never shown as whole.
    have.push(Math.floor(100 * there / all));
    sources.push(sourcesOf(downloader?.holdings ?? [], first, end));
  }
  return Promise.resolve({ cells, have, sources });
}

/** The number of sources of a stretch of pieces: the rarest of a sample of them counts. */
function sourcesOf(holdings: PieceMap[], first: number, end: number): number {
  const step = Math.max(1, Math.floor((end - first) / SAMPLES));
  let fewest = holdings.length;
  for (let piece = first; piece < end; piece += step) {
    let sources = 0;
    for (const map of holdings) if (map.has(piece)) sources++;
    fewest = Math.min(fewest, sources);
  }
  return fewest;
}
