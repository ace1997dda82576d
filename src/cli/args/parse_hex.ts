import { Fault } from "../../fault.ts";

/** Reads an id or the beginning of one. Throws a `usage` Fault. */
export function parseHex(text: string): string {
  if (/^[0-9a-f]{8,64}$/i.test(text)) return text.toLowerCase();
  throw new Fault("usage", "it must be 8 to 64 hex digits");
}
