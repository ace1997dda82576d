import { Fault, messageOf } from "../../fault.ts";
import { badChunks, goodStretches } from "../../content/bad_chunks.ts";
import { digestChunks } from "../../content/digest.ts";
import type { Stored } from "../../store/disk/sink.ts";
import { CHUNK_SIZE } from "../../wire/protocol.ts";
import type { Payload, Sink } from "../../store/disk/sink.ts";

/** Bytes that may be held back, out of order, until those before them have come. */
export const OUTPUT_WINDOW = 16 << 20;

/**
 * Passes a download on in order while it runs. What comes early waits in a buffer of at most
 * {@link OUTPUT_WINDOW} bytes; beyond it nothing is taken, so a slow reader slows the download.
 */
export class OrderedOutput implements Sink {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #onAdvance: () => void;
  readonly #early = new Map<number, Uint8Array>();
  /** Where the chunks of `#early`, and of what is just being written, begin. */
  readonly #held = new Set<number>();
  #passed: number;
  #pumping: Promise<void> | undefined;
  #failure: Fault | undefined;

  /**
   * `onAdvance` is called when the horizon has moved, `onFailure` when the output is broken. What is
   * passed on begins at `from`, with a chunk.
   */
  constructor(
    output: WritableStream<Uint8Array>,
    onAdvance: () => void,
    onFailure: (error: Fault) => void,
    from = 0,
  ) {
    this.#passed = from;
    this.#writer = output.getWriter();
    this.#onAdvance = onAdvance;
    this.#writer.closed.catch((cause) => {
      this.#failure = cause instanceof Fault
        ? cause
        : new Fault("disk", `Cannot write the output: ${messageOf(cause)}`, { cause });
      onFailure(this.#failure);
    });
  }

  get horizon(): number {
    return this.#passed + OUTPUT_WINDOW;
  }

  /** See {@link Sink}. Resolves when the chunks are held, not yet passed on. */
  async store(position: number, { buffer, length, expected }: Payload): Promise<Stored> {
    const bytes = new Uint8Array(buffer, 0, length);
    const bad = badChunks(await digestChunks(bytes), expected);
    if (this.#failure) throw this.#failure;
    // Two sources may bring the same chunk: nothing is held twice, nor when it has passed already.
    const leftOut = [...bad];
    for (let index = 0; index * CHUNK_SIZE < length; index++) {
      const at = position + index * CHUNK_SIZE;
      if (!bad.includes(index) && (at < this.#passed || this.#held.has(at))) leftOut.push(index);
    }
    leftOut.sort((a, b) => a - b);
    for (const [from, to] of goodStretches(length, leftOut, CHUNK_SIZE)) {
      this.#early.set(position + from, bytes.slice(from, to));
      for (let at = from; at < to; at += CHUNK_SIZE) this.#held.add(position + at);
    }
    if (this.#early.has(this.#passed)) this.#pumping ??= this.#pump();
    return { bad, buffer };
  }

  /** Resolves when all that was written has been passed on and the output is closed. */
  async finish(): Promise<void> {
    await this.#pumping;
    if (this.#failure) throw this.#failure;
    await this.#writer.close();
  }

  /** Ends the output as failed. */
  async abort(reason: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => {});
  }

  async #pump(): Promise<void> {
    try {
      for (let next; (next = this.#early.get(this.#passed));) {
        this.#early.delete(this.#passed);
        await this.#writer.write(next);
        for (let at = 0; at < next.length; at += CHUNK_SIZE) this.#held.delete(this.#passed + at);
        this.#passed += next.length;
        this.#onAdvance();
      }
    } catch {
      // The stream's own `closed` rejects too, and is where a failure is noted.
    } finally {
      this.#pumping = undefined;
    }
  }
}
