import { treeShape } from "../content/hash_tree.ts";
import type { HashCache } from "../store/hash_cache.ts";
import { safeName } from "../store/safe_path.ts";
import { Fault } from "../fault.ts";
import { destinationOf } from "./destination.ts";
import type { GetRequest, Receipt } from "./peer_api.ts";
import { requireChecksum } from "./require_checksum.ts";

/**
 * The receipt for what stands at a request's destination and is left alone; undefined when nothing
 * does. Nobody is asked for that. Throws a `destination` Fault for what is no file, and an `integrity`
 * Fault when the file's SHA-256 is to be another.
 */
export async function keptFile(
  request: GetRequest,
  { dir, cache }: { dir: string; cache: HashCache },
): Promise<Receipt & { path: string } | undefined> {
  const started = performance.now();
  const name = safeName(request.name.normalize("NFC"));
  const path = await destinationOf({ ...request, name }, dir);
  const stat = await Deno.stat(path).catch(() => undefined);
  if (!stat) return;
  if (!stat.isFile) {
    throw new Fault(
      "destination",
      `Cannot write ${path}: it is no file, and --no-clobber is for files`,
    );
  }
  const { id, stamp: { size } } = await cache.identify(path, { what: "read", follow: true });
  await requireChecksum(path, { ...request, name }, new AbortController().signal);
  return {
    ...{ kind: "file", name, id, size, sha256: request.sha256, path },
    up_to_date: false,
    kept: true,
    seconds: (performance.now() - started) / 1000,
    bytes: 0,
    rate: 0,
    chunks: { reused: treeShape(size).chunks, fetched: 0, refetched: 0 },
    sources: [],
  };
}
