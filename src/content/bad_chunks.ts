import { DIGEST_SIZE } from "./sizes.ts";
import { sameBytes } from "./digest.ts";

/**
 * The numbers, from 0, of the chunks that are wrong: digests as they are, compared with digests as
 * they should be. A chunk that has nothing to be compared with is wrong.
 */
export function badChunks(actual: Uint8Array, expected: Uint8Array): number[] {
  const bad: number[] = [];
  for (let at = 0; at < actual.length; at += DIGEST_SIZE) {
    const same = sameBytes(
      actual.subarray(at, at + DIGEST_SIZE),
      expected.subarray(at, at + DIGEST_SIZE),
    );
    if (!same) bad.push(at / DIGEST_SIZE);
  }
  return bad;
}

/** The stretches of bytes of a payload in which no chunk is bad, `[from, to)`; `bad` ascends. */
export function goodStretches(
  length: number,
  bad: number[],
  chunkSize: number,
): [number, number][] {
  const edges = [...bad.map((index) => index * chunkSize), length];
  const stretches: [number, number][] = [];
  let from = 0;
  for (const edge of edges) {
    if (edge > from) stretches.push([from, edge]);
    from = edge + chunkSize;
  }
  return stretches;
}
