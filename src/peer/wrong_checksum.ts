import { Fault } from "../fault.ts";

/** The `integrity` Fault for a file whose SHA-256 is not the one that was given. */
export function wrongChecksum(
  name: string,
  { found, sha256 }: { found: string; sha256: string },
): Fault {
  return new Fault("integrity", `Cannot get ${name}: its SHA-256 is ${found}, not ${sha256}`);
}
