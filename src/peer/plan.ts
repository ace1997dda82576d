import fs from "node:fs";
import type { Download } from "../store/download_store.ts";
import { bytesOf } from "../store/partial_file.ts";
import type { Target } from "./find_target.ts";
import type { Plan, Receipt } from "./peer_api.ts";

/** What a `get` of a target would do; `partial` is what an earlier try has left. */
export function planOf(
  { name, path, upToDate }: { name: string; path: string; upToDate: boolean },
  { id, size, announcement, taken, sources }: Target,
  partial: Download | undefined,
): Plan {
  const left = partial ? bytesOf(partial.map, size) : 0;
  const there = upToDate ? size : left;
  const exists = fs.existsSync(path);
  return {
    ...{ name, id, size, path, publisher: announcement?.publisher, trust: taken },
    action: upToDate ? "none" : exists ? "replace" : "fetch",
    bytes: { there, missing: size - there },
    sources: upToDate ? [] : sources.map(({ receipt }) => receipt.address),
  };
}

/** The same for a whole folder, whose manifest isn't here. */
export function planOfFolder(
  name: string,
  { id, announcement, taken, sources }: Target,
  { path, exists }: { path: string; exists: boolean },
): Plan {
  const size = announcement?.bytes ?? 0;
  return {
    ...{ name, id, size, path, publisher: announcement?.publisher, trust: taken },
    action: exists ? "replace" : "fetch",
    // What of it is there is known when the manifest is.
    bytes: { there: 0, missing: size },
    sources: sources.map(({ receipt }) => receipt.address),
  };
}

/** The same for what stands at the destination and would be left alone. */
export function planOfKept({ name, id, size, path }: Receipt & { path: string }): Plan {
  return {
    ...{ name, id, size, path },
    action: "none",
    kept: true,
    bytes: { there: size, missing: 0 },
    sources: [],
  };
}
