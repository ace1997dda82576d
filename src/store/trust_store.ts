import type { Remembered } from "../trust/choose_offer.ts";
import type { StateDatabase } from "./state_database.ts";

/** Who is remembered for a name, how that came about, and since when: milliseconds since 1970. */
export interface TrustRecord extends Remembered {
  name: string;
  /** `first`: with the first file of that name; `accepted`: the user said so. */
  how: "first" | "accepted";
  since: number;
}

type Row = Omit<TrustRecord, "id"> & { id: string | null };

const COLUMNS = "name, publisher, how, since, time, id";

/** The table of the state database that holds whose announcement of each name is taken. */
export class TrustStore {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  get(name: string): TrustRecord | undefined {
    const row = this.#db.get<Row>(`SELECT ${COLUMNS} FROM trust WHERE name = ?`, name);
    return row && recordOf(row);
  }

  /** All of them, by name. */
  list(): TrustRecord[] {
    return this.#db.all<Row>(`SELECT ${COLUMNS} FROM trust ORDER BY name`).map(recordOf);
  }

  /** Remembers, in place of what was remembered for that name. */
  put({ name, publisher, how, since, time, id }: TrustRecord): void {
    this.#db.run(
      `INSERT OR REPLACE INTO trust (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
      ...[name, publisher, how, since, time, id ?? null],
    );
  }

  remove(name: string): void {
    this.#db.run("DELETE FROM trust WHERE name = ?", name);
  }
}

function recordOf({ id, ...row }: Row): TrustRecord {
  return { ...row, id: id ?? undefined };
}
