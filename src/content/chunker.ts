import { CHUNK_SIZE } from "./sizes.ts";

/**
 * Cuts a stream of blocks, of any sizes, into chunks of exactly {@link CHUNK_SIZE} bytes; the last
 * may be shorter, and an empty stream has none.
 *
 * Chunks are views into the blocks, not copies, except where a chunk spans two blocks. So a source
 * that reuses its buffer must not refill it while chunks of it are in use. Large blocks are quickest:
 * a block of 4 MiB costs one hand-over in place of sixty-four.
 *
 * ```ts
 * for await (const chunk of blocks.pipeThrough(new Chunker())) digests.push(await digest(chunk));
 * ```
 */
export class Chunker extends TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>> {
  constructor() {
    let carry = new Uint8Array(CHUNK_SIZE);
    let carried = 0;
    super({
      transform(block, controller) {
        let at = 0;
        if (carried > 0) {
          at = Math.min(CHUNK_SIZE - carried, block.length);
          carry.set(block.subarray(0, at), carried);
          carried += at;
          if (carried < CHUNK_SIZE) return;
          controller.enqueue(carry);
          carry = new Uint8Array(CHUNK_SIZE);
          carried = 0;
        }
        for (; at + CHUNK_SIZE <= block.length; at += CHUNK_SIZE) {
          controller.enqueue(block.subarray(at, at + CHUNK_SIZE));
        }
        carry.set(block.subarray(at));
        carried = block.length - at;
      },
      flush(controller) {
        if (carried > 0) controller.enqueue(carry.subarray(0, carried));
      },
    });
  }
}
