/**
 * The manifest of a folder: the list of its entries, as a text that is itself shared as a file. Its
 * file id is the folder's id, so a peer that has verified it knows the id of everything in the
 * folder.
 *
 * A line each, ended by `\n`, in canonical JSON (RFC 8785: no spaces, keys in order):
 *
 *     {"bytes":6,"entries":3,"manifest":1}
 *     {"path":"docs","type":"folder"}
 *     {"id":"fb83…","mode":"644","mtime":1700000000000,"path":"docs/hello.txt","size":6,"type":"file"}
 *     {"path":"docs/latest.txt","target":"hello.txt","type":"link"}
 *
 * Entries are in the order of their paths as UTF-8, every folder before its content. So one tree
 * has one manifest, and it can be written and checked line by line.
 */
import * as v from "valibot";
import { Fault } from "../fault.ts";
import { fileIdOf } from "./sync_digest.ts";
import { comparePaths, isTargetInside, whyUnsafePath } from "./tree_path.ts";
import { foldName } from "./safe_path.ts";

/** Most bytes in a manifest. */
export const MANIFEST_CAP = 64 << 20;
/** Most entries in a manifest. */
export const ENTRIES_CAP = 500_000;
/** Most characters in a line: a path of 1,024 bytes and a target as long, escaped. */
export const MANIFEST_LINE_CAP = 8_192;

const MANIFEST_VERSION = 1;
const EMPTY_ID = fileIdOf(0, new Uint8Array());

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const Header = v.strictObject({
  /** Of all files together. */
  bytes: count,
  entries: v.pipe(count, v.maxValue(ENTRIES_CAP)),
  manifest: v.literal(MANIFEST_VERSION),
});

const FolderEntry = v.strictObject({ path: v.string(), type: v.literal("folder") });

const FileEntry = v.strictObject({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** The permissions that are kept of a file: whether it is executable. */
  mode: v.picklist(["644", "755"]),
  /** The time of the last modification, in milliseconds since 1970. */
  mtime: v.pipe(count, v.maxValue(8_640_000_000_000_000)),
  path: v.string(),
  size: count,
  type: v.literal("file"),
});

const LinkEntry = v.strictObject({
  path: v.string(),
  /** Relative to the folder that the link is in. */
  target: v.string(),
  type: v.literal("link"),
});

const ManifestEntry = v.variant("type", [FolderEntry, FileEntry, LinkEntry]);

export type FileEntry = v.InferOutput<typeof FileEntry>;
type FolderEntry = v.InferOutput<typeof FolderEntry>;
export type LinkEntry = v.InferOutput<typeof LinkEntry>;
export type ManifestEntry = v.InferOutput<typeof ManifestEntry>;

export interface Manifest {
  /** In the order of {@link comparePaths}. */
  entries: ManifestEntry[];
  /** Of all files together. */
  bytes: number;
}

/** The lines of a manifest. The entries are those of one tree, in order. */
export function* manifestLines({ entries, bytes }: Manifest): Generator<string> {
  yield canonical({ bytes, entries: entries.length, manifest: MANIFEST_VERSION });
  for (const entry of entries) yield canonical(entry);
}

/**
 * Checks a manifest as its lines arrive. Each method throws an `integrity` Fault that says what is wrong
 * with it: it came from a stranger, and what it says will be done to a disk.
 */
export class ManifestReader {
  readonly #entries: ManifestEntry[] = [];
  readonly #folders = new Set([""]);
  /** The paths so far by their folded names, as file systems that ignore case compare them. */
  readonly #taken = new Map<string, string>();
  readonly #os: string | undefined;
  #header: v.InferOutput<typeof Header> | undefined;
  #bytes = 0;
  #last = "";

  /** `os` is the system that the paths must be possible on; default this one. */
  constructor(os?: string) {
    this.#os = os;
  }

  /** The next line, without its end. */
  add(line: string): void {
    if (!this.#header) {
      this.#header = parseLine(Header, line);
      return;
    }
    const entry = parseLine(ManifestEntry, line);
    if (this.#entries.length === this.#header.entries) throw wrong("it has too many entries");
    this.#checkPath(entry.path);
    if (entry.type === "folder") this.#folders.add(entry.path);
    if (entry.type === "file") {
      this.#bytes += entry.size;
      if (entry.size === 0 && entry.id !== EMPTY_ID) {
        throw wrong(`${shown(entry.path)} has the id of no empty file`);
      }
    }
    if (entry.type === "link" && !isTargetInside(entry.path, entry.target)) {
      throw wrong(`the link ${shown(entry.path)} leads out of it`);
    }
    this.#entries.push(entry);
  }

  /** Returns the manifest after its last line. */
  finish(): Manifest {
    if (!this.#header) throw wrong("it is empty");
    if (this.#entries.length !== this.#header.entries) throw wrong("it has too few entries");
    if (this.#bytes !== this.#header.bytes) throw wrong("its sizes don't add up");
    return { entries: this.#entries, bytes: this.#bytes };
  }

  #checkPath(path: string): void {
    const why = whyUnsafePath(path, this.#os);
    if (why) throw wrong(`${shown(path)} can't be a path: ${why}`);
    if (path === this.#last) throw wrong(`it has ${shown(path)} twice`);
    if (comparePaths(path, this.#last) < 0) throw wrong(`${shown(path)} is not in its place`);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (!this.#folders.has(parent)) {
      throw wrong(`${shown(path)} is in ${shown(parent)}, which is no folder of it`);
    }
    const folded = foldName(path);
    const other = this.#taken.get(folded);
    if (other !== undefined) {
      throw wrong(`${shown(path)} and ${shown(other)} are one name to some systems`);
    }
    this.#taken.set(folded, path);
    this.#last = path;
  }
}

function parseLine<S extends v.GenericSchema>(schema: S, line: string): v.InferOutput<S> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw wrong(`it has a line that is not JSON: ${shown(line)}`);
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (!result.success) throw wrong(`it has a line that says nothing known: ${shown(line)}`);
  if (canonical(value as Record<string, unknown>) !== line) {
    throw wrong(`it has a line that is not in canonical form: ${shown(line)}`);
  }
  return result.output;
}

/** An object without objects in it, as canonical JSON. */
function canonical(value: Record<string, unknown>): string {
  const keys = Object.keys(value).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${JSON.stringify(value[key])}`).join()}}`;
}

function wrong(why: string): Fault {
  return new Fault("integrity", `malformed manifest: ${why}`);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}
