import { assert, assertEquals } from "@std/assert";
import { dirname } from "node:path/posix";
import { countFiles, readDoc, readImports } from "./imports.ts";

/** Most files in a folder: more are not taken in at a glance. */
const FILES_MOST = 25;
/** Most lines in a folder's README. */
const README_LINES = 12;

/** The layers of docs/architecture.md, from the top down. */
async function layers(): Promise<string[]> {
  const page = await readDoc("docs/architecture.md");
  const [, table = ""] = /<!-- layers -->\n([^]*?)<!-- \/layers -->/.exec(page) ?? [];
  return [...table.matchAll(/^\| `(src[^`]*)\/` /gm)].map(([, folder]) => folder);
}

Deno.test("layers: a folder imports only from those below it in docs/architecture.md", async () => {
  const order = await layers();
  for (const [file, imported] of await readImports()) {
    for (const target of imported.filter((path) => path.startsWith("src/"))) {
      const [from, to] = [dirname(file), dirname(target)].map((folder) => order.indexOf(folder));
      assert(from <= to, `${file} imports ${target}, from a layer above it`);
    }
  }
});

Deno.test("layers: the table names each folder of src with modules, and no other", async () => {
  const folders = new Set([...(await readImports()).keys()].map(dirname));
  assertEquals((await layers()).toSorted(), [...folders].toSorted());
});

Deno.test("layers: no import circle, types included", async () => {
  const imports = await readImports();
  const done = new Set<string>();
  const visit = (file: string, path: string[]) => {
    const start = path.indexOf(file);
    assert(start < 0, `modules import each other: ${[...path.slice(start), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
});

Deno.test("layers: no folder of src has more files than a reader takes in", async () => {
  for (const [folder, files] of await countFiles()) {
    assert(files <= FILES_MOST + 1, `${folder} has ${files} files`);
  }
});

Deno.test("layers: each folder of src says in a short README what it is for", async () => {
  for (const folder of (await countFiles()).keys()) {
    const readme = await readDoc(`${folder}/README.md`);
    assert(readme.split("\n").length - 1 <= README_LINES, `${folder}/README.md is too long`);
  }
});
