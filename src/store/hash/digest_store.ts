import type { StateDatabase } from "../state/state_database.ts";

/** Keeps hash trees, block by block, in the state database. */
export class DigestStore {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  /**
   * Removes the blocks of files that nothing refers to, such as those of an interrupted hashing.
   * Those of a partial download stay: it is verified with them when it resumes. It reads all
   * blocks, which takes a while when there are many.
   */
  tidy(): void {
    this.#db.run(
      `DELETE FROM digest_pages WHERE file NOT IN (SELECT id FROM files)
       AND file NOT IN (SELECT id FROM downloads)`,
    );
  }

  /** Removes the blocks of a content, unless a file or an unfinished download has it. */
  forget(id: string): void {
    this.#db.run(
      // Deno 2.5 takes no parameter that is used twice.
      `DELETE FROM digest_pages WHERE file = ? AND NOT EXISTS (SELECT 1 FROM files WHERE id = digest_pages.file)
       AND NOT EXISTS (SELECT 1 FROM downloads WHERE id = digest_pages.file)`,
      id,
    );
  }

  /** A block of a file's tree, or undefined when it isn't known. */
  block(file: string, level: number, block: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#db.get<{ bytes: Uint8Array<ArrayBuffer> }>(
      "SELECT bytes FROM digest_pages WHERE file = ? AND level = ? AND page = ?",
      file,
      level,
      block,
    )?.bytes;
  }

  /** Keeps a block that has been verified. */
  put(file: string, level: number, block: number, bytes: Uint8Array): void {
    this.#db.run(
      "INSERT OR REPLACE INTO digest_pages (file, level, page, bytes) VALUES (?, ?, ?, ?)",
      file,
      level,
      block,
      bytes,
    );
  }

  /**
   * Keeps the blocks of a tree whose file id isn't known yet. `settle` files them under the id,
   * unless that content is known already; `discard` removes what was not settled.
   */
  draft(): {
    put: (level: number, block: number, bytes: Uint8Array) => void;
    settle: (file: string) => void;
    discard: () => void;
  } {
    const key = `draft:${crypto.randomUUID()}`;
    const discard = () => this.#db.run("DELETE FROM digest_pages WHERE file = ?", key);
    return {
      put: (level, block, bytes) => this.put(key, level, block, bytes),
      settle: (file) => {
        this.#db.run("UPDATE OR IGNORE digest_pages SET file = ? WHERE file = ?", file, key);
        discard();
      },
      discard,
    };
  }
}
