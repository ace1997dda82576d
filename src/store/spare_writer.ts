import { badChunks, goodStretches } from "../content/bad_chunks.ts";
import { digestChunks } from "../content/digest.ts";
import { CHUNK_SIZE } from "../content/sizes.ts";
import type { Payload } from "../peer/sink.ts";
import type { Stored } from "./disk.ts";

/**
 * Verifies and writes payloads on threads that the runtime has anyway: those that hash for WebCrypto and
 * write for FsFile. It is there at once, but costs more processor time than a DiskThread, some of it on
 * the calling thread. Payloads take turns, since an FsFile has one position.
 */
export class SpareWriter {
  readonly #files = new Map<string, Deno.FsFile>();
  /** Resolves at the end of what is under way. */
  #last: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** Payloads that are under way. */
  get pending(): number {
    return this.#pending;
  }

  /** As Disk.store. Rejects with what the file system says. */
  async store(path: string, position: number, payload: Payload): Promise<Stored> {
    this.#pending++;
    const storing = this.#last.then(() => this.#store(path, position, payload));
    this.#last = storing.catch(() => {});
    try {
      return { bad: await storing, buffer: payload.buffer };
    } finally {
      this.#pending--;
    }
  }

  /** Lets go of a file, after what is under way. */
  async close(path: string): Promise<void> {
    await this.#last;
    this.#files.get(path)?.close();
    this.#files.delete(path);
  }

  /** Lets go of all files. Nothing may be under way. */
  stop(): void {
    for (const file of this.#files.values()) file.close();
    this.#files.clear();
  }

  /** The numbers, from 0, of the chunks that are wrong. */
  async #store(
    path: string,
    position: number,
    { buffer, length, expected }: Payload,
  ): Promise<number[]> {
    const bytes = new Uint8Array(buffer, 0, length);
    const bad = badChunks(await digestChunks(bytes), expected);
    for (const [from, to] of goodStretches(length, bad, CHUNK_SIZE)) {
      const file = this.#opened(path);
      file.seekSync(position + from, Deno.SeekMode.Start);
      for (let at = from; at < to;) at += await file.write(bytes.subarray(at, to));
    }
    return bad;
  }

  #opened(path: string): Deno.FsFile {
    let file = this.#files.get(path);
    if (!file) this.#files.set(path, file = openPlain(path));
    return file;
  }
}

/** Opens a file that is there, and must not be a link: FsFile itself would follow one. */
function openPlain(path: string): Deno.FsFile {
  const file = Deno.openSync(path, { write: true });
  if (file.statSync().ino === Deno.lstatSync(path).ino) return file;
  file.close();
  throw new Error("it is a link");
}
