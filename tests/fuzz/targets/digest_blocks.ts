import { treeShape } from "../../../src/content/hash_tree.ts";
import { VerifiedBlocks } from "../../../src/peer/download/verified_blocks.ts";
import type { Source } from "../../../src/peer/download/source.ts";
import { isAllowed, must } from "../allow.ts";
import { patterned, sha256 } from "../../support/bytes.ts";
import { referenceId, referenceTree } from "../../support/reference_tree.ts";
import type { Target } from "../target.ts";
import { TempState } from "../temp_state.ts";

const CHUNKS = 2_051;
const SIZE = CHUNKS * 65_536 - 1;
const { levels, top } = referenceTree(patterned(CHUNKS * 32));
const ID = referenceId(SIZE, top);
const temp = new TempState();
/** Digests that are looked for, and not found, in each kept block. */
const right = new Set(levels.flat().map((block) => sha256(block).toHex()));

/** Blocks of a hash tree from a source that sends one wrong: at the top, or below it. */
export const digestBlocks: Target = {
  name: "digest_blocks",
  weight: 3,
  // The first byte says which block is the input, in place of the right one.
  seeds: [top, levels[0][1]].flatMap((block) =>
    [0, 1, 2].map((which) => Uint8Array.of(which, ...block))
  ),
  async run(input) {
    const { state } = await temp.get();
    const which = (input[0] ?? 0) % 3;
    const sent = input.slice(1);
    const place = which === 0 ? [1, 0] : [0, which - 1];
    const source = {
      receipt: { address: "192.0.2.1:9", bytes: 0, retries: 0, bad_chunks: 0 },
      digests: (level: number, block: number) =>
        Promise.resolve(
          level === place[0] && block === place[1] ? sent : levels[level][block].slice(),
        ),
    } as unknown as Source;
    const blocks = new VerifiedBlocks(ID, treeShape(SIZE), state.digests);
    try {
      for (const block of [0, 1]) {
        must(
          right.has(sha256(await blocks.block(0, block, source)).toHex()),
          "no wrong block is kept",
        );
      }
      must(right.has(sha256(sent).toHex()), "a wrong block is refused");
    } catch (error) {
      if (!isAllowed(error, ["integrity"])) throw error;
    } finally {
      state.db.run("DELETE FROM digest_pages");
    }
  },
  close: () => temp.close(),
};
