import * as v from "valibot";
import type { Remembered } from "../../trust/choose_offer.ts";
import { FileId, Name, PeerId, Time } from "../../wire/protocol.ts";
import { damaged, type StateDatabase } from "./state_database.ts";

/**
 * The publisher that is remembered for a name, how that came about, and since when: milliseconds
 * since 1970.
 */
export interface TrustRecord extends Remembered {
  name: string;
  /**
   * `first`: with the first file of that name; `accepted`: the user said so; `folder`: with a folder above,
   * whose publisher it is.
   */
  how: "first" | "accepted" | "folder";
  since: number;
}

const Row = v.object({
  name: Name,
  publisher: PeerId,
  how: v.picklist(["first", "accepted", "folder"]),
  since: Time,
  time: Time,
  id: v.nullable(FileId),
});

const COLUMNS = "name, publisher, how, since, time, id";

/**
 * The table of remembered publishers in the state database. A damaged row is a `disk` Fault: to
 * treat it as none would be to trust anyone.
 */
export class TrustStore {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  get(name: string): TrustRecord | undefined {
    const row = this.#db.get(`SELECT ${COLUMNS} FROM trust WHERE name = ?`, name);
    return row === undefined ? undefined : recordOf(row);
  }

  /** All of them, by name. */
  list(): TrustRecord[] {
    return this.#db.all(`SELECT ${COLUMNS} FROM trust ORDER BY name`).map(recordOf);
  }

  /** Remembers, in place of what was remembered for that name. */
  put({ name, publisher, how, since, time, id }: TrustRecord): void {
    this.#db.runDurably(
      `INSERT OR REPLACE INTO trust (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[name, publisher, how, since, time, id ?? null],
    );
  }

  remove(name: string): void {
    this.#db.runDurably("DELETE FROM trust WHERE name = ?", name);
  }

  /** Removes what is remembered of the names in a folder because of the folder. */
  removeBelow(folder: string): void {
    const prefix = `${folder}/`;
    this.#db.runDurably(
      "DELETE FROM trust WHERE how = 'folder' AND substr(name, 1, length(?)) = ?",
      prefix,
      prefix,
    );
  }
}

function recordOf(row: unknown): TrustRecord {
  const parsed = v.safeParse(Row, row);
  if (!parsed.success) throw damaged("whose files of a name are taken");
  const { id, ...rest } = parsed.output;
  return { ...rest, id: id ?? undefined };
}
