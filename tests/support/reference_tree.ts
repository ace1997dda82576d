import { type Bytes, concat, sha256 } from "./bytes.ts";

/** The hash tree of design section 4, written the plain way, with all of it in memory. */
export interface ReferenceTree {
  /** Pages by level, from the chunks' digests to the one page at the top. */
  levels: Uint8Array[][];
  top: Uint8Array;
}

/** `digests`: those of all chunks, one after the other. */
export function referenceTree(digests: Uint8Array): ReferenceTree {
  const levels: Uint8Array[][] = [];
  for (
    let level = digests;;
    level = concat(levels[levels.length - 1].map((page) => sha256(page)))
  ) {
    const pages = cut(level, 65_536);
    levels.push(pages.length > 0 ? pages : [new Uint8Array()]);
    if (pages.length <= 1) return { levels, top: levels[levels.length - 1][0] };
  }
}

/** The digests of the chunks of `content`, one after the other. */
export function referenceDigests(content: Uint8Array): Bytes {
  return concat(cut(content, 65_536).map((chunk) => sha256(chunk)));
}

/** A file's id from its size and the top page of its tree. */
export function referenceId(size: number, top: Uint8Array): string {
  const bigEndian = new Uint8Array(8);
  new DataView(bigEndian.buffer).setBigUint64(0, BigInt(size));
  return sha256(new TextEncoder().encode("shoal/1\0"), bigEndian, top).toHex();
}

/** The id of a file with that content. */
export function referenceIdOf(content: Uint8Array): string {
  return referenceId(content.length, referenceTree(referenceDigests(content)).top);
}

function cut(bytes: Uint8Array, length: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += length) parts.push(bytes.subarray(at, at + length));
  return parts;
}
