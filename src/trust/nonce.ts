import { toHex } from "../content/hex.ts";

/** Returns 32 random bytes as 64 hex digits: said once, so that what is signed over it is fresh. */
export function newNonce(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}
