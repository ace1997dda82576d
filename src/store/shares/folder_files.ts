import type { FileStamp } from "../disk/file_stamp.ts";
import { STAMP_COLUMNS, stampOfRow } from "../hash/stamp_row.ts";
import type { StateDatabase } from "../state/state_database.ts";

/** A file in a shared folder. */
export interface FolderFile {
  /** The share's name. */
  folder: string;
  /** Absolute path. */
  path: string;
  id: string;
  /** The stamp of the file at `path` while it has this content. */
  stamp: FileStamp;
}

/** The files in shared folders, in the state database: a folder may have many. */
export class FolderFiles {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  /** These are the files of a folder, in place of those that were. The hash cache must know them. */
  put(folder: string, files: Iterable<{ path: string; id: string }>): void {
    this.#db.transaction(() => {
      this.remove(folder);
      for (const { path, id } of files) {
        this.#db.run(
          "INSERT INTO folder_files (folder, path, id) VALUES (?, ?, ?)",
          folder,
          path,
          id,
        );
      }
    });
  }

  /** Forgets a folder's files. */
  remove(folder: string): void {
    this.#db.run("DELETE FROM folder_files WHERE folder = ?", folder);
  }

  /** Some of a folder's files in the order of their paths, those after `after`; at most `most`. */
  list(folder: string, after: string, most: number): FolderFile[] {
    return this.#db.all<{ path: string; id: string }>(
      `SELECT path, id, ${STAMP_COLUMNS} FROM folder_files LEFT JOIN files USING (path, id)
       WHERE folder = ? AND path > ? ORDER BY path LIMIT ?`,
      folder,
      after,
      most,
    ).map(({ path, id, ...row }) => ({
      folder,
      path,
      id,
      stamp: stampOfRow(row),
    }));
  }

  /** The file at an absolute path in a folder. */
  at(folder: string, path: string): FolderFile | undefined {
    const [row] = this.#db.all<{ id: string }>(
      `SELECT id, ${STAMP_COLUMNS} FROM folder_files JOIN files USING (path, id)
       WHERE folder = ? AND path = ?`,
      folder,
      path,
    );
    if (!row) return;
    const { id, ...stamp } = row;
    return { folder, path, id, stamp: stampOfRow(stamp) };
  }

  /** Files with that content, in folders that are shared. */
  withId(id: string): FolderFile[] {
    return this.#db.all<{ folder: string; path: string }>(
      `SELECT folder, path, ${STAMP_COLUMNS} FROM files JOIN folder_files USING (path, id)
       WHERE files.id = ? LIMIT 8`,
      id,
    ).map(({ folder, path, ...row }) => ({ folder, path, id, stamp: stampOfRow(row) }));
  }
}
