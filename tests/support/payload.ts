import type { Payload } from "../../src/store/disk/sink.ts";
import type { Bytes } from "./bytes.ts";
import { referenceDigests } from "./reference_tree.ts";

const CHUNK = 65_536;

/** Some chunks to be stored, of which those with the numbers `wrong`, from 0, are not what they should be. */
export function payloadOf(chunks: Bytes, wrong: number[] = []): Payload {
  // One byte more than there are: a payload need not fill its memory.
  const bytes = new Uint8Array(chunks.length + 1);
  bytes.set(chunks);
  for (const index of wrong) bytes[Math.min((index + 1) * CHUNK, chunks.length) - 1] ^= 1;
  return { buffer: bytes.buffer, length: chunks.length, expected: referenceDigests(chunks) };
}
