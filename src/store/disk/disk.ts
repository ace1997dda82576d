import type { Stored } from "./sink.ts";
import type { Payload } from "./sink.ts";
import type { DiskReply, DiskRequest, HashedPart } from "./disk_jobs.ts";
import { DiskThread } from "./disk_thread.ts";
import { writeFault } from "./file_stamp.ts";
import { SpareWriter } from "./spare_writer.ts";

/** Threads at most. Two hash faster than most disks read, and each takes some 12 MB of memory. */
const THREADS = Math.min(navigator.hardwareConcurrency, 2);
/** Bytes that are hashed in the time in which a thread starts, about 25 ms. */
const START_BYTES = 32 << 20;
/** Work that is not worth being handed to a thread which runs: bytes. */
const HAND_OVER_BYTES = 1 << 20;
/** Bytes that the spare writer stores in the time in which a thread would have started and done so. */
const SPARE_BYTES = 16 << 20;
/**
 * Payloads that wait for a thread when the next one goes to the spare writer, and the other way round:
 * with fewer the one that they wait for would soon be done, more are seldom in flight.
 */
const BEHIND = 8;

/** The result for a part of a file that was hashed. */
interface Hashed {
  digests: Uint8Array<ArrayBuffer>;
  /** Numbers, from 0, of the chunks that were not copied; undefined where none was to be. */
  bad?: number[];
}

/**
 * Hashes, verifies and writes on threads of its own, so that this one is free for sockets. Each thread
 * does what it is asked in turn. A peer that neither fetches nor hashes much has no such thread: the few
 * payloads of a small file, and those that a thread is far behind with, go to a {@link SpareWriter}.
 */
export class Disk {
  readonly #threads = new Set<DiskThread>();
  /** The threads that have a file open, by its path. */
  readonly #open = new Map<string, Set<DiskThread>>();
  readonly #spare = new SpareWriter();

  /**
   * Verifies the chunks of a payload, the first `length` bytes of `buffer`, and writes those that are
   * right to `path`, from `position` on. `buffer` can't be used until it comes back. Throws a `disk`
   * Fault.
   */
  async store(path: string, position: number, payload: Payload): Promise<Stored> {
    const { buffer, length } = payload;
    if (this.#isForSpare(length)) {
      return await orFault(path, this.#spare.store(path, position, payload));
    }
    // A view would take along all that it is a view of: a whole block of digests.
    const expected = payload.expected.slice();
    const reply = await this.#write(path, {
      kind: "store",
      path,
      position,
      buffer,
      length,
      expected,
    }, [buffer]);
    return { bad: reply.bad!, buffer: reply.buffer! };
  }

  /**
   * The numbers, from 0, of those chunks in a part of the file at `path` that are not what they should
   * be, or are not there. Throws a `disk` Fault.
   */
  async check(
    path: string,
    position: number,
    part: { length: number; expected: Uint8Array },
  ): Promise<number[]> {
    return (await this.#write(path, { kind: "check", path, position, ...part })).bad!;
  }

  /** Makes whole chunks of the file at `path` zeros: where it has a hole, that stays. Throws a `disk` Fault. */
  async clear(path: string, position: number, length: number): Promise<void> {
    await this.#write(path, { kind: "clear", path, position, length });
  }

  /**
   * Verifies chunks of another file, and writes those that are right to `path`, from `position` on.
   * Returns the numbers, from 0, of those that are not, or can't be read. Throws a `disk` Fault.
   */
  async copy(
    path: string,
    position: number,
    part: { length: number; expected: Uint8Array; from: { path: string; position: number } },
  ): Promise<number[]> {
    const expected = part.expected.slice();
    return (await this.#write(path, { kind: "copy", path, position, ...part, expected })).bad!;
  }

  /**
   * The digests of a part of the file at `path`, from `position` on; undefined when that file is no
   * longer the one with the stamp, or ends before. Rejects with what the file system says.
   */
  async hash(path: string, position: number, part: HashedPart): Promise<Hashed | undefined> {
    const into = part.into && { ...part.into, expected: part.into.expected.slice() };
    const request: DiskRequest = { kind: "hash", path, position, ...part, into };
    const thread = this.#idlest();
    if (into) this.#opens(into.path, thread);
    const { digests, bad } = await thread.ask(request);
    return digests && { digests, bad };
  }

  /**
   * Keeps the file at `path`, if there is one, open until {@link close}. When it is replaced meanwhile, it
   * is there that the system frees what it took, which may take a second for each 10 GiB.
   */
  async hold(path: string): Promise<void> {
    const thread = this.#idlest();
    this.#opens(path, thread);
    await thread.ask({ kind: "hold", path });
  }

  /** Lets go of a file that was written or held, after all that was asked before. */
  async close(path: string): Promise<void> {
    const threads = [...this.#open.get(path) ?? []];
    this.#open.delete(path);
    const asked = threads.map((thread) => thread.ask({ kind: "close", path }));
    await Promise.all([this.#spare.close(path), ...asked]);
  }

  /** True when so many bytes are hashed sooner by {@link hash} than on the calling thread. */
  pays(bytes: number): boolean {
    return bytes > (this.#threads.size > 0 ? HAND_OVER_BYTES : START_BYTES);
  }

  /**
   * Starts a thread, if none runs, and as many more as pay for so many bytes of work: what comes soon
   * then needn't wait for them.
   */
  start(bytes = 0): void {
    const worth = Math.max(1, Math.min(THREADS, Math.floor(bytes / START_BYTES)));
    while (this.#threads.size < worth) {
      this.#threads.add(new DiskThread((dead) => this.#forget(dead)));
    }
  }

  /** Payloads of so many bytes will come: starts a thread if they pay for one and none runs. */
  expect(bytes: number): void {
    if (bytes > SPARE_BYTES) this.start();
  }

  /** Ends the threads. Nothing may be under way. */
  stop(): void {
    this.#spare.stop();
    for (const thread of this.#threads) thread.stop();
    this.#threads.clear();
    this.#open.clear();
  }

  async #write(
    path: string,
    request: DiskRequest,
    transfer?: ArrayBuffer[],
  ): Promise<DiskReply> {
    const thread = this.#idlest();
    this.#opens(path, thread);
    return await orFault(path, thread.ask(request, transfer));
  }

  #isForSpare(bytes: number): boolean {
    if (this.#threads.size === 0) return this.#spare.pending < BEHIND;
    return bytes >= HAND_OVER_BYTES && this.#spare.pending === 0 &&
      this.#idlest().pending >= BEHIND;
  }

  #idlest(): DiskThread {
    this.start();
    return [...this.#threads].reduce((a, b) => b.pending < a.pending ? b : a);
  }

  #opens(path: string, thread: DiskThread): void {
    const threads = this.#open.get(path);
    if (threads) threads.add(thread);
    else this.#open.set(path, new Set([thread]));
  }

  #forget(dead: DiskThread): void {
    this.#threads.delete(dead);
    for (const threads of this.#open.values()) threads.delete(dead);
  }
}

/** The result of a request for a file. Throws a `disk` Fault. */
async function orFault<T>(path: string, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (cause) {
    throw writeFault(path, cause);
  }
}
