import { FILES_CAP, PAYLOAD_CAP } from "../../wire/protocol.ts";
import { StalledSources } from "./stalled_sources.ts";

/** A content to be fetched whole. */
export interface SmallFile {
  id: string;
  /** 1 to {@link PAYLOAD_CAP}. */
  size: number;
}

/** Bytes after which a batch is full: small enough that several sources get their share of it all. */
const BATCH_MOST = 256 << 10;
/** The same for a source whose rate is low or not known. */
const BATCH_LEAST = 16 << 10;
/** The time in which a source brings a batch, more or less, in milliseconds: a reply is soon followed by another. */
const BATCH_MS = 1_000;

/** A file that is being asked for. */
interface Out<Source> {
  file: SmallFile;
  sources: Set<Source>;
  /** The time when the last of them was asked. */
  since: number;
}

interface BatchesOptions<Source> {
  /** Milliseconds from any starting point. */
  now?: () => number;
  /** True when a source brought nothing for so many milliseconds. Default never. */
  isIdle?: (source: Source, ms: number) => boolean;
}

/** Small files that are to be fetched, many with one request, each from any source that has it. */
export class Batches<Source> {
  /** Those that no source is asked for now, the next one last. */
  readonly #waiting: SmallFile[];
  readonly #out = new Map<string, Out<Source>>();
  /** The sources that were found not to have a file. */
  readonly #lacking = new Map<string, Set<Source>>();
  readonly #now: () => number;
  readonly #stalled: StalledSources<Source>;

  /**
   * It begins with any of the files and goes round: of several peers that fetch the same, each then has
   * what others still lack. `random` gives numbers from 0 (included) to 1 (excluded).
   */
  constructor(
    files: SmallFile[],
    random: () => number = Math.random,
    { now = () => performance.now(), isIdle }: BatchesOptions<Source> = {},
  ) {
    const first = Math.floor(random() * files.length);
    this.#waiting = [...files.slice(first), ...files.slice(0, first)].reverse();
    this.#now = now;
    this.#stalled = new StalledSources({ isIdle, now });
  }

  /** The number of files that have not come. */
  get missing(): number {
    return this.#waiting.length + this.#out.size;
  }

  /**
   * The files to ask a source for next: none when it has none of what waits. `rate` is what it brings, in
   * bytes per second: a slow one is asked for less at a time.
   */
  take(source: Source, rate = Infinity): SmallFile[] {
    const most = Math.max(BATCH_LEAST, Math.min(BATCH_MOST, rate * BATCH_MS / 1_000));
    const batch: SmallFile[] = [];
    if (this.#stalled.has(source)) return batch;
    const passed: SmallFile[] = [];
    let bytes = 0;
    while (this.#waiting.length > 0 && batch.length < FILES_CAP && bytes < most) {
      const file = this.#waiting.pop()!;
      if (this.#lacking.get(file.id)?.has(source)) passed.push(file);
      else if (bytes + file.size > PAYLOAD_CAP) {
        this.#waiting.push(file);
        break;
      } else {
        batch.push(file);
        bytes += file.size;
      }
    }
    this.#waiting.push(...passed.reverse());
    if (batch.length === 0) batch.push(...this.#overdue(source, most));
    for (const file of batch) {
      const out = this.#out.get(file.id) ?? { file, sources: new Set(), since: 0 };
      out.sources.add(source);
      this.#stalled.hold(source, 1);
      out.since = this.#now();
      this.#out.set(file.id, out);
    }
    return batch;
  }

  /** Files that other sources take long for. */
  *#overdue(source: Source, most: number): Generator<SmallFile> {
    let [count, bytes] = [0, 0];
    for (const { file, sources, since } of this.#out.values()) {
      if (sources.has(source) || this.#lacking.get(file.id)?.has(source)) continue;
      if (this.#stalled.othersOverdue(sources, since) === undefined) continue;
      if (count === FILES_CAP || bytes >= most || bytes + file.size > PAYLOAD_CAP) return;
      yield file;
      count++;
      bytes += file.size;
    }
  }

  /** Notes that a file came; false when another source had brought it before. */
  done({ id }: SmallFile): boolean {
    for (const source of this.#out.get(id)?.sources ?? []) this.#stalled.hold(source, -1);
    return this.#out.delete(id);
  }

  /** Notes files that a source didn't bring: others, or the same one, will be asked. */
  giveBack(files: SmallFile[], source: Source): void {
    for (const file of files.toReversed()) {
      const out = this.#out.get(file.id);
      if (!out?.sources.delete(source)) continue;
      this.#stalled.hold(source, -1);
      if (out.sources.size > 0) continue;
      this.#out.delete(file.id);
      this.#waiting.push(file);
    }
  }

  /** Notes that a source doesn't have a file. */
  lacks(source: Source, { id }: SmallFile): void {
    const known = this.#lacking.get(id);
    if (known) known.add(source);
    else this.#lacking.set(id, new Set([source]));
  }

  /** Drops what a source was found to lack: it may have more by now. */
  forget(source: Source): void {
    for (const lacking of this.#lacking.values()) lacking.delete(source);
  }
}
