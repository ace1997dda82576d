import type { DiskReply, DiskRequest, Numbered } from "./disk_jobs.ts";

/** One thread of a {@link Disk}: does what it is asked in turn. */
export class DiskThread {
  readonly #worker: Worker;
  readonly #jobs = new Map<number, PromiseWithResolvers<DiskReply>>();
  #nextJob = 1;

  /** `onDead` is called when the thread ended by itself. */
  constructor(onDead: (thread: DiskThread) => void) {
    this.#worker = new Worker(new URL("./disk_worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<Numbered<DiskReply>>) => {
      const { resolve, reject } = this.#jobs.get(data.job)!;
      this.#jobs.delete(data.job);
      const { error } = data.message;
      if (error) reject(Object.assign(new Error(), error));
      else resolve(data.message);
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      onDead(this);
      this.stop();
      for (const { reject } of this.#jobs.values()) reject(new Error(event.message));
      this.#jobs.clear();
    };
  }

  /** Requests that it has not replied to. */
  get pending(): number {
    return this.#jobs.size;
  }

  /** `transfer` is handed over. Rejects with what the file system says. */
  ask(message: DiskRequest, transfer: ArrayBuffer[] = []): Promise<DiskReply> {
    const job = this.#nextJob++;
    const replied = Promise.withResolvers<DiskReply>();
    this.#jobs.set(job, replied);
    const numbered: Numbered<DiskRequest> = { job, message };
    this.#worker.postMessage(numbered, transfer);
    return replied.promise;
  }

  /** Nothing may be under way. */
  stop(): void {
    this.#worker.terminate();
  }
}
