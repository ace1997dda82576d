import { treeShape } from "../../content/hash_tree.ts";
import { Fault, inQuotes } from "../../fault.ts";
import type { FolderManifests } from "../../store/shares/folder_manifests.ts";
import type { HashCache } from "../../store/hash/hash_cache.ts";
import { givenName, safeName } from "../../content/safe_path.ts";
import { destinationOf, MOVE_AWAY } from "./destination.ts";
import { holdsSomething } from "./folder_place.ts";
import { noChecksum } from "./require_checksum.ts";
import type { GetRequest, Receipt } from "../api/peer_api.ts";
import { requireChecksum } from "./require_checksum.ts";

/** The receipt for something that was left alone. */
export type Kept = Receipt & { path: string };

export interface KeptOptions {
  dir: string;
  cache: HashCache;
  manifests: FolderManifests;
  signal: AbortSignal;
}

/**
 * The receipt for what stands at a request's destination and is left alone; undefined when nothing
 * does, or only an empty folder. The swarm is not asked for that. Throws an `integrity` Fault when
 * the file's SHA-256 is to be another, and a `destination` Fault for what is neither a file nor a
 * folder.
 */
export async function keptDestination(
  request: GetRequest,
  options: KeptOptions,
): Promise<Kept | undefined> {
  const name = safeName(givenName(request.name));
  const path = await destinationOf({ ...request, name }, options.dir);
  const stat = await Deno.stat(path).catch(() => undefined);
  if (!stat) return;
  if (stat.isFile) return await keptFile({ ...request, name }, path, options);
  if (stat.isDirectory) return await keptFolder({ ...request, name }, path, options);
  const why = "it is neither a file nor a folder";
  throw new Fault("destination", `Cannot tell what ${inQuotes(path)} has: ${why}`, {
    next: MOVE_AWAY,
  });
}

/**
 * The same for the folder at `path`. Its files are read, unless they are known. Throws a `usage` Fault
 * when it is to have a checksum.
 */
export async function keptFolder(
  request: GetRequest,
  path: string,
  { manifests, signal }: KeptOptions,
): Promise<Kept | undefined> {
  if (!holdsSomething(path)) return;
  if (request.sha256) throw noChecksum();
  const started = performance.now();
  const { id, files, bytes, chunks } = await manifests.identify(path, { what: "read", signal });
  return {
    ...unmoved("folder", { name: request.name, path, started }),
    id,
    size: bytes,
    chunks: { reused: chunks, fetched: 0, refetched: 0 },
    files: { fetched: 0, copied: 0, unchanged: files, deleted: 0 },
  };
}

async function keptFile(
  request: GetRequest,
  path: string,
  { cache, signal }: KeptOptions,
): Promise<Kept> {
  const started = performance.now();
  const { id, stamp } = await cache.identify(path, { what: "read", follow: true, signal });
  await requireChecksum(path, request, signal);
  return {
    ...unmoved("file", { name: request.name, path, started }),
    id,
    size: stamp.size,
    sha256: request.sha256,
    chunks: { reused: treeShape(stamp.size).chunks, fetched: 0, refetched: 0 },
  };
}

function unmoved(
  kind: Receipt["kind"],
  { name, path, started }: { name: string; path: string; started: number },
) {
  return {
    kind,
    name,
    path,
    publisher: undefined,
    trust: undefined,
    up_to_date: false,
    kept: true as const,
    seconds: (performance.now() - started) / 1000,
    bytes: 0,
    rate: 0,
    sources: [],
  };
}
