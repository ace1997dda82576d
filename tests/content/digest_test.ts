import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { badChunks, goodStretches } from "../../src/content/bad_chunks.ts";
import { digest, digestChunks, sameBytes } from "../../src/content/digest.ts";
import { fromHex, toHex } from "../../src/content/hex.ts";
import { CHUNK_SIZE, DIGEST_SIZE } from "../../src/wire/protocol.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "../support/bytes.ts";
import { referenceDigests } from "../support/reference_tree.ts";
import { chunked, SIZES } from "../support/chunked.ts";

Deno.test("digests: all at once are the same as one by one, at every boundary", async () => {
  for (const size of SIZES) {
    const content = patterned(size, size + 2);
    const oneByOne: Bytes[] = [];
    for (const chunk of await chunked([content])) oneByOne.push(await digest(chunk));
    const all = await digestChunks(content);
    assertSameBytes(all, concat(oneByOne), "digests");
    assertSameBytes(all, referenceDigests(content), "digests");
  }
});

Deno.test("digests: the bytes may change as soon as the call has returned", async () => {
  const content = patterned(4 * CHUNK_SIZE);
  const expected = referenceDigests(content);
  const all = digestChunks(content);
  content.fill(0);
  assertSameBytes(await all, expected);
});

Deno.test("sameBytes tells apart what differs in a byte or in length", () => {
  const bytes = patterned(32);
  assert(sameBytes(bytes, bytes.slice()));
  assert(sameBytes(new Uint8Array(), new Uint8Array()));
  assert(!sameBytes(bytes, bytes.subarray(1)));
  assert(!sameBytes(bytes, bytes.subarray(0, 31)));
  for (const at of [0, 15, 31]) assert(!sameBytes(bytes, bytes.with(at, bytes[at] ^ 1)));
});

Deno.test("bad chunks: their numbers, wherever in a digest the difference is", () => {
  const good = patterned(5 * DIGEST_SIZE);
  for (const byte of [0, 15, 31]) {
    const wrong = (...at: number[]) => {
      const bytes = good.slice();
      for (const index of at) bytes[index * DIGEST_SIZE + byte] ^= 1;
      return bytes;
    };
    for (const bad of [[], [0], [2], [4], [0, 4], [1, 2], [0, 1, 4], [0, 1, 2, 3, 4]]) {
      assertEquals(badChunks(wrong(...bad), good), bad);
      assertEquals(badChunks(good, wrong(...bad)), bad);
    }
  }
  assertEquals(badChunks(new Uint8Array(), new Uint8Array()), []);
});

Deno.test("bad chunks: what has nothing, or not all, to be compared with is bad", () => {
  const digests = patterned(3 * DIGEST_SIZE);
  assertEquals(badChunks(digests, new Uint8Array()), [0, 1, 2]);
  assertEquals(badChunks(digests, digests.subarray(0, DIGEST_SIZE)), [1, 2]);
  assertEquals(badChunks(digests, digests.subarray(0, 2 * DIGEST_SIZE + 31)), [2]);
  assertEquals(badChunks(digests, digests.subarray(DIGEST_SIZE)), [0, 1, 2]);
});

Deno.test("good stretches: at the boundaries", () => {
  const C = CHUNK_SIZE;
  const table: [length: number, bad: number[], stretches: [number, number][]][] = [
    [0, [], []],
    [1, [], [[0, 1]]],
    [1, [0], []],
    [C - 1, [], [[0, C - 1]]],
    [C - 1, [0], []],
    [C, [], [[0, C]]],
    [C, [0], []],
    [C + 1, [], [[0, C + 1]]],
    [C + 1, [0], [[C, C + 1]]],
    [C + 1, [1], [[0, C]]],
    [C + 1, [0, 1], []],
    [5 * C, [2], [[0, 2 * C], [3 * C, 5 * C]]],
    [5 * C, [0, 1, 4], [[2 * C, 4 * C]]],
    [5 * C, [0, 4], [[C, 4 * C]]],
    [5 * C, [1, 3], [[0, C], [2 * C, 3 * C], [4 * C, 5 * C]]],
    [5 * C, [4], [[0, 4 * C]]],
    [5 * C - 1, [4], [[0, 4 * C]]],
    [5 * C - 1, [3], [[0, 3 * C], [4 * C, 5 * C - 1]]],
    [16 * C, [15], [[0, 15 * C]]],
    [16 * C, Array.from({ length: 16 }, (_, index) => index), []],
  ];
  for (const [length, bad, stretches] of table) {
    assertEquals(goodStretches(length, bad, C), stretches, `${length} bytes without ${bad}`);
  }
});

Deno.test("good stretches and bad chunks together are the payload, each byte once", () => {
  const payload = fc.integer({ min: 1, max: 9 }).chain((chunkSize) =>
    fc.nat({ max: 40 * chunkSize }).chain((length) => {
      const chunks = Array.from({ length: Math.ceil(length / chunkSize) }, (_, index) => index);
      return fc.record({
        chunkSize: fc.constant(chunkSize),
        length: fc.constant(length),
        bad: fc.subarray(chunks),
      });
    })
  );
  fc.assert(
    fc.property(payload, ({ length, bad, chunkSize }) => {
      const stretches = goodStretches(length, bad, chunkSize);
      const covered = new Uint8Array(length);
      for (const [from, to] of stretches) {
        assert(from < to && to <= length && from % chunkSize === 0, `${from} to ${to}`);
        for (let at = from; at < to; at++) covered[at]++;
      }
      for (const [index, [from]] of stretches.entries()) {
        if (index > 0) assert(from > stretches[index - 1][1], "no two touch");
      }
      for (const index of bad) {
        for (let at = index * chunkSize; at < Math.min((index + 1) * chunkSize, length); at++) {
          covered[at]++;
        }
      }
      assert(covered.every((times) => times === 1), `${covered}`);
    }),
  );
});

Deno.test("hex goes there and back, and takes nothing else", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const hex = toHex(bytes);
      assertEquals(hex.length, 2 * bytes.length);
      assertSameBytes(fromHex(hex), bytes);
      assertSameBytes(fromHex(hex.toUpperCase()), bytes);
    }),
  );
  for (const bad of ["0", "0g", "0x00", " 00", "00\n"]) {
    assertThrows(() => fromHex(bad), SyntaxError);
  }
});
