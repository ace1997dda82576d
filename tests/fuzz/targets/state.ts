import { PieceMap } from "../../../src/content/piece_map.ts";
import { DigestStore } from "../../../src/store/hash/digest_store.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { FolderFiles } from "../../../src/store/shares/folder_files.ts";
import { Disk } from "../../../src/store/disk/disk.ts";
import { HashCache } from "../../../src/store/hash/hash_cache.ts";
import { Library } from "../../../src/store/shares/library.ts";
import { StateDatabase } from "../../../src/store/state/state_database.ts";
import { TrustStore } from "../../../src/store/state/trust_store.ts";
import { announcementOf } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { isAllowed, must } from "../allow.ts";
import { FILE, PEER } from "../samples.ts";
import type { Target } from "../target.ts";
import { bytesOf } from "../text.ts";

type Value = string | number | null | Uint8Array;

/** All that a peer does with its database when it starts. */
function startWith(db: StateDatabase, folder: string): void {
  const downloads = new DownloadStore(db, folder);
  downloads.tidy();
  const digests = new DigestStore(db);
  const cache = new HashCache(db, { digests, disk: new Disk() });
  const library = new Library(db, cache);
  for (const { announcement, stamp } of library.list()) {
    must(typeof announcement.name === "string" && announcement.size >= 0, "a share is one");
    must(typeof stamp.mtime === "number", "a stamp is one");
  }
  for (const { map, size } of downloads.list()) {
    must(map instanceof PieceMap && map.count <= map.pieces && size >= 0, "a download is one");
  }
  for (const { publisher } of new TrustStore(db).list()) {
    must(/^[0-9a-f]{64}$/.test(publisher), "a publisher is one");
  }
  cache.lookup("/srv/files/a");
  const files = new FolderFiles(db);
  for (const { stamp } of [...files.list("a", "", 9), ...files.withId(FILE)]) {
    must(typeof stamp.mtime === "number", "a stamp is one");
  }
  digests.block(FILE, 0, 0);
  library.saveCounts();
}

const COLUMNS = {
  files: ["path", "size", "mtime", "ctime", "inode", "settled", "id"],
  downloads: [
    "id",
    "name",
    "size",
    "map",
    "output",
    "overwrite",
    "announcement",
    "created",
    "updated",
    "paused",
    "taken",
    "sha256",
    "folder",
    "updating",
  ],
  trust: ["name", "publisher", "how", "since", "time", "id"],
  shares: [
    ...["name", "path", "id", "size", "mtime", "time", "publisher", "signature", "served"],
    ...["kind", "entries", "bytes", "root", "watched"],
  ],
  folder_files: ["folder", "path", "id"],
};
const RIGHT: Record<keyof typeof COLUMNS, unknown[]> = {
  files: ["/srv/files/a", 70_000, 1_700_000_000_123, 1_700_000_000_456, 7, 1, FILE],
  downloads: [
    ...[FILE, "a", 70_000, { bytes: [1] }, null, 0],
    ...[JSON.stringify(announcementOf({ name: "a", id: FILE, size: 70_000 })), 1, 2, 0],
    ...["first", null, null, null],
  ],
  trust: ["a", PEER, "first", 1, 2, FILE],
  shares: [
    "a",
    "/srv/files/a",
    FILE,
    70_000,
    1,
    2,
    PEER,
    "cd".repeat(64),
    5,
    "folder",
    2,
    9,
    "/a",
    0,
  ],
  folder_files: ["a", "/a/b", FILE],
};
const TABLES = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];

let rows: { db: StateDatabase; folder: TempFolder } | undefined;

/** Rows that no Shoal has written: `{table: [values…]}`. */
export const stateRows: Target = {
  name: "state_rows",
  weight: 3,
  seeds: [
    bytesOf(JSON.stringify(RIGHT)),
    ...TABLES.map((table) => bytesOf(JSON.stringify({ [table]: RIGHT[table] }))),
    bytesOf(JSON.stringify({ downloads: ["../beside", ...RIGHT.downloads.slice(1)] })),
    bytesOf(JSON.stringify({ downloads: RIGHT.downloads.with(2, 2 ** 52) })),
  ],
  async run(input) {
    let read: Record<string, unknown>;
    try {
      read = JSON.parse(new TextDecoder().decode(input));
    } catch {
      return;
    }
    if (!rows) {
      const folder = await TempFolder.create();
      await folder.mkdir("partials");
      await folder.write("beside.part", "x");
      rows = { db: StateDatabase.open(folder.at("state.db")), folder };
    }
    const { db, folder } = rows;
    try {
      for (const table of TABLES) {
        const values = read?.[table];
        if (!Array.isArray(values)) continue;
        const marks = COLUMNS[table].map(() => "?").join(", ");
        const row = COLUMNS[table].map((_, index) => valueOf(values[index]));
        db.run(`INSERT INTO ${table} (${COLUMNS[table].join(", ")}) VALUES (${marks})`, ...row);
        // The file is there, so that the row isn't tidied away before it is looked at.
        const [id] = row;
        const isId = table === "downloads" && typeof id === "string" && /^[0-9a-f]{64}$/.test(id);
        if (isId) Deno.writeFileSync(folder.at(`partials/${id}.part`), new Uint8Array(7));
      }
      startWith(db, folder.at("partials"));
    } catch (error) {
      if (!isAllowed(error, ["disk"])) throw error;
    } finally {
      for (const table of TABLES) db.run(`DELETE FROM ${table}`);
    }
    must(Deno.statSync(folder.at("beside.part")).isFile, "nothing outside the folder is touched");
  },
  async close() {
    rows?.db.close();
    await rows?.folder[Symbol.asyncDispose]();
    rows = undefined;
  },
};

function valueOf(value: unknown): Value {
  if (typeof value === "boolean") return Number(value);
  if (typeof value === "string" || typeof value === "number" || value === null) return value;
  const { bytes } = (value ?? {}) as { bytes?: unknown };
  return Array.isArray(bytes)
    ? Uint8Array.from(bytes.filter((byte) => typeof byte === "number"))
    : JSON.stringify(value) ?? null;
}

/** A right database of a few blocks, as bytes. */
async function rightDatabase(): Promise<Uint8Array> {
  await using folder = await TempFolder.create();
  const db = StateDatabase.open(folder.at("state.db"));
  for (const table of TABLES) {
    const row = RIGHT[table].map(valueOf);
    db.run(
      `INSERT INTO ${table} (${COLUMNS[table].join(", ")}) VALUES (${row.map(() => "?")})`,
      ...row,
    );
  }
  db.run("INSERT INTO digest_pages VALUES (?, 0, 0, ?)", FILE, new Uint8Array(64));
  db.close();
  return await Deno.readFile(folder.at("state.db"));
}

let place: TempFolder | undefined;

/** A state.db that is damaged, or none at all. */
export const stateFile: Target = {
  name: "state_file",
  weight: 0.6,
  seeds: [await rightDatabase(), new Uint8Array(), new Uint8Array(4_096), bytesOf("nonsense")],
  async run(input) {
    place ??= await TempFolder.create();
    const path = place.at("state.db");
    for (const name of place.list()) Deno.removeSync(place.at(name), { recursive: true });
    Deno.writeFileSync(path, input);
    let db: StateDatabase | undefined;
    try {
      db = StateDatabase.open(path);
      startWith(db, place.at("partials"));
    } catch (error) {
      if (!isAllowed(error, ["disk"])) throw error;
    } finally {
      db?.close();
    }
  },
  async close() {
    await place?.[Symbol.asyncDispose]();
    place = undefined;
  },
};
