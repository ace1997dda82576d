import { assertEquals, assertRejects } from "@std/assert";
import { treeShape } from "../../../src/content/hash_tree.ts";
import type { ReuseHost } from "../../../src/peer/download/reuse.ts";
import type { ChunkRange } from "../../../src/peer/download/source.ts";
import { copierFor } from "../../../src/peer/download/chunk_copier.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";

const CHUNK = 65_536;
const DIGEST = 32;
/** Chunks of a block of digests. */
const PAGE = 2_048;
const MIB = 1 << 20;

/** A download of so many bytes that lacks some chunks, and asks for a block before it is given. */
class Host implements ReuseHost {
  readonly shape;
  readonly digests;
  readonly adopted: ChunkRange[] = [];
  readonly blocks: number[] = [];
  ended = false;

  constructor(size: number, readonly missing: (chunk: number) => boolean = () => true) {
    this.shape = treeShape(size);
    this.digests = patterned(this.shape.chunks * DIGEST);
  }

  block(block: number) {
    this.blocks.push(block);
    const at = block * PAGE * DIGEST;
    return Promise.resolve(this.digests.subarray(at, at + PAGE * DIGEST));
  }

  needs(chunk: number): boolean {
    return this.missing(chunk);
  }

  adopt(range: ChunkRange): void {
    this.adopted.push(range);
  }

  lookedAt(): void {}

  throwIfEnded(): void {
    if (this.ended) throw new Error("it has ended");
  }
}

const partial = { path: "/partial", room: () => Promise.resolve() };

Deno.test("chunk copier: it wants what is missing, as far as the file goes", async () => {
  const host = new Host(200 * MIB + 5, (chunk) => chunk < 64 || chunk > 100);
  const copier = copierFor(host, partial);
  const table: [position: number, from: number, to: number][] = [
    [0, 0, 64],
    [4 * MIB, 64, 128],
    [128 * MIB - 4 * MIB, PAGE - 64, PAGE],
    [128 * MIB, PAGE, PAGE + 64],
    [200 * MIB, 3_200, 3_201],
  ];
  for (const [position, from, to] of table) {
    const wanted = await copier.wanted(position, 4 * MIB);
    assertEquals(wanted?.path, "/partial");
    assertSameBytes(wanted!.expected, host.digests.slice(from * DIGEST, to * DIGEST));
  }
  // Both blocks, and never one that isn't there.
  assertEquals([...new Set(host.blocks)], [0, 1]);
  assertEquals(await copier.wanted(204 * MIB, 4 * MIB), undefined, "beyond its end");
  const had = copierFor(new Host(8 * MIB, (chunk) => chunk >= 64), partial);
  assertEquals(await had.wanted(0, 4 * MIB), undefined, "nothing missing");
});

Deno.test("chunk copier: what was written is adopted, without what was bad", () => {
  const host = new Host(64 * MIB);
  const copier = copierFor(host, partial);
  copier.taken(4 * MIB, 2 * MIB + 3 * CHUNK + 9, [0, 20, 21, 35]);
  assertEquals(host.adopted, [
    { first: 65, count: 19 },
    { first: 86, count: 13 },
  ]);
});

Deno.test("chunk copier: it waits for room, and wants no more once the download has ended", async () => {
  const host = new Host(8 * MIB);
  const full = { path: "/partial", room: () => Promise.reject(new Error("the disk is full")) };
  await assertRejects(() => copierFor(host, full).wanted(0, MIB), Error, "full");
  host.ended = true;
  await assertRejects(() => copierFor(host, partial).wanted(0, MIB), Error, "ended");
});
