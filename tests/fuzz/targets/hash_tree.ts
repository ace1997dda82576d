import { blockLength, pieceLength, treeShape } from "../../../src/content/hash_tree.ts";
import { PIECE_CHUNKS, pieceCount } from "../../../src/content/piece_map.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "../../../src/content/sizes.ts";
import { PAYLOAD_CAP, REQUEST_CHUNKS, TREE_LEVELS } from "../../../src/wire/protocol.ts";
import { must } from "../allow.ts";
import type { Random, Target } from "../target.ts";

/** Five numbers of 8 bytes: size, level, block, first, count; only their lowest 53 bits. */
function numbersOf(input: Uint8Array): number[] {
  const padded = new Uint8Array(40);
  padded.set(input.subarray(0, 40));
  const view = new DataView(padded.buffer);
  return [0, 8, 16, 24, 32].map((at) => Number(view.getBigUint64(at) & 0x1f_ffff_ffff_ffffn));
}

function near(random: Random): bigint {
  const unit = BigInt(random.pick([1, 32, 65_536, 1 << 20, 134_217_728, 2 ** 38]));
  const large = random.oneIn(4) ? 2 ** 53 - 1 : 3_000;
  return unit * BigInt(random.below(large) + 1) + BigInt(random.below(3)) - 1n;
}

/** The shape of a file's tree by its size, and the parts that may be asked for. */
export const hashTree: Target = {
  name: "hash_tree",
  weight: 300,
  seeds: [new Uint8Array(40), new Uint8Array(40).fill(0xff)],
  generate(random) {
    const bytes = new Uint8Array(40);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, near(random) & 0x1f_ffff_ffff_ffffn);
    view.setBigUint64(8, BigInt(random.below(6)));
    view.setBigUint64(16, random.oneIn(2) ? BigInt(random.below(70)) : near(random));
    view.setBigUint64(24, random.oneIn(2) ? BigInt(random.below(5_000)) : near(random));
    view.setBigUint64(32, BigInt(random.below(18)));
    return bytes;
  },
  run(input) {
    const [size, level, block, first, count] = numbersOf(input);
    const shape = treeShape(size);
    const { levels, chunks } = shape;
    must(levels.length <= TREE_LEVELS, "four levels cover every file");
    must(levels.at(-1)!.blocks === 1, "there is one block at the top");
    must((chunks - 1) * CHUNK_SIZE < size && size <= chunks * CHUNK_SIZE, "chunks cover the file");
    must(pieceCount(size) === Math.ceil(chunks / PIECE_CHUNKS), "pieces cover the chunks");
    const length = blockLength(shape, level, block);
    must(
      length === -1 || length >= 0 && length <= BLOCK_DIGESTS * DIGEST_SIZE,
      "a block is a chunk",
    );
    must(
      length >= 0 === (level < levels.length && block < levels[level].blocks),
      "blocks exist or not",
    );
    const piece = pieceLength(shape, first, count);
    must(
      piece === -1 || piece > 0 && first * CHUNK_SIZE + piece <= size,
      "a piece lies within the file",
    );
    if (count <= REQUEST_CHUNKS) must(piece <= PAYLOAD_CAP, "a piece is one payload");
  },
};
