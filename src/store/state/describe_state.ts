import * as v from "valibot";
import { isInside } from "../../system/paths.ts";
import { StateDatabase } from "./state_database.ts";
import type { StateFolder } from "./state_folder.ts";

/** The effects of a state folder, for the user that decides whether to take it over. */
interface StateSummary {
  shares: number;
  /** Paths outside of DIR that it has shared. */
  shares_outside: string[];
  /** Unfinished downloads. */
  downloads: number;
  /** Paths outside of DIR that they would be written to. */
  downloads_outside: string[];
  /** Publishers that are trusted. */
  trusted: number;
}

const Paths = v.array(v.object({ path: v.nullable(v.string()) }));

/** Reads the state database, which is held for that moment. Throws as StateDatabase.open does. */
export function describeState({ dir, database }: StateFolder): StateSummary {
  const db = StateDatabase.open(database);
  const paths = (sql: string) =>
    v.parse(Paths, db.all(sql)).map(({ path }) => path).filter((path) => path !== null);
  const outside = (path: string) => !isInside(dir, path);
  try {
    const shares = paths("SELECT coalesce(root, path) AS path FROM shares ORDER BY name");
    const outputs = paths("SELECT output AS path FROM downloads ORDER BY id");
    return {
      shares: shares.length,
      shares_outside: shares.filter(outside),
      downloads: db.all("SELECT id FROM downloads").length,
      downloads_outside: outputs.filter(outside),
      trusted: db.all("SELECT name FROM trust").length,
    };
  } finally {
    db.close();
  }
}
