import fs from "node:fs";
import { type Remembered, rememberedFor } from "../../trust/choose_offer.ts";
import { StateDatabase } from "./state_database.ts";
import { TrustStore } from "./trust_store.ts";

/**
 * The remembered publisher of each name, for display: read from the state database at `path`, which
 * is held for that moment alone. None where there is no database, or it can't be had or read.
 */
export function peekTrust(path: string): (name: string) => Remembered | undefined {
  const known = read(path);
  return (name) => rememberedFor(name, (one) => known.get(one));
}

function read(path: string): Map<string, Remembered> {
  if (!fs.existsSync(path)) return new Map();
  try {
    const db = StateDatabase.open(path);
    try {
      return new Map(new TrustStore(db).list().map((entry) => [entry.name, entry]));
    } finally {
      db.close();
    }
  } catch {
    return new Map();
  }
}
