import { goodStretches } from "../../content/bad_chunks.ts";
import { BLOCK_DIGESTS, CHUNK_SIZE, DIGEST_SIZE } from "../../content/sizes.ts";
import type { ChunkCopier } from "../../store/hash/hash_file.ts";
import type { PartialFile } from "../../store/partial/partial_file.ts";
import type { ReuseHost } from "./reuse.ts";

/** Gives a download what another file has at the same place, while that file is hashed. */
export function copierFor(
  host: ReuseHost,
  partial: Pick<PartialFile, "path" | "room">,
): ChunkCopier {
  const { chunks, levels: [{ blocks }] } = host.shape;
  return {
    async wanted(position, length) {
      host.throwIfEnded();
      const first = position / CHUNK_SIZE;
      const end = Math.min(chunks, first + Math.ceil(length / CHUNK_SIZE));
      let next = first;
      while (next < end && !host.needs(next)) next++;
      if (next >= end) return undefined;
      const block = Math.floor(first / BLOCK_DIGESTS);
      const digests = await host.block(block);
      if (block + 1 < blocks) host.block(block + 1).catch(() => {});
      await partial.room();
      const at = first % BLOCK_DIGESTS;
      const expected = digests.subarray(at * DIGEST_SIZE, (at + end - first) * DIGEST_SIZE);
      return { path: partial.path, expected };
    },
    taken(position, length, bad) {
      for (const [from, to] of goodStretches(length, bad, CHUNK_SIZE)) {
        const first = (position + from) / CHUNK_SIZE;
        host.adopt({ first, count: Math.ceil((position + to) / CHUNK_SIZE) - first });
      }
    },
  };
}
