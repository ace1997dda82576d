/** Folders that are known to be what a manifest says: recalled while they look the same, and only then. */
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import {
  KnownTrees,
  type TreeContent,
  type TreeFindings,
} from "../../../src/store/tree/known_trees.ts";
import { fingerprintTree } from "../../../src/store/tree/tree_fingerprint.ts";
import { newState } from "../../support/new_state.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const CONTENT = { id: "ab".repeat(32), part: "" };
const FINDINGS: TreeFindings = { entries: 4, files: 2, chunks: 2, bytes: 6, leftOut: ["out"] };
/** Long enough after what was just made for that to be settled. */
const later = () => Date.now() + 5_000;

/** A folder with two files, a folder and a link, that is known. */
async function knownTree(folder: TempFolder, trees: KnownTrees): Promise<string> {
  const root = await folder.mkdir("root");
  await folder.write("root/a", "one");
  await folder.write("root/d/b", "two");
  await Deno.symlink("a", `${root}/l`);
  await trees.remember(root, CONTENT, { findings: FINDINGS, since: later() });
  return root;
}

Deno.test("known trees: what was found is recalled, by path, content and part", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const trees = new KnownTrees(state.db);
  assertEquals(trees.has(CONTENT), false);
  const root = await knownTree(folder, trees);
  const other = { ...CONTENT, part: "d" };
  assertEquals([trees.has(CONTENT), trees.has(other)], [true, false]);
  assertEquals(await recall(trees, root, CONTENT, { alone: true }), FINDINGS);
  assertEquals(await recall(trees, root, other, { alone: true }), undefined);
  assertEquals(await recall(trees, `${root}/d`, CONTENT, { alone: false }), undefined);
  await Deno.mkdir(`${root}/d/.shoal`);
  assertEquals(await recall(trees, root, CONTENT, { alone: true }), FINDINGS, "Shoal's own");
});

Deno.test("known trees: a look that was ended ends with its reason, also where nothing is", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const trees = new KnownTrees(state.db);
  const root = await knownTree(folder, trees);
  await Deno.remove(root, { recursive: true });
  const reason = new Error("late");
  const look = recall(trees, root, CONTENT, { alone: true, signal: AbortSignal.abort(reason) });
  assertStrictEquals(await assertRejects(() => look), reason);
});

const changes: Record<string, (root: string) => Promise<void>> = {
  "a file's size": (root) => Deno.writeTextFile(`${root}/a`, "longer"),
  "a file's time": (root) => Deno.utime(`${root}/a`, 1, 1),
  "a file's mode": (root) => Deno.chmod(`${root}/a`, 0o700),
  "another file in its place": async (root) => {
    const { mtime } = await Deno.stat(`${root}/a`);
    await Deno.writeTextFile(`${root}/new`, "own");
    await Deno.utime(`${root}/new`, mtime!, mtime!);
    await Deno.rename(`${root}/new`, `${root}/a`);
  },
  "a file more": (root) => Deno.writeTextFile(`${root}/d/c`, ""),
  "a file less": (root) => Deno.remove(`${root}/d/b`),
  "a folder more": (root) => Deno.mkdir(`${root}/empty`),
  "a name": (root) => Deno.rename(`${root}/a`, `${root}/A`),
  "where a link leads": async (root) => {
    await Deno.remove(`${root}/l`);
    await Deno.symlink("d", `${root}/l`);
  },
  "a folder that can't be found": (root) => Deno.rename(root, `${root}-moved`),
};

for (const [what, change] of Object.entries(changes)) {
  Deno.test(`known trees: a change is seen: ${what}`, async () => {
    await using folder = await TempFolder.create();
    await using state = await newState();
    const trees = new KnownTrees(state.db);
    const root = await knownTree(folder, trees);
    await change(root);
    assertEquals(await recall(trees, root, CONTENT, { alone: false }), undefined);
  });
}

Deno.test("known trees: with something else in it, a folder is not all that a manifest says", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const trees = new KnownTrees(state.db);
  const root = await knownTree(folder, trees);
  await folder.write("root/other", "x");
  await trees.remember(root, CONTENT, { findings: FINDINGS, since: later() });
  assertEquals(await recall(trees, root, CONTENT, { alone: false }), FINDINGS);
  assertEquals(await recall(trees, root, CONTENT, { alone: true }), undefined);
});

Deno.test("known trees: what has just changed may change unseen, and is not remembered", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const trees = new KnownTrees(state.db);
  const root = await folder.mkdir("root");
  await folder.write("root/a", "one");
  const changed = (await fingerprintTree(root))!.changed;
  for (
    const [since, known] of [[changed, false], [changed + 1_999, false], [
      changed + 2_000,
      true,
    ]] as const
  ) {
    await trees.remember(root, CONTENT, { findings: FINDINGS, since });
    assertEquals(trees.has(CONTENT), known, `${since - changed} ms after`);
  }
});

Deno.test("known trees: a damaged row is not known", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const trees = new KnownTrees(state.db);
  const root = await knownTree(folder, trees);
  for (const findings of ["", "{}", JSON.stringify({ ...FINDINGS, files: -1 })]) {
    state.db.run("UPDATE trees SET findings = ?", findings);
    assertEquals(await recall(trees, root, CONTENT, { alone: false }), undefined);
  }
});

Deno.test("a tree's fingerprint doesn't depend on when its folders changed", async () => {
  await using folder = await TempFolder.create();
  await folder.write("root/d/a", "one");
  const before = await fingerprintTree(folder.at("root"));
  await folder.write("root/d/moment", "");
  await Deno.remove(folder.at("root/d/moment"));
  await Deno.utime(folder.at("root/d"), 1, 1);
  assertEquals((await fingerprintTree(folder.at("root")))?.hash, before?.hash);
  assertEquals(before?.entries, 2);
});

/** The record of a folder; with `alone` only if nothing else is in it. */
async function recall(
  trees: KnownTrees,
  path: string,
  content: TreeContent,
  { alone, signal }: { alone: boolean; signal?: AbortSignal },
): Promise<TreeFindings | undefined> {
  const known = await trees.recall(path, content, signal);
  return known && (known.alone || !alone) ? known.findings : undefined;
}
