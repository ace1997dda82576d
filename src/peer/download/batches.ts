import { FILES_CAP, PAYLOAD_CAP } from "../../wire/protocol.ts";

/** A content to be fetched whole. */
export interface SmallFile {
  id: string;
  /** 1 to {@link PAYLOAD_CAP}. */
  size: number;
}

/** Bytes after which a batch is full: small enough that several sources get their share of it all. */
const BATCH_BYTES = 256 << 10;

/** Small files that are to be fetched, many with one request, each from whoever has it. */
export class Batches<Source> {
  /** What nobody is asked for now, in order. */
  readonly #waiting: SmallFile[];
  /** Who was found not to have a file. */
  readonly #lacking = new Map<string, Set<Source>>();
  #missing: number;

  /**
   * It begins with any of the files and goes round: of several who fetch the same, each then has what
   * others still lack. `random` gives numbers from 0 (included) to 1 (excluded).
   */
  constructor(files: SmallFile[], random: () => number = Math.random) {
    const first = Math.floor(random() * files.length);
    this.#waiting = [...files.slice(first), ...files.slice(0, first)].reverse();
    this.#missing = files.length;
  }

  /** Files that have not come. */
  get missing(): number {
    return this.#missing;
  }

  /** What to ask a source for next: nothing when it has none of what waits. */
  take(source: Source): SmallFile[] {
    const batch: SmallFile[] = [];
    const passed: SmallFile[] = [];
    let bytes = 0;
    while (this.#waiting.length > 0 && batch.length < FILES_CAP && bytes < BATCH_BYTES) {
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
    return batch;
  }

  /** Files of a batch that came. */
  done(count: number): void {
    this.#missing -= count;
  }

  /** Files of a batch that didn't come: others, or the same source, will be asked. */
  giveBack(files: SmallFile[]): void {
    this.#waiting.push(...files.toReversed());
  }

  /** A source doesn't have a file. */
  lacks(source: Source, { id }: SmallFile): void {
    const known = this.#lacking.get(id);
    if (known) known.add(source);
    else this.#lacking.set(id, new Set([source]));
  }

  /** What was said of a source holds no longer: it may have more by now. */
  forget(source: Source): void {
    for (const lacking of this.#lacking.values()) lacking.delete(source);
  }
}
