import fs from "node:fs";
import * as v from "valibot";
import { pieceCount, PieceMap } from "../../content/piece_map.ts";
import { TAKEN, type Taken } from "../../trust/choose_offer.ts";
import { Announcement, FileId, FileSize, Name, Time } from "../../wire/protocol.ts";
import { type FileStamp, sameStamp, stampOfPath } from "../disk/file_stamp.ts";
import { makeStatePart, namesInStatePart, removeFromStatePart } from "../state/state_part.ts";
import { isInside, nameOf, parentOf } from "../../system/paths.ts";
import { isHidden } from "../../content/safe_path.ts";
import { damaged, type StateDatabase } from "../state/state_database.ts";

/** The file that a download is to become. */
export interface Wanted {
  /** File id: there is one partial for each content. */
  id: string;
  /** Its name here. */
  name: string;
  size: number;
  /** Where it goes: an absolute path. Undefined is its name under DIR. */
  output?: string;
  /** Replace what is at its destination. */
  overwrite: boolean;
  /** Undefined for a legacy peer's file, which is unsigned. */
  announcement?: Announcement;
  /** Why it was taken: whatever resumes it holds it against what is remembered by then. */
  taken: Taken;
  /** The SHA-256 that the whole file is to have: 64 hex digits. */
  sha256?: string;
  /** The id of the folder that it is fetched as a part of. */
  folder?: string;
  /** Of a folder: what is at its destination is brought up to date, and with `delete` cleaned. */
  updating?: "update" | "delete";
  /** The path of its partial, where that is not in the folder of the partials: see partial_place.ts. */
  place?: string;
}

/** A download that is not whole yet. */
export interface Download extends Wanted {
  /** The pieces that were verified, written and synced, as of the last checkpoint. */
  map: PieceMap;
  /** The times when it began, and when its map was last written: milliseconds since 1970. */
  created: number;
  updated: number;
  /** Nobody goes on with it until asked to. */
  paused: boolean;
  /** Of a folder: bytes of its files that were there when the work on it ended. */
  reached: number;
}

/** Most pieces that a map is made for when the database has none that fits: those of 16 TiB. */
const PIECES_CAP = 1 << 26;

const Row = v.object({
  id: FileId,
  name: Name,
  size: FileSize,
  map: v.instance(Uint8Array),
  output: v.nullable(v.string()),
  overwrite: v.number(),
  folder: v.nullable(FileId),
  updating: v.nullable(v.picklist(["update", "delete"])),
  announcement: v.nullable(v.pipe(v.string(), v.parseJson(), Announcement)),
  created: Time,
  updated: Time,
  paused: v.number(),
  reached: FileSize,
  taken: v.picklist(TAKEN),
  place: v.nullable(v.string()),
  sha256: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
});

/**
 * The records of partial downloads: a row of the state database and a file, ID.part, for each.
 * The row's map only ever claims what is on disk for good.
 */
export class DownloadStore {
  readonly #db: StateDatabase;
  readonly #folder: string;
  /** The partials that this process itself verified, by id, and the stamp that the partial then had. */
  readonly #verified = new Map<string, FileStamp>();

  /** `folder` is where the partial files are. */
  constructor(db: StateDatabase, folder: string) {
    this.#db = db;
    this.#folder = folder;
  }

  /** The folder of the partial files; made if need be. Throws a `disk` Fault. */
  folder(): string {
    makeStatePart(this.#folder);
    return this.#folder;
  }

  /** The path of the partial file of a content. */
  pathOf(id: string): string {
    return this.#placeOf(id) ?? `${this.#folder}/${id}.part`;
  }

  get(id: string): Download | undefined {
    const row = this.#db.get("SELECT * FROM downloads WHERE id = ?", id);
    return row === undefined ? undefined : downloadOf(row);
  }

  /** All that were asked for, the oldest first. Throws a `disk` Fault when one of them is damaged. */
  list(): Download[] {
    return this.#rows("WHERE folder IS NULL");
  }

  /** Where the folder of that id is put together. */
  treeOf(id: string): string {
    return `${this.folder()}/${id}.tree`;
  }

  /** Notes what a download is to become. What is known of its content from before is kept. */
  begin(wanted: Wanted): Download {
    const { id, name, size, output, overwrite, announcement, taken, sha256 } = wanted;
    const { folder, updating, place } = wanted;
    const now = Date.now();
    this.#db.run(
      `INSERT INTO downloads
       (id, name, size, map, output, overwrite, announcement, created, updated, taken, sha256,
        folder, updating, place)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, output = excluded.output,
         overwrite = excluded.overwrite, announcement = excluded.announcement,
         taken = excluded.taken, sha256 = excluded.sha256,
         folder = excluded.folder, updating = excluded.updating, place = excluded.place`,
      ...[
        id,
        name,
        size,
        new PieceMap(pieceCount(size)).bytes(),
        output ?? null,
        Number(overwrite),
      ],
      ...[announcement ? JSON.stringify(announcement) : null, now, now, taken, sha256 ?? null],
      ...[folder ?? null, updating ?? null, place ?? null],
    );
    return this.get(id)!;
  }

  /** Writes the map of what is on disk for good: {@link PieceMap.bytes}. */
  save(id: string, map: Uint8Array): void {
    this.#db.run("UPDATE downloads SET map = ?, updated = ? WHERE id = ?", map, Date.now(), id);
  }

  /** Notes whether to go on with it, for this process and those after it. */
  pause(id: string, paused: boolean): void {
    this.#db.runDurably("UPDATE downloads SET paused = ? WHERE id = ?", Number(paused), id);
  }

  /** Notes how many bytes of a folder's files are there. */
  reach(id: string, bytes: number): void {
    this.#db.run("UPDATE downloads SET reached = ? WHERE id = ?", bytes, id);
  }

  /** Forgets a download and removes its partial. The file goes first: it may be in the way of all else. */
  remove(id: string): void {
    const place = this.#placeOf(id);
    if (place !== undefined) fs.rmSync(place, { force: true });
    removeFromStatePart(this.#folder, [`${id}.part`, `${id}.tree`]);
    this.#verified.delete(id);
    this.#db.run("DELETE FROM downloads WHERE id = ?", id);
    for (const part of this.#rows("WHERE folder = ?", id)) {
      this.remove(part.id);
    }
  }

  /** Notes that this process verified all that the map claims, and has closed the partial. */
  vouch(id: string): void {
    this.#verified.set(id, stampOfPath(this.pathOf(id)));
  }

  /** True when this process verified all that the map claims, and the partial hasn't changed since. */
  vouched(id: string): boolean {
    const stamp = this.#verified.get(id);
    this.#verified.delete(id);
    return stamp !== undefined && sameStamp(stamp, stampOfPath(this.pathOf(id)));
  }

  /** Removes partial files that no row is for, and rows without their file. */
  tidy(): void {
    const known = new Set<string>();
    // An id is a part of a path: what is none must not come this far.
    for (const { id } of this.#rows()) {
      const path = this.pathOf(id);
      // Its disk may come back.
      if (!isInside(this.#folder, path) && !fs.existsSync(parentOf(path))) continue;
      const stat = fs.lstatSync(path, { throwIfNoEntry: false });
      // A second name is the final one: the process ended right between making that and removing this.
      if (stat?.isFile() && stat.nlink === 1) known.add(`${id}.part`).add(`${id}.tree`);
      else this.remove(id);
    }
    const lost = namesInStatePart(this.#folder).filter((name) => !known.has(name));
    removeFromStatePart(this.#folder, lost);
  }

  /** The noted place of a partial, if it has a partial's name: nothing else is Shoal's to write or remove. */
  #placeOf(id: string): string | undefined {
    const row = this.#db.get<{ place: unknown }>("SELECT place FROM downloads WHERE id = ?", id);
    const { place } = row ?? {};
    return typeof place === "string" && isHidden(nameOf(place)) ? place : undefined;
  }

  #rows(where = "", ...values: string[]): Download[] {
    return this.#db.all(`SELECT * FROM downloads ${where} ORDER BY created, id`, ...values)
      .map(downloadOf);
  }
}

function downloadOf(row: unknown): Download {
  const parsed = v.safeParse(Row, row);
  if (!parsed.success) throw damaged("a download");
  const { map, output, overwrite, paused, announcement, sha256, folder, updating, place, ...rest } =
    parsed.output;
  return {
    ...rest,
    map: mapOf(rest.size, map),
    output: output ?? undefined,
    sha256: sha256 ?? undefined,
    overwrite: overwrite !== 0,
    paused: paused !== 0,
    announcement: announcement ?? undefined,
    folder: folder ?? undefined,
    updating: updating ?? undefined,
    place: place ?? undefined,
  };
}

/** A map that doesn't fit claims nothing. */
function mapOf(size: number, bytes: Uint8Array): PieceMap {
  const pieces = pieceCount(size);
  if (bytes.length === Math.ceil(pieces / 8)) return PieceMap.from(pieces, bytes);
  if (pieces > PIECES_CAP) throw damaged("a download");
  return new PieceMap(pieces);
}
