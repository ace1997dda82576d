import { Fault, inQuotes } from "../../fault.ts";
import { hashWhole } from "../../store/hash/hash_whole.ts";
import type { GetRequest } from "../api/peer_api.ts";

/** Compares a whole file with what was asked for, if anything. Throws an `integrity` Fault. */
export async function requireChecksum(
  path: string,
  { name, sha256 }: Pick<GetRequest, "name" | "sha256">,
  signal: AbortSignal,
): Promise<void> {
  if (sha256 === undefined) return;
  const found = await hashWhole(path, signal);
  if (found !== sha256) throw wrongChecksum(name, { found, sha256 });
}

/** The Fault for a file whose SHA-256 is not the given one. */
export function wrongChecksum(
  name: string,
  { found, sha256 }: { found: string; sha256: string },
): Fault {
  return new Fault(
    "integrity",
    `Cannot get ${inQuotes(name)}: its SHA-256 is ${found}, not ${sha256}`,
  );
}

/** The fault for a checksum of something that is no file; `id` is what can be asked for in its place. */
export function noChecksum(id?: string): Fault {
  const instead = id ? `; to get only what has a certain content, add --id ${id}` : "";
  return new Fault("usage", `Cannot use --checksum: a folder has no checksum of its own${instead}`);
}
