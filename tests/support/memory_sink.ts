import { RUN_SIZE, runCount, RunMap } from "../../src/content/run_map.ts";
import type { Payload, Sink } from "../../src/store/disk/sink.ts";
import type { Stored } from "../../src/store/disk/sink.ts";
import { type Bytes, sha256 } from "./bytes.ts";

const CHUNK = 65_536;

/** Keeps what is right. The memory that it gives back is another. */
export class MemorySink implements Sink {
  readonly horizon = Infinity;
  readonly map: RunMap;
  readonly content: Bytes;
  /** Where the chunks begin that were stored. */
  readonly written = new Set<number>();
  /** Runs that it was told are done. */
  readonly done: number[] = [];

  /** `map`: what is there from before. Default nothing. */
  constructor(size: number, map = new RunMap(runCount(size))) {
    this.content = new Uint8Array(size);
    this.map = map;
  }

  store(position: number, { buffer, length, expected }: Payload): Promise<Stored> {
    const bytes = new Uint8Array(buffer.transfer(), 0, length);
    const bad: number[] = [];
    for (let index = 0; index * CHUNK < length; index++) {
      const chunk = bytes.subarray(index * CHUNK, (index + 1) * CHUNK);
      const right = expected.subarray(index * 32, (index + 1) * 32);
      if (sha256(chunk).toHex() !== right.toHex()) bad.push(index);
      else {
        this.written.add(position + index * CHUNK);
        this.content.set(chunk, position + index * CHUNK);
      }
    }
    return Promise.resolve({ bad, buffer: bytes.buffer });
  }

  runDone(run: number): void {
    if (this.done.includes(run)) throw new Error(`run ${run} is done again`);
    const end = Math.min((run + 1) * RUN_SIZE, this.content.length);
    for (let at = run * RUN_SIZE; at < end; at += CHUNK) {
      if (!this.written.has(at)) throw new Error(`run ${run} is done without byte ${at}`);
    }
    this.done.push(run);
  }
}
