import { type Socket, writeAll } from "../../wire/transport.ts";

/** A pump's buffer at first, in bytes; it doubles while reads fill it. */
export const FIRST_BUFFER = 4_096;
const LAST_BUFFER = 262_144;

/** Copies until the end of `from`, or until either breaks. */
export async function pump(from: Pick<Socket, "read">, to: Pick<Socket, "write">): Promise<void> {
  let buffer = new Uint8Array(FIRST_BUFFER);
  try {
    for (let n; (n = await from.read(buffer)) !== null;) {
      await writeAll(to, buffer.subarray(0, n));
      if (n === buffer.length && n < LAST_BUFFER) buffer = new Uint8Array(2 * n);
    }
  } catch {
    // The pump of the other direction notices.
  }
}
