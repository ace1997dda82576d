/** Trees on disk: looked at, held against a manifest, put together and brought up to date. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { FileEntry, ManifestEntry } from "../../../src/content/manifest.ts";
import { contentId } from "../../../src/content/sync_digest.ts";
import { comparePaths } from "../../../src/content/tree_path.ts";
import { compareTree } from "../../../src/store/tree/compare_tree.ts";
import { FolderManifests } from "../../../src/store/shares/folder_manifests.ts";
import { readManifest } from "../../../src/store/shares/manifest_file.ts";
import { Staging } from "../../../src/store/tree/staging.ts";
import {
  clearPlace,
  placeStaged,
  removeOthers,
  setAttributes,
} from "../../../src/store/tree/update_tree.ts";
import { publishFile } from "../../../src/store/disk/publish_file.ts";
import { type Destination, Permit } from "../../../src/trust/permit.ts";
import { walkTree } from "../../../src/store/tree/walk_tree.ts";
import { patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { newState } from "../../support/new_state.ts";
import { referenceIdOf } from "../../support/reference_tree.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function fileEntry(path: string, content: string): FileEntry {
  const { id } = contentId(bytesOf(content));
  return { id, mode: "644", mtime: 1_000, path, size: bytesOf(content).length, type: "file" };
}

Deno.test("the id of a content of one block is told by its bytes alone", () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 1 << 20]) {
    const content = patterned(size);
    assertEquals(contentId(content).id, referenceIdOf(content), `${size} bytes`);
  }
});

Deno.test("walk: names in composed form, in the order of a manifest, with their disk paths", async () => {
  await using folder = await TempFolder.create();
  await folder.write("e\u0301/x", "1");
  await folder.write("a-", "2");
  await folder.write("a/b", "3");
  const { entries, leftOut } = await walkTree(folder.path);
  assertEquals(leftOut, []);
  assertEquals(entries.map(({ path }) => path), ["a", "a-", "a/b", "é", "é/x"]);
  assertEquals(entries.at(-1)!.disk, folder.at("e\u0301/x"));
  await faultOf("usage", walkTree(folder.at("none")), "Cannot share");
});

Deno.test("walk: links are told in their plain form, and those to their own folder are left out", async () => {
  await using folder = await TempFolder.create();
  await folder.mkdir("d");
  const links = {
    plain: "./d/",
    doubled: "d//./x",
    up: ".././d",
    self: ".",
    root: "/",
    out: "./..",
  };
  for (const [name, target] of Object.entries(links)) {
    Deno.symlinkSync(target, folder.at(name === "up" ? "d/up" : name));
  }
  const { entries, leftOut } = await walkTree(folder.path);
  const targets = entries.flatMap((entry) =>
    entry.type === "link" ? [[entry.path, entry.target]] : []
  );
  assertEquals(targets, [["d/up", "../d"], ["doubled", "d/x"], ["plain", "d"]]);
  const why = Object.fromEntries(leftOut.map(({ path, why }) => [path, why]));
  assertEquals(why, {
    out: "the link leads out of the folder, to ..",
    root: "the link leads out of the folder, to /",
    self: "the link leads to the folder that it is in",
  });
});

Deno.test("describe: one manifest for one tree, hashed once, and another for another", async () => {
  await using folder = await TempFolder.create();
  await using state = await newState();
  const manifests = new FolderManifests({ folder: folder.at("manifests"), ...state });
  const tree = await folder.mkdir("tree");
  await folder.write("tree/a", "one");
  await folder.write("tree/d/b", patterned(70_000));
  const first = await manifests.describe(tree, {});
  const again = await manifests.describe(tree, {});
  assertEquals([first.hashed, again.hashed], [true, false]);
  assertEquals(again.content, first.content);
  assertEquals(first.content.entries, 3);
  assertEquals(first.content.bytes, 70_003);
  assertEquals(referenceIdOf(await Deno.readFile(first.place.path)), first.content.id);
  const { entries } = await readManifest(first.place.path);
  assertEquals(entries.map(({ path }) => path), ["a", "d", "d/b"]);
  await Deno.chmod(`${tree}/a`, 0o755);
  const changed = await manifests.describe(tree, {});
  assert(changed.content.id !== first.content.id && !changed.hashed);
  const kept = () =>
    [...Deno.readDirSync(folder.at("manifests"))].map(({ name }) => name).toSorted();
  manifests.tidy(new Set([changed.content.id]));
  assertEquals(kept(), [first.content.id, changed.content.id].toSorted());
  for (const described of [first, again, changed]) described.release();
  manifests.tidy(new Set([changed.content.id]));
  assertEquals(kept(), [changed.content.id]);
});

Deno.test("a tree that is staged and placed over any other is what the manifest says", async () => {
  const kinds = fc.dictionary(
    fc.constantFrom("a", "b", "a/x", "b/y", "b/y/z"),
    fc.constantFrom("file", "other", "folder", "link"),
    { minKeys: 1 },
  );
  await fc.assert(
    fc.asyncProperty(kinds, kinds, async (before, after) => {
      await using folder = await TempFolder.create();
      await using state = await newState();
      const root = await folder.mkdir("root");
      const outside = await folder.write("outside/kept", "kept");
      for (const entry of entriesOf(before)) make(root, entry);
      const entries = entriesOf(after);
      const found = await compareTree(root, entries, state);
      const staging = Staging.open(folder.at("staging"));
      for (const entry of found.missing) {
        if (entry.type === "file") staging.write(entry, bytesOf(contentOf(entry)));
        if (entry.type === "link") staging.link(entry);
      }
      await staging.sync();
      for (const { path } of found.inTheWay) await clearPlace(own(root), path);
      await placeStaged(own(root), { staging, entries: found.missing });
      await removeOthers(own(root), entries);
      const { missing, touched } = await compareTree(root, entries, state);
      assertEquals([missing, touched], [[], []]);
      assertEquals(
        (await walkTree(root)).entries.map(({ path }) => path),
        entries.map(({ path }) => path),
      );
      assertEquals(await Deno.readTextFile(outside), "kept");
    }),
    { numRuns: 60 },
  );
});

/** Entries of a tree in which what is above something is a folder. */
function entriesOf(kinds: Record<string, string>): ManifestEntry[] {
  const entries = new Map<string, ManifestEntry>();
  for (const path of Object.keys(kinds).sort(comparePaths)) {
    const parts = path.split("/");
    const above = parts.slice(0, -1).map((_, depth) => parts.slice(0, depth + 1).join("/"));
    if (above.some((one) => entries.has(one) && entries.get(one)!.type !== "folder")) continue;
    for (const one of above) entries.set(one, { path: one, type: "folder" });
    const kind = kinds[path];
    if (kind === "folder") entries.set(path, { path, type: "folder" });
    else if (kind === "link") entries.set(path, { path, target: "b", type: "link" });
    else entries.set(path, fileEntry(path, kind));
  }
  return [...entries.values()].sort((a, b) => comparePaths(a.path, b.path));
}

function contentOf({ id }: FileEntry): string {
  return contentId(bytesOf("file")).id === id ? "file" : "other";
}

function make(root: string, entry: ManifestEntry): void {
  const path = `${root}/${entry.path}`;
  if (entry.type === "folder") Deno.mkdirSync(path);
  else if (entry.type === "link") Deno.symlinkSync("../outside", path);
  else {
    Deno.writeTextFileSync(path, contentOf(entry));
    Deno.utimeSync(path, new Date(entry.mtime), new Date(entry.mtime));
  }
}

Deno.test("removal of others keeps Shoal's own folders and what links lead to", async () => {
  await using folder = await TempFolder.create();
  await folder.write("root/d/.shoal/identity.pem", "secret");
  await folder.write("root/d/gone", "1");
  await folder.write("outside/kept", "2");
  await Deno.symlink(folder.at("outside"), folder.at("root/link"));
  assertEquals(await removeOthers(own(folder.at("root")), []), 2);
  assertEquals(folder.list(), [
    ...["outside", "outside/kept", "root", "root/d", "root/d/.shoal"],
    "root/d/.shoal/identity.pem",
  ]);
  await faultOf("destination", clearPlace(own(folder.at("root")), "d"));
});

Deno.test("staging: not published over what stands there", async () => {
  await using folder = await TempFolder.create();
  const staging = Staging.open(folder.at("staging"));
  staging.write(fileEntry("a/b", "x"), bytesOf("x"));
  await folder.write("taken/file", "1");
  await faultOf("destination", () => staging.publish(folder.at("taken")));
  await faultOf("destination", () => staging.publish(folder.at("taken/file")));
  staging.publish(folder.at("free"));
  assertEquals(await Deno.readTextFile(folder.at("free/a/b")), "x");
  assertEquals(folder.list().includes("staging"), false);
});

function own(path: string): Destination {
  return { path, permit: Permit.own };
}

Deno.test("nothing is replaced or deleted at a destination whose permit does not say so", async () => {
  await using folder = await TempFolder.create();
  await folder.write("root/file", "mine");
  await folder.write("root/d/other", "mine too");
  const root = { path: folder.at("root"), permit: Permit.keep };
  const staging = Staging.open(folder.at("staging"));
  const entries = [fileEntry("file", "theirs")];
  staging.write(entries[0], bytesOf("theirs"));
  const before = folder.list();
  await faultOf("destination", placeStaged(root, { staging, entries }), "exists and differs");
  await faultOf("destination", () => setAttributes(root, entries), "exists and differs");
  await faultOf("destination", removeOthers(root, entries), "Cannot delete");
  await faultOf("destination", clearPlace(root, "d"), "Cannot delete");
  const source = staging.pathOf("file");
  await faultOf("destination", publishFile(source, { ...root, path: folder.at("root/file") }));
  assertEquals(folder.list(), before);
  assertEquals(await Deno.readTextFile(folder.at("root/file")), "mine");
});
