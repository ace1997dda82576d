import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import type { Remembered } from "../trust/choose_offer.ts";

/**
 * Who is remembered for each name, for showing it: read from a state database that may be somebody
 * else's at the moment. No lock is taken, so nobody is kept from it; in return, what was written last
 * may be missing. Nothing where there is no such database.
 */
export function peekTrust(path: string): Map<string, Remembered> {
  const known = new Map<string, Remembered>();
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(`${pathToFileURL(path)}?immutable=1`, { readOnly: true });
    const rows = db.prepare("SELECT name, publisher, time FROM trust").iterate();
    for (const row of rows) {
      const { name, ...remembered } = row as unknown as Remembered & { name: string };
      known.set(name, remembered);
    }
  } catch {
    // It isn't there, an older program made it, or it was just being written.
  } finally {
    db?.close();
  }
  return known;
}
