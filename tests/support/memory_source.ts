import type { SourceReceipt } from "../../src/peer/peer_api.ts";
import type { Run } from "../../src/peer/picker.ts";
import type { Payload, Sink } from "../../src/peer/sink.ts";
import type { Source } from "../../src/peer/source.ts";
import { Fault } from "../../src/fault.ts";
import type { Stored } from "../../src/store/disk.ts";
import { type Bytes, concat, sha256 } from "./bytes.ts";
import {
  referenceDigests,
  referenceId,
  type ReferenceTree,
  referenceTree,
} from "./reference_tree.ts";

const CHUNK = 65_536;

/** A file in memory, with all that can be known of it. */
export class MemoryFile {
  readonly content: Bytes;
  readonly size: number;
  readonly tree: ReferenceTree;
  readonly id: string;

  constructor(content: Bytes) {
    this.content = content;
    this.size = content.length;
    this.tree = referenceTree(referenceDigests(content));
    this.id = referenceId(this.size, this.tree.top);
  }

  run({ first, count }: Run): Bytes {
    return this.content.slice(first * CHUNK, (first + count) * CHUNK);
  }
}

/** What a source does in place of what it should. Each is given what is right. */
export interface Conduct {
  connect?: () => Promise<void> | void;
  digests?: (right: Bytes, level: number, page: number) => Promise<Bytes> | Bytes;
  chunks?: (right: Bytes, run: Run) => Promise<Bytes> | Bytes;
}

/** A source in this process: no sockets, but the same duties. */
export class MemorySource implements Source {
  readonly receipt: SourceReceipt;
  /** Runs and pages that it was asked for. */
  readonly asked: Run[] = [];
  readonly pages: string[] = [];
  connects = 0;
  open = false;
  readonly #file: MemoryFile;
  readonly #conduct: Conduct;
  #closed = Promise.withResolvers<never>();

  constructor(address: string, file: MemoryFile, conduct: Conduct = {}) {
    this.receipt = { address, bytes: 0, retries: 0, bad_chunks: 0 };
    this.#file = file;
    this.#conduct = conduct;
    this.#closed.promise.catch(() => {});
  }

  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.connects++;
    this.#closed = Promise.withResolvers<never>();
    this.#closed.promise.catch(() => {});
    const abort = () => this.close();
    signal.addEventListener("abort", abort);
    try {
      await Promise.race([this.#conduct.connect?.(), this.#closed.promise]);
      this.open = true;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async digests(level: number, page: number): Promise<Bytes> {
    this.pages.push(`${level}:${page}`);
    const right = concat([this.#file.tree.levels[level][page]]);
    return await this.#whileOpen(this.#conduct.digests?.(right, level, page) ?? right);
  }

  async chunks(run: Run, into: Bytes): Promise<Bytes> {
    this.asked.push(run);
    const right = this.#file.run(run);
    const bytes = await this.#whileOpen(this.#conduct.chunks?.(right, run) ?? right);
    into.set(bytes.subarray(0, into.length));
    return into.subarray(0, bytes.length);
  }

  close(): void {
    this.open = false;
    this.#closed.reject(new Fault("network", `${this.receipt.address} closed the connection`));
  }

  async #whileOpen(bytes: Promise<Bytes> | Bytes): Promise<Bytes> {
    return await Promise.race([bytes, this.#closed.promise]);
  }
}

/** Keeps what is right, and notices what is stored twice. The memory that it gives back is another. */
export class MemorySink implements Sink {
  readonly horizon = Infinity;
  readonly content: Bytes;
  readonly written = new Set<number>();

  constructor(size: number) {
    this.content = new Uint8Array(size);
  }

  store(position: number, { buffer, length, expected }: Payload): Promise<Stored> {
    const bytes = new Uint8Array(buffer.transfer(), 0, length);
    const bad: number[] = [];
    for (let index = 0; index * CHUNK < length; index++) {
      const chunk = bytes.subarray(index * CHUNK, (index + 1) * CHUNK);
      const right = expected.subarray(index * 32, (index + 1) * 32);
      if (sha256(chunk).toHex() !== right.toHex()) bad.push(index);
      else this.#keep(position + index * CHUNK, chunk);
    }
    return Promise.resolve({ bad, buffer: bytes.buffer });
  }

  #keep(at: number, chunk: Bytes): void {
    if (this.written.has(at)) throw new Error(`byte ${at} is written again`);
    this.written.add(at);
    this.content.set(chunk, at);
  }
}
