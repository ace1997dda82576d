import { assert, assertEquals } from "@std/assert";
import { treeShape } from "../../src/content/hash_tree.ts";
import type { Fault } from "../../src/fault.ts";
import { Downloader, type DownloaderOptions } from "../../src/peer/download/downloader.ts";
import { Refusal } from "../../src/wire/caller.ts";
import { assertSameBytes, type Bytes } from "./bytes.ts";
import { MemorySink } from "./memory_sink.ts";
import type { Conduct, MemoryFile, MemorySource } from "./memory_source.ts";
import { newState } from "./new_state.ts";

const CHUNK = 65_536;

/** One download from sources in memory. It waits for sources a moment only. */
export async function download(
  file: MemoryFile,
  sources: MemorySource[],
  options: Partial<DownloaderOptions> = {},
) {
  await using state = await newState();
  const sink = new MemorySink(file.size);
  let told = 0;
  const downloader = new Downloader({
    ...{ id: file.id, size: file.size, sink, digests: state.digests, sources, waitMs: 1 },
    ...{ onBytes: (bytes) => told += bytes, backoff: { first: 1, longest: 2 } },
    ...options,
  });
  let error: unknown;
  await downloader.run().catch((thrown) => error = thrown);
  for (const source of downloader.sources as MemorySource[]) {
    assert(!source.open, `${source.receipt.address} is closed`);
  }
  // Whatever was written is right, even when the download failed.
  for (const at of sink.written) {
    assertSameBytes(sink.content.subarray(at, at + CHUNK), file.content.subarray(at, at + CHUNK));
  }
  return { error, sink, told, tally: downloader.tally };
}

/** Fails the test unless the download came through, and counted each byte once. */
export async function downloaded(
  file: MemoryFile,
  sources: MemorySource[],
  options?: Partial<DownloaderOptions>,
) {
  const { error, ...result } = await download(file, sources, { waitMs: 30_000, ...options });
  if (error) throw error;
  assertSameBytes(result.sink.content, file.content);
  assertEquals(result.told, file.size);
  assertEquals(result.tally.fetched, treeShape(file.size).chunks);
  assertEquals(result.sink.done.length, file.pieces);
  return result;
}

/** Fails the test unless the download failed. */
export async function failed(
  file: MemoryFile,
  sources: MemorySource[],
  options?: Partial<DownloaderOptions>,
) {
  const { error, ...result } = await download(file, sources, options);
  assert(error instanceof Error, "it should have failed");
  return { error: error as Fault, ...result };
}

/** The same bytes but for one bit. */
export const flip = (bytes: Bytes, at: number) => bytes.with(at, bytes[at] ^ 1);

export const refusal = (code: string) => new Refusal("it", { code, message: "" });

/** Wrong in some chunks, whenever it is asked for them. */
export const liesIn = (...chunks: number[]): Conduct => ({
  chunks: (right, { first, count }) =>
    chunks.filter((chunk) => chunk >= first && chunk < first + count)
      .reduce((bytes, chunk) => flip(bytes, (chunk - first) * CHUNK), right),
});

/** A gate that opens once and stays open. */
export function gate() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { passed: promise, open: () => resolve() };
}
