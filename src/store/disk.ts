import { writeFault } from "./file_stamp.ts";

/**
 * To the worker: verify a payload and write what is right of it, verify what is there, do as with a
 * payload with what another file has, close a file.
 */
export type DiskRequest =
  | {
    kind: "store";
    job: number;
    path: string;
    /** Where in the file the payload belongs: bytes. */
    position: number;
    /** The payload is its first `length` bytes. It is handed over, and comes back with the reply. */
    buffer: ArrayBuffer;
    length: number;
    /** The digests that the payload's chunks should have, one after the other. */
    expected: Uint8Array;
  }
  | {
    kind: "check";
    job: number;
    path: string;
    /** Where in the file to begin, and how much to look at: bytes. */
    position: number;
    length: number;
    expected: Uint8Array;
  }
  | {
    kind: "copy";
    job: number;
    path: string;
    position: number;
    length: number;
    expected: Uint8Array;
    /** Where the chunks are to be read. What can't be read there is wrong. */
    from: { path: string; position: number };
  }
  | { kind: "close"; job: number; path: string };

export interface DiskReply {
  job: number;
  /** For `store`: the request's. */
  buffer?: ArrayBuffer;
  /** Numbers, from 0, of the chunks that failed their digest; for `store` and `copy`, they were not written. */
  bad?: number[];
  error?: { code?: string; message: string };
}

/** What became of a payload. */
export interface Stored {
  bad: number[];
  /** The memory that the payload came in, to be used again. */
  buffer: ArrayBuffer;
}

/**
 * Verifies and writes on a thread of its own, so that a download leaves this one free for sockets. What
 * is asked is done in turn.
 * A peer that fetches nothing has no such thread.
 */
export class Disk {
  readonly #jobs = new Map<
    number,
    { path: string; resolve: (reply: DiskReply) => void; reject: (error: unknown) => void }
  >();
  #worker: Worker | undefined;
  #nextJob = 1;

  /**
   * Verifies the chunks of a payload, the first `length` bytes of `buffer`, and writes those that are
   * right to `path`, from `position` on. `buffer` can't be used until it comes back. Throws a `disk`
   * Fault.
   */
  async store(
    path: string,
    position: number,
    payload: { buffer: ArrayBuffer; length: number; expected: Uint8Array },
  ): Promise<Stored> {
    const { buffer, length } = payload;
    // A view would take along all that it is a view of: a whole page of digests.
    const expected = payload.expected.slice();
    const job = this.#nextJob++;
    const request: DiskRequest = { kind: "store", job, path, position, buffer, length, expected };
    const reply = await this.#ask(request, [buffer]);
    return { bad: reply.bad!, buffer: reply.buffer! };
  }

  /**
   * The numbers, from 0, of those chunks in a part of the file at `path` that are not what they should
   * be, or are not there. Throws a `disk` Fault.
   */
  async check(
    path: string,
    position: number,
    { length, expected }: { length: number; expected: Uint8Array },
  ): Promise<number[]> {
    const job = this.#nextJob++;
    return (await this.#ask({ kind: "check", job, path, position, length, expected }, [])).bad!;
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
    const job = this.#nextJob++;
    const expected = part.expected.slice();
    const request: DiskRequest = { kind: "copy", job, path, position, ...part, expected };
    return (await this.#ask(request, [])).bad!;
  }

  /** Lets go of a file, after all that was asked before. */
  async close(path: string): Promise<void> {
    if (this.#worker) await this.#ask({ kind: "close", job: this.#nextJob++, path }, []);
  }

  /** Starts the thread, if it doesn't run: what comes soon then needn't wait for it. */
  start(): void {
    this.#running();
  }

  /** Ends the thread. Nothing may be under way. */
  stop(): void {
    this.#worker?.terminate();
    this.#worker = undefined;
  }

  #ask(request: DiskRequest, transfer: ArrayBuffer[]): Promise<DiskReply> {
    const { job, path } = request;
    const replied = new Promise<DiskReply>((resolve, reject) => {
      this.#jobs.set(job, { path, resolve, reject });
    });
    this.#running().postMessage(request, transfer);
    return replied;
  }

  #running(): Worker {
    if (this.#worker) return this.#worker;
    this.#worker = new Worker(new URL("./disk_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<DiskReply>) => {
      const { path, resolve, reject } = this.#jobs.get(data.job)!;
      this.#jobs.delete(data.job);
      const { error } = data;
      if (!error) resolve(data);
      else reject(writeFault(path, Object.assign(new Error(), error)));
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const { path, reject } of this.#jobs.values()) {
        reject(writeFault(path, new Error(event.message)));
      }
      this.#jobs.clear();
      this.stop();
    };
    return this.#worker;
  }
}
