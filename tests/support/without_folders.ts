import type { StateDatabase } from "../../src/store/state/state_database.ts";

/** Takes from a database the tables of folders and all later ones, as if an older version had made it. */
export function withoutFolders(db: StateDatabase): void {
  for (
    const table of ["folder_files", "trees", "signed", "ui_sessions", "ui_password", "api_tokens"]
  ) {
    db.run(`DROP TABLE ${table}`);
  }
  for (const column of ["kind", "entries", "bytes", "root", "watched"]) {
    db.run(`ALTER TABLE shares DROP COLUMN ${column}`);
  }
  for (const column of ["folder", "updating", "reached", "place"]) {
    db.run(`ALTER TABLE downloads DROP COLUMN ${column}`);
  }
}
