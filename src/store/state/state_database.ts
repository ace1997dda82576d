/**
 * The state database: shares, known files on disk, the digests of their chunks, partial downloads,
 * and remembered publishers. It lies in DIR/.shoal/state.db, and the process that has it open owns
 * DIR: SQLite's own lock says so, and the system frees it however the process ends.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Fault, inQuotes, messageOf } from "../../fault.ts";

/** A row that no Shoal wrote: the file was changed by something else. */
export function damaged(what: string): Fault {
  return new Fault("disk", `Cannot use the state database: ${what} in it is damaged`);
}

/** The changes of each version to the one before. */
const VERSIONS = [
  `
CREATE TABLE files (            -- hash cache: a path with this stamp has this content
  path     TEXT PRIMARY KEY,
  size     INTEGER NOT NULL,
  mtime_ns TEXT NOT NULL,
  inode    TEXT NOT NULL,
  id       TEXT NOT NULL
);
CREATE TABLE digest_pages (     -- hash trees, block by block; "file" is a file id
  file  TEXT NOT NULL,
  level INTEGER NOT NULL,
  page  INTEGER NOT NULL,
  bytes BLOB NOT NULL,
  UNIQUE (file, level, page)
);
CREATE TABLE shares (
  name      TEXT PRIMARY KEY,
  path      TEXT NOT NULL,
  id        TEXT NOT NULL,
  size      INTEGER NOT NULL,
  mtime     INTEGER NOT NULL,
  time      INTEGER NOT NULL,
  publisher TEXT NOT NULL,
  signature TEXT NOT NULL,
  served    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX shares_by_id ON shares (id);
CREATE INDEX files_by_id ON files (id);
`,
  `
CREATE TABLE downloads (        -- what is not whole yet; its bytes are in partials/ID.part
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL,
  size         INTEGER NOT NULL,
  map          BLOB NOT NULL,   -- the runs that are on disk for good: content/piece_map.ts
  output       TEXT,            -- where it goes; null is its name under DIR
  overwrite    INTEGER NOT NULL,
  announcement TEXT,            -- JSON; null for a legacy peer's file
  created      INTEGER NOT NULL,
  updated      INTEGER NOT NULL
);
`,
  `
ALTER TABLE downloads           -- 1: it is not resumed until asked for
  ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
`,
  `
CREATE TABLE trust (            -- whose announcement of a name is taken
  name      TEXT PRIMARY KEY,
  publisher TEXT NOT NULL,
  how       TEXT NOT NULL,      -- 'first' or 'accepted'
  since     INTEGER NOT NULL,
  time      INTEGER NOT NULL,   -- of the newest announcement that was taken; 0 before the first
  id        TEXT                -- its content
);
ALTER TABLE downloads ADD COLUMN taken TEXT NOT NULL DEFAULT 'pinned'; -- trust/choose_offer.ts
ALTER TABLE downloads ADD COLUMN sha256 TEXT; -- what the whole file is to be compared with
`,
  `
ALTER TABLE shares ADD COLUMN kind TEXT NOT NULL DEFAULT 'file';
ALTER TABLE shares ADD COLUMN entries INTEGER;   -- these four are a folder's, whose "path" is its
ALTER TABLE shares ADD COLUMN bytes INTEGER;     -- manifest and whose "root" the folder itself
ALTER TABLE shares ADD COLUMN root TEXT;
ALTER TABLE shares ADD COLUMN watched INTEGER NOT NULL DEFAULT 0;
CREATE TABLE folder_files (     -- files in shared folders; what they are, "files" knows
  folder TEXT NOT NULL,         -- the share's name
  path   TEXT NOT NULL,         -- absolute
  id     TEXT NOT NULL,
  PRIMARY KEY (path, folder)    -- found by content through files_by_id
) WITHOUT ROWID;
ALTER TABLE downloads ADD COLUMN folder TEXT;    -- the folder that a file is fetched as a part of
ALTER TABLE downloads ADD COLUMN updating TEXT;  -- of a folder: null, 'update' or 'delete'
`,
  `
CREATE TABLE trees (            -- folders that were found to be what a manifest says
  path        TEXT PRIMARY KEY, -- absolute
  id          TEXT NOT NULL,    -- the manifest's
  part        TEXT NOT NULL,    -- which part of it; '' is all
  fingerprint TEXT NOT NULL,    -- what the folder looked like: store/tree/tree_fingerprint.ts
  findings    TEXT NOT NULL     -- JSON: store/tree/known_trees.ts
);
CREATE INDEX trees_by_id ON trees (id);
`,
  `
CREATE TABLE signed (           -- when this peer last signed for a name, also one not shared any more
  name TEXT PRIMARY KEY,
  time INTEGER NOT NULL
);
`,
  `
ALTER TABLE downloads           -- bytes of a folder's files that were there when the work on it ended
  ADD COLUMN reached INTEGER NOT NULL DEFAULT 0;
`,
  `
DROP TABLE files;
CREATE TABLE files (            -- hash cache: a path with this stamp has this content
  path    TEXT PRIMARY KEY,
  size    INTEGER NOT NULL,
  mtime   INTEGER NOT NULL,     -- milliseconds since 1970
  ctime   INTEGER NOT NULL,     -- the same; 0 where the system has none
  inode   REAL NOT NULL,        -- may exceed what an INTEGER is read back as
  settled INTEGER NOT NULL,     -- 0: a change right after it was hashed may not show in the stamp
  id      TEXT NOT NULL
);
CREATE INDEX files_by_id ON files (id);
`,
  `
CREATE TABLE ui_sessions (      -- of the page
  hash TEXT PRIMARY KEY,        -- SHA-256 of the session's secret
  ends INTEGER NOT NULL
);
CREATE TABLE ui_password (hash TEXT NOT NULL); -- at most one: what the sessions were opened under
`,
  `
CREATE TABLE api_tokens (       -- of scripts
  label   TEXT PRIMARY KEY,
  hash    TEXT NOT NULL UNIQUE, -- SHA-256 of the secret
  rights  TEXT NOT NULL,        -- with commas between
  created INTEGER NOT NULL
);
`,
  `
ALTER TABLE downloads           -- where its bytes are; null is partials/ID.part
  ADD COLUMN place TEXT;
`,
];

/** Time to wait for its owner, in milliseconds: some only look at it for a moment. */
const HELD_MS = 500;

type SqlValue = string | number | Uint8Array | null;

export class StateDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(db: DatabaseSync) {
    this.#db = db;
  }

  /**
   * Opens or creates the database at `path` and takes its lock. Throws a `held` Fault when another
   * process has it, and a `disk` Fault when it can't be read or written.
   */
  static open(path: string): StateDatabase {
    let db: DatabaseSync | undefined;
    try {
      db = new DatabaseSync(path);
      db.exec(`PRAGMA busy_timeout = ${HELD_MS}`);
      // Before there is anything in it: the file can get smaller again.
      db.exec("PRAGMA auto_vacuum = INCREMENTAL");
      // The log is synced at each checkpoint: a power cut may lose the last commits, never the file.
      db.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
      db.exec("PRAGMA synchronous = NORMAL; BEGIN EXCLUSIVE");
      const { user_version: version } = db.prepare("PRAGMA user_version").get() as {
        user_version: number;
      };
      for (const missing of VERSIONS.slice(version)) db.exec(missing);
      if (version < VERSIONS.length) db.exec(`PRAGMA user_version = ${VERSIONS.length}`);
      db.exec("COMMIT");
      if (version > VERSIONS.length) {
        throw new Fault("disk", `Cannot use ${inQuotes(path)}: a newer Shoal made it`);
      }
      return new StateDatabase(db);
    } catch (cause) {
      db?.close();
      if (cause instanceof Fault) throw cause;
      const why = messageOf(cause);
      if (/locked|busy/.test(why)) {
        throw new Fault("held", `Cannot use ${inQuotes(path)}: another process has it`, { cause });
      }
      throw new Fault("disk", `Cannot use ${inQuotes(path)}: ${why}`, { cause });
    }
  }

  /** The first row of a query, or undefined. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(...values) as Row | undefined);
  }

  /** All rows of a query. */
  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    return this.#guard(() => this.#prepare(sql).all(...values) as Row[]);
  }

  run(sql: string, ...values: SqlValue[]): void {
    this.#guard(() => this.#prepare(sql).run(...values));
  }

  /**
   * Runs a statement as {@link run} does, durably: it is on the disk before this returns, with all
   * that was written before it. For what was promised to the user; a cache needs no such thing. Not
   * within a transaction.
   */
  runDurably(sql: string, ...values: SqlValue[]): void {
    this.#guard(() => {
      this.#db.exec("PRAGMA synchronous = FULL");
      try {
        this.#prepare(sql).run(...values);
      } finally {
        this.#db.exec("PRAGMA synchronous = NORMAL");
      }
    });
  }

  /** Gives the room of what was removed back to the disk. Not within a transaction. */
  shrink(): void {
    // Each step of the first frees one page.
    this.all("PRAGMA incremental_vacuum");
    this.all("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** True when something was written since it was opened. */
  get changed(): boolean {
    return this.get<{ changes: number }>("SELECT total_changes() AS changes")!.changes > 0;
  }

  /** Does some work in one transaction, all of it or, when it throws, nothing. */
  transaction<T>(work: () => T): T {
    this.run("BEGIN");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } catch (error) {
      this.run("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    this.#db.close();
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#db.prepare(sql));
    return statement;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new Fault("disk", `Cannot use the state database: ${messageOf(cause)}`, { cause });
    }
  }
}
