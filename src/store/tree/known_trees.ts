import * as v from "valibot";
import { SETTLED_MS } from "../disk/file_stamp.ts";
import type { StateDatabase } from "../state/state_database.ts";
import { fingerprintTree } from "./tree_fingerprint.ts";

/** A folder as a manifest has it: its id, and the part of it that is meant ("" is all). */
export interface TreeContent {
  id: string;
  part: string;
}

/** The findings of a comparison of a folder with a manifest, when it was all that this says. */
export interface TreeFindings {
  /** Entries of the manifest, and files among them. */
  entries: number;
  files: number;
  /** Chunks and bytes of its files. */
  chunks: number;
  bytes: number;
  /** Links that lead out of the part. */
  leftOut: string[];
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const Findings = v.object({
  entries: count,
  files: count,
  chunks: count,
  bytes: count,
  leftOut: v.array(v.string()),
});
const Row = v.object({
  fingerprint: v.string(),
  findings: v.pipe(v.string(), v.parseJson(), Findings),
});

/**
 * Folders that were found to be what a manifest says, and what they looked like then: while they look
 * the same, neither the manifest nor their files are needed to know that. In the state database.
 */
export class KnownTrees {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  /** True when some folder was found to have that content. */
  has({ id, part }: TreeContent): boolean {
    return this.#db.get("SELECT 1 FROM trees WHERE id = ? AND part = ?", id, part) !== undefined;
  }

  /**
   * The findings about the folder at `path`, if it looks as it did then; `alone` is true when there
   * is nothing in it that is not of the manifest. Throws the signal's reason.
   */
  async recall(
    path: string,
    { id, part }: TreeContent,
    signal?: AbortSignal,
  ): Promise<{ findings: TreeFindings; alone: boolean } | undefined> {
    const row = v.safeParse(
      Row,
      this.#db.get(
        "SELECT fingerprint, findings FROM trees WHERE path = ? AND id = ? AND part = ?",
        ...[path, id, part],
      ),
    );
    if (!row.success) return;
    const { fingerprint, findings } = row.output;
    const tree = await fingerprintTree(path, signal);
    if (!tree?.whole || tree.hash !== fingerprint) return;
    return { findings, alone: tree.entries === findings.entries };
  }

  /**
   * Notes what was found of the folder at `path`, and what it looks like, unless something in it has
   * changed since shortly before `since`, when it was begun to be looked at: milliseconds since 1970.
   */
  async remember(
    path: string,
    { id, part }: TreeContent,
    { findings, since, signal }: { findings: TreeFindings; since: number; signal?: AbortSignal },
  ): Promise<void> {
    const tree = await fingerprintTree(path, signal);
    if (!tree?.whole || tree.changed > since - SETTLED_MS) return;
    this.#db.run(
      "INSERT OR REPLACE INTO trees (path, id, part, fingerprint, findings) VALUES (?, ?, ?, ?, ?)",
      ...[path, id, part, tree.hash, JSON.stringify(findings)],
    );
  }
}
