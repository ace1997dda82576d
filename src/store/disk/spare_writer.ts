import { badChunks, goodStretches } from "../../content/bad_chunks.ts";
import { CHUNK_SIZE } from "../../content/sizes.ts";
import { chunkDigests } from "../../content/sync_digest.ts";
import type { Payload } from "./sink.ts";
import type { Stored } from "./sink.ts";
import { holesAmong } from "./zero_chunks.ts";
import { Mutex } from "../../async/mutex.ts";

/**
 * Verifies payloads on the calling thread, which takes half a millisecond for each, and writes them on
 * one that the runtime has for FsFile. No thread has to start for it, but sockets wait meanwhile, so it is
 * for a little of a file. Payloads take turns, since an FsFile has one position.
 */
export class SpareWriter {
  readonly #files = new Map<string, Deno.FsFile>();
  readonly #storing = new Mutex();
  #pending = 0;

  /** Payloads that are under way. */
  get pending(): number {
    return this.#pending;
  }

  /** As Disk.store. Rejects with what the file system says. */
  async store(path: string, position: number, payload: Payload): Promise<Stored> {
    this.#pending++;
    try {
      const bad = await this.#storing.run(() => this.#store(path, position, payload));
      return { bad, buffer: payload.buffer };
    } finally {
      this.#pending--;
    }
  }

  /** Lets go of a file, after what is under way. */
  async close(path: string): Promise<void> {
    await this.#storing.idle();
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
    const digests = chunkDigests(bytes);
    const bad = badChunks(digests, expected);
    const holes = holesAmong(digests, (part, at) => {
      const file = this.#opened(path);
      file.seekSync(position + at, Deno.SeekMode.Start);
      return file.readSync(part) ?? 0;
    });
    const skipped = holes.length > 0 ? [...bad, ...holes].sort((a, b) => a - b) : bad;
    for (const [from, to] of goodStretches(length, skipped, CHUNK_SIZE)) {
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
  const file = Deno.openSync(path, { read: true, write: true });
  if (file.statSync().ino === Deno.lstatSync(path).ino) return file;
  file.close();
  throw new Error("it is a link");
}
