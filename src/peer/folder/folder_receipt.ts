import type { ManifestPart } from "../../content/manifest_part.ts";
import { treeShape } from "../../content/hash_tree.ts";
import type { TreeFindings } from "../../store/tree/known_trees.ts";
import type { FolderTally } from "./folder_tally.ts";
import type { FileCounts, LeftOut, Receipt } from "../api/peer_api.ts";

/** The part of a receipt that is about what was put on disk. */
export type FolderReceipt = Pick<
  Receipt,
  "path" | "up_to_date" | "size" | "chunks" | "files" | "left_out" | "sources"
>;

/** The findings on a folder that is all that its manifest says. */
export function findingsOn(
  { entries, bytes, leftOut }: Extract<ManifestPart, { kind: "folder" }>,
): TreeFindings {
  const files = entries.filter((entry) => entry.type === "file");
  const chunks = files.reduce((sum, { size }) => sum + treeShape(size).chunks, 0);
  return { entries: entries.length, files: files.length, chunks, bytes, leftOut };
}

/** The receipt for a folder at `path` that needed nothing. */
export function receiptOfKnown(
  path: string,
  { files, chunks, bytes, leftOut }: TreeFindings,
): FolderReceipt {
  return {
    path,
    up_to_date: true,
    size: bytes,
    chunks: { reused: chunks, fetched: 0, refetched: 0 },
    files: { fetched: 0, copied: 0, unchanged: files, deleted: 0 },
    left_out: leftOut.map(outside),
    sources: [],
  };
}

/** The receipt for a folder at `path` of which some files were there, and others were brought. */
export function receiptOfBrought(
  path: string,
  findings: TreeFindings,
  { tally, up_to_date, unchanged, deleted }: Pick<FileCounts, "unchanged" | "deleted"> & {
    tally: FolderTally;
    up_to_date: boolean;
  },
): FolderReceipt {
  const { fetched, copied, fetchedChunks, refetchedChunks } = tally.counts;
  return {
    ...receiptOfKnown(path, findings),
    up_to_date,
    chunks: {
      reused: findings.chunks - fetchedChunks,
      fetched: fetchedChunks,
      refetched: refetchedChunks,
    },
    files: { fetched, copied, unchanged, deleted },
    sources: tally.receipts.filter(({ bytes, dropped }) => bytes > 0 || dropped),
  };
}

function outside(path: string): LeftOut {
  return { path, why: "the link leads out of what is fetched" };
}
