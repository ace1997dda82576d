import { assertEquals } from "@std/assert";
import { treeShape } from "../../../src/content/hash_tree.ts";
import { Fault } from "../../../src/fault.ts";
import { VerifiedBlocks } from "../../../src/peer/download/verified_blocks.ts";
import { assertSameBytes, type Bytes, concat, patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { MemoryFile, MemorySource, tallFile } from "../../support/memory_source.ts";
import { newState } from "../../support/new_state.ts";
import { settle } from "../../support/settle.ts";

const CHUNK = 65_536;

Deno.test("verified blocks: from the top down, each fetched once, then kept", async () => {
  await using state = await newState();
  const file = tallFile();
  const blocks = new VerifiedBlocks(file.id, treeShape(file.size), state.digests);
  const source = new MemorySource("a", file);
  const [last, first] = await Promise.all([
    blocks.digestsOf({ first: 2_048, count: 1 }, source),
    blocks.digestsOf({ first: 16, count: 16 }, source),
    blocks.digestsOf({ first: 0, count: 16 }, source),
  ]);
  assertSameBytes(last, file.tree.levels[0][1]);
  assertSameBytes(first, file.tree.levels[0][0].subarray(16 * 32, 32 * 32));
  assertEquals(source.blocks.toSorted(), ["0:0", "0:1", "1:0"]);
  const later = new VerifiedBlocks(file.id, treeShape(file.size), state.digests);
  await later.digestsOf({ first: 2_047, count: 1 }, source);
  assertEquals(source.blocks.length, 3, "known from the store");
});

Deno.test("verified blocks: a wrong block is refused at every level, and not kept", async () => {
  const file = tallFile();
  const lies: ((right: Bytes) => Bytes)[] = [
    (right) => right.with(0, right[0] ^ 1),
    (right) => right.subarray(0, -32),
    (right) => concat([right, new Uint8Array(32)]),
    () => new Uint8Array(),
  ];
  for (const wrongLevel of [0, 1]) {
    for (const lie of lies) {
      await using state = await newState();
      const blocks = new VerifiedBlocks(file.id, treeShape(file.size), state.digests);
      const liar = new MemorySource("liar", file, {
        digests: (right, level) => level === wrongLevel ? lie(right) : right,
      });
      const asking = blocks.block(0, 1, liar);
      await faultOf("integrity", asking, "liar sent a wrong block of digests");
      assertEquals(state.digests.block(file.id, wrongLevel, wrongLevel === 1 ? 0 : 1), undefined);
      const honest = new MemorySource("honest", file);
      assertSameBytes(await blocks.block(0, 1, honest), file.tree.levels[0][1]);
    }
  }
});

Deno.test("verified blocks: when the source that is asked fails, the next one's is asked", async () => {
  await using state = await newState();
  const file = new MemoryFile(patterned(3 * CHUNK));
  const blocks = new VerifiedBlocks(file.id, treeShape(file.size), state.digests);
  const asked = Promise.withResolvers<Bytes>();
  const failing = new MemorySource("failing", file, { digests: () => asked.promise });
  const honest = new MemorySource("honest", file);
  const first = faultOf("network", blocks.block(0, 0, failing), "gone");
  const second = blocks.block(0, 0, honest);
  await settle();
  assertEquals(honest.blocks, []);
  asked.reject(new Fault("network", "gone"));
  await first;
  assertSameBytes(await second, file.tree.top);
});
