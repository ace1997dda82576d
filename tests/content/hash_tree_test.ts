import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { digest } from "../../src/content/digest.ts";
import { fileId } from "../../src/content/file_id.ts";
import { blockLength, pieceLength, TreeBuilder, treeShape } from "../../src/content/hash_tree.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE, TREE_LEVELS } from "../../src/wire/protocol.ts";
import { assertSameBytes, type Bytes, concat, patterned, sha256 } from "../support/bytes.ts";
import { referenceId, referenceTree } from "../support/reference_tree.ts";

const MAX_SIZE = Number.MAX_SAFE_INTEGER;

Deno.test("tree shape: digests and blocks of each level, at the boundaries", () => {
  const full = CHUNK_SIZE * BLOCK_DIGESTS;
  const table: [size: number, chunks: number, levels: [digests: number, blocks: number][]][] = [
    [0, 0, [[0, 1]]],
    [1, 1, [[1, 1]]],
    [65_535, 1, [[1, 1]]],
    [65_536, 1, [[1, 1]]],
    [65_537, 2, [[2, 1]]],
    [full - 1, 2_048, [[2_048, 1]]],
    [full, 2_048, [[2_048, 1]]],
    [full + 1, 2_049, [[2_049, 2], [2, 1]]],
    [2 * full, 4_096, [[4_096, 2], [2, 1]]],
    [2 * full + 1, 4_097, [[4_097, 3], [3, 1]]],
    [full * BLOCK_DIGESTS, 2 ** 22, [[2 ** 22, 2_048], [2_048, 1]]],
    [full * BLOCK_DIGESTS + 1, 2 ** 22 + 1, [[2 ** 22 + 1, 2_049], [2_049, 2], [2, 1]]],
    [MAX_SIZE, 2 ** 37, [[2 ** 37, 2 ** 26], [2 ** 26, 2 ** 15], [2 ** 15, 16], [16, 1]]],
  ];
  for (const [size, chunks, levels] of table) {
    const shape = treeShape(size);
    assertEquals(shape.size, size);
    assertEquals(shape.chunks, chunks, `chunks of ${size}`);
    assertEquals(shape.levels.map(({ digests, blocks }) => [digests, blocks]), levels, `${size}`);
    assert(levels.length <= TREE_LEVELS);
  }
});

Deno.test("block lengths: full blocks, short last ones, and none beyond", () => {
  const shape = treeShape(4_097 * CHUNK_SIZE);
  assertEquals([0, 1, 2, 3].map((block) => blockLength(shape, 0, block)), [65_536, 65_536, 32, -1]);
  assertEquals([0, 1].map((block) => blockLength(shape, 1, block)), [96, -1]);
  assertEquals(blockLength(shape, 2, 0), -1);
  assertEquals([0, 1].map((block) => blockLength(treeShape(0), 0, block)), [0, -1]);
  const largest = treeShape(MAX_SIZE);
  assertEquals(blockLength(largest, 0, 2 ** 26 - 1), 65_536);
  assertEquals(blockLength(largest, 0, 2 ** 26), -1);
  assertEquals(blockLength(largest, 3, 0), 16 * DIGEST_SIZE);
  assertEquals(blockLength(largest, 4, 0), -1);
});

Deno.test("block lengths add up to the digests of every level", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 42 }), (size) => {
      const shape = treeShape(size);
      for (const [level, { digests, blocks }] of shape.levels.entries()) {
        const last = blockLength(shape, level, blocks - 1);
        assertEquals((blocks - 1) * CHUNK_SIZE + last, digests * DIGEST_SIZE);
        assertEquals(blockLength(shape, level, blocks), -1);
        if (level > 0) assertEquals(digests, shape.levels[level - 1].blocks);
      }
      assertEquals(shape.levels.at(-1)!.blocks, 1);
    }),
  );
});

Deno.test("piece lengths: within the file, or not at all", () => {
  const shape = treeShape(2 * CHUNK_SIZE + 10);
  const table: [first: number, count: number, length: number][] = [
    [0, 1, 65_536],
    [0, 2, 131_072],
    [0, 3, 131_082],
    [1, 2, 65_546],
    [2, 1, 10],
    [0, 4, -1],
    [2, 2, -1],
    [3, 1, -1],
    [0, 0, -1],
    [0, -1, -1],
    [MAX_SIZE, MAX_SIZE, -1],
  ];
  for (const [first, count, length] of table) {
    assertEquals(pieceLength(shape, first, count), length, `${count} from ${first}`);
  }
  assertEquals(pieceLength(treeShape(0), 0, 1), -1);
  assertEquals(pieceLength(treeShape(MAX_SIZE), 2 ** 37 - 16, 16), 16 * CHUNK_SIZE - 1);
  assertEquals(pieceLength(treeShape(MAX_SIZE), 2 ** 37 - 1, 2), -1);
});

/** Feeds digests to a builder `step` at a time; checks each block; returns the top. */
async function build(digests: Bytes, step: number): Promise<Bytes> {
  const expected = referenceTree(digests);
  const seen = expected.levels.map(() => 0);
  const tree = new TreeBuilder((level, block, bytes) => {
    assertEquals(block, seen[level]++, "blocks of a level come in order, each once");
    assertSameBytes(bytes, expected.levels[level][block], `block ${block} of level ${level}`);
  });
  for (let at = 0; at < digests.length; at += step * DIGEST_SIZE) {
    await tree.add(digests.subarray(at, at + step * DIGEST_SIZE));
  }
  const top = await tree.finish();
  assertEquals(seen, expected.levels.map((blocks) => blocks.length));
  assertSameBytes(top, expected.top, "top block");
  return top;
}

Deno.test("tree: the same as the plain one, at every boundary", async () => {
  for (const count of [0, 1, 2, 2_047, 2_048, 2_049, 4_095, 4_096, 4_097]) {
    const digests = patterned(count * DIGEST_SIZE, count + 1);
    for (const step of [1, 32, 5_000]) await build(digests, step);
    const { levels } = treeShape(count * CHUNK_SIZE);
    assertEquals(
      referenceTree(digests).levels.map((blocks) => blocks.length),
      levels.map((l) => l.blocks),
    );
  }
});

Deno.test("tree: three levels, at one digest more than two can hold", async () => {
  const top = await build(patterned((2_048 * 2_048 + 1) * DIGEST_SIZE), 65_536);
  assertEquals(top.length, 2 * DIGEST_SIZE);
});

Deno.test("tree: blocks may be kept, for none is written to again", async () => {
  const digests = patterned(4_097 * DIGEST_SIZE, 3);
  const kept: Bytes[] = [];
  const tree = new TreeBuilder((level, _page, bytes) => level === 0 && kept.push(bytes));
  await tree.add(digests);
  await tree.finish();
  assertSameBytes(concat(kept), digests);
});

Deno.test("file id: known answers", async () => {
  const zeroes = new Uint8Array(CHUNK_SIZE);
  const zeroChunk = sha256(zeroes);
  const many = concat(Array.from({ length: 2_049 }, () => zeroChunk));
  // Computed by a program in another language from the definition alone.
  const table: [what: string, size: number, digests: Bytes, id: string][] = [
    [
      "empty",
      0,
      new Uint8Array(),
      "2b0209ce08288d7c20875ab20d689ad32e2a367b2dcc078fae06d826a6e518bb",
    ],
    [
      "a zero byte",
      1,
      sha256(zeroes.subarray(0, 1)),
      "7c7efdd33c773cc7b86f53dfc60ac76e8cdd7e0ff662356d75d4ea206b2d815b",
    ],
    [
      "the letter a",
      1,
      sha256(new Uint8Array([97])),
      "a2045ec139871f7a67b23f87186044d79d7a0df3d49760d9fb84f6511c6be280",
    ],
    [
      "65,537 zeroes",
      65_537,
      concat([zeroChunk, sha256(zeroes.subarray(0, 1))]),
      "58e4faa315abe9991d3cf19aacc232038637b820a549da2ccc7d10b61e913d1e",
    ],
    [
      "2,048 chunks of zeroes",
      2_048 * CHUNK_SIZE,
      many.subarray(DIGEST_SIZE),
      "c5d8bd7dab71694e58ee8378ae1d4f384c8954799944de76c780864d24b3abc2",
    ],
    [
      "2,049 chunks of zeroes",
      2_049 * CHUNK_SIZE,
      many,
      "03eed9645a12c9793910881abbbba48e242372af5c5513e95c82d33c244d5905",
    ],
  ];
  for (const [what, size, digests, id] of table) {
    assertEquals(await fileId(size, await build(digests, 64)), id, what);
    assertEquals(referenceId(size, referenceTree(digests).top), id, what);
  }
  assertEquals(
    await fileId(MAX_SIZE, new Uint8Array()),
    "9d762d88065c37ecbf393a8582d520a660768f4ff7745d9898a25189982b73d9",
  );
});

Deno.test("file id: the size is bound in, so a block of digests is no file", async () => {
  const block = patterned(2 * DIGEST_SIZE);
  const asPage = await fileId(65_537, block);
  for (const size of [65_536, 65_538, 131_072]) assertNotEquals(await fileId(size, block), asPage);
  // The file whose content is that block has one chunk, and so another tree.
  assertNotEquals(await fileId(block.length, await digest(block)), asPage);
});
