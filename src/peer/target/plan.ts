import fs from "node:fs";
import type { Download } from "../../store/partial/download_store.ts";
import { bytesOf } from "../../store/partial/partial_file.ts";
import type { Target } from "./target.ts";
import type { Kept } from "./kept_destination.ts";
import type { Plan } from "../api/peer_api.ts";

/**
 * The plan for a `get` of a target; `partial` is what an earlier try has left, and `reused` bytes
 * would be copied from files here.
 */
export function planOf(
  { name, path, upToDate }: { name: string; path: string; upToDate: boolean },
  { id, size, announcement, taken, sources }: Target,
  { partial, reused }: { partial: Download | undefined; reused: number },
): Plan {
  const left = partial ? bytesOf(partial.map, size) : 0;
  const there = upToDate ? size : left;
  const exists = fs.existsSync(path);
  return {
    name,
    id,
    size,
    path,
    publisher: announcement?.publisher,
    trust: taken,
    action: upToDate ? "none" : exists ? "replace" : "fetch",
    bytes: { there, reused, missing: size - there - reused },
    sources: upToDate ? [] : sources.map(({ receipt }) => receipt.address),
  };
}

/** The same for a folder, or a part of one, with so many bytes; `known` when it is known to be up to date. */
export function planOfFolder(
  name: string,
  { id, announcement, taken, sources }: Target,
  { path, exists, known, bytes: size }: {
    path: string;
    exists: boolean;
    known: boolean;
    bytes: number;
  },
): Plan {
  return {
    name,
    id,
    size,
    path,
    publisher: announcement?.publisher,
    trust: taken,
    action: known ? "none" : exists ? "replace" : "fetch",
    // Nothing here is read for a plan, so nothing is known of what may be there.
    bytes: { there: known ? size : 0, reused: 0, missing: known ? 0 : size },
    sources: known ? [] : sources.map(({ receipt }) => receipt.address),
  };
}

/** The same for what stands at the destination and would be left alone. */
export function planOfKept({ name, id, size, path }: Kept): Plan {
  return {
    name,
    id,
    size,
    path,
    action: "none",
    kept: true,
    bytes: { there: size, reused: 0, missing: 0 },
    sources: [],
  };
}
