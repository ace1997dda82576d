import { Chunker } from "../../src/content/chunker.ts";
import { type Bytes } from "./bytes.ts";

/** Sizes at which something could be off by one. */
export const SIZES = [
  0,
  1,
  65_535,
  65_536,
  65_537,
  131_071,
  131_072,
  131_073,
  1 << 20,
  (1 << 20) + 1,
];

/** The chunks that come of some blocks. */
export async function chunked(blocks: Iterable<Bytes>): Promise<Bytes[]> {
  return await Array.fromAsync(ReadableStream.from(blocks).pipeThrough(new Chunker()));
}
