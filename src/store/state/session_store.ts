import type { StateDatabase } from "./state_database.ts";

/**
 * The sessions of the page that outlive the peer's process. Of their secrets only hashes are stored, and
 * of the password that was in force the salted hash.
 */
export class SessionStore {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  /** The hash of each session's secret, and when it ends: milliseconds since 1970; oldest use first. */
  list(): [hash: string, ends: number][] {
    return this.#db.all<{ hash: string; ends: number }>(
      "SELECT hash, ends FROM ui_sessions ORDER BY ends",
    ).map(({ hash, ends }) => [hash, ends]);
  }

  put(hash: string, ends: number): void {
    this.#db.run("INSERT OR REPLACE INTO ui_sessions (hash, ends) VALUES (?, ?)", hash, ends);
  }

  delete(hash: string): void {
    this.#db.runDurably("DELETE FROM ui_sessions WHERE hash = ?", hash);
  }

  clear(): void {
    this.#db.runDurably("DELETE FROM ui_sessions");
  }

  /** The salted hash of the password that the sessions were opened under; undefined for none. */
  get password(): string | undefined {
    return this.#db.get<{ hash: string }>("SELECT hash FROM ui_password")?.hash;
  }

  /** Replaces the password's hash, and ends all sessions. */
  changePassword(hash: string | undefined): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM ui_sessions");
      this.#db.run("DELETE FROM ui_password");
      if (hash !== undefined) this.#db.run("INSERT INTO ui_password (hash) VALUES (?)", hash);
    });
  }
}
