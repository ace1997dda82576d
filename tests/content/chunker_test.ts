import { assert, assertEquals, assertNotEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Chunker } from "../../src/content/chunker.ts";
import { CHUNK_SIZE } from "../../src/wire/protocol.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "../support/bytes.ts";
import { chunked, SIZES } from "../support/chunked.ts";

/** Cuts `content` at the given places, in any order. */
function cutAt(content: Bytes, places: number[]): Bytes[] {
  const ends = [...places.toSorted((a, b) => a - b), content.length];
  return ends.map((end, index) => content.subarray(index === 0 ? 0 : ends[index - 1], end));
}

function blocksOf(content: Bytes, length: number): Bytes[] {
  const places: number[] = [];
  for (let at = length; at < content.length; at += length) places.push(at);
  return cutAt(content, places);
}

function assertChunksOf(content: Bytes, chunks: Bytes[]): void {
  const last = chunks.length - 1;
  assertEquals(chunks.length, Math.ceil(content.length / CHUNK_SIZE));
  assert(chunks.every(({ length }, at) => at === last ? length > 0 : length === CHUNK_SIZE));
  assertSameBytes(concat(chunks), content, "chunks");
}

Deno.test("chunker: content at every boundary, in blocks of every awkward size", async () => {
  for (const size of SIZES) {
    const content = patterned(size, size + 1);
    for (const block of [997, 65_535, 65_536, 65_537, 131_073, 1 << 22]) {
      assertChunksOf(content, await chunked(blocksOf(content, block)));
    }
  }
});

Deno.test("chunker: blocks of one byte around the first boundary", async () => {
  const content = patterned(65_538);
  assertChunksOf(content, await chunked(blocksOf(content, 1)));
});

Deno.test("chunker: 2,048 chunks and one byte to either side", async () => {
  const content = patterned(2_048 * CHUNK_SIZE + 1);
  for (const size of [-1, 0, 1].map((more) => 2_048 * CHUNK_SIZE + more)) {
    let at = 0;
    for (const chunk of await chunked(blocksOf(content.subarray(0, size), (4 << 20) + 1))) {
      assertSameBytes(chunk, content.subarray(at, Math.min(at + CHUNK_SIZE, size)));
      at += chunk.length;
    }
    assertEquals(at, size);
  }
});

Deno.test("chunker: any cutting into blocks gives the same chunks", async () => {
  const content = patterned(4 * CHUNK_SIZE + 5);
  const places = fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: content.length }),
      fc.constantFrom(65_535, 65_536, 65_537, 131_072, 262_144, content.length),
    ),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(places, fc.integer({ min: 0, max: content.length }), async (cuts, size) => {
      const part = content.subarray(0, size);
      assertChunksOf(part, await chunked(cutAt(part, cuts.map((at) => Math.min(at, size)))));
    }),
  );
});

Deno.test("chunker: no blocks, and blocks of nothing, make no chunks", async () => {
  const nothing = new Uint8Array();
  assertEquals(await chunked([]), []);
  assertEquals(await chunked([nothing, nothing]), []);
  const content = patterned(CHUNK_SIZE + 1);
  assertChunksOf(content, await chunked([nothing, content, nothing]));
});

Deno.test("chunker: chunks are views into the block, except those that span two", async () => {
  const block = patterned(3 * CHUNK_SIZE);
  for (const [index, chunk] of (await chunked([block])).entries()) {
    assertStrictEquals(chunk.buffer, block.buffer);
    assertEquals(chunk.byteOffset, index * CHUNK_SIZE);
  }
  const [spanning, whole] = await chunked([patterned(10), block]);
  assertNotEquals(spanning.buffer, block.buffer);
  assertStrictEquals(whole.buffer, block.buffer);
});

Deno.test("chunker: a spanning chunk that was handed out is not written to again", async () => {
  const content = patterned(5 * CHUNK_SIZE, 7);
  const held: Bytes[] = [];
  const stream = ReadableStream.from(blocksOf(content, 40_000)).pipeThrough(new Chunker());
  for await (const chunk of stream) held.push(chunk);
  assertChunksOf(content, held);
});

Deno.test("chunker: the source's failure is the stream's", async () => {
  const stream = new ReadableStream<Bytes>({
    pull(controller) {
      controller.enqueue(patterned(CHUNK_SIZE));
      controller.error(new TypeError("the disk is gone"));
    },
  });
  let failure: unknown;
  await Array.fromAsync(stream.pipeThrough(new Chunker())).catch((error) => failure = error);
  assert(failure instanceof TypeError);
});
