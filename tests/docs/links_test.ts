import { assert } from "@std/assert";
import { dirname, join } from "node:path/posix";

const ROOT = new URL("../../", import.meta.url);
/** Most bytes of the README: what is read before anything is tried. */
const README_MOST = 9_000;

async function pages(): Promise<string[]> {
  const docs = await Array.fromAsync(Deno.readDir(new URL("docs", ROOT)));
  const names = docs.filter(({ name }) => name.endsWith(".md")).map(({ name }) => `docs/${name}`);
  return ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...names];
}

const read = (path: string) => Deno.readTextFile(new URL(path, ROOT));

/** The anchors of a page's headings, as they are made for links. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replace(/^```[^]*?^```/gm, "").matchAll(/^#+ (.+)$/gm)];
  return new Set(
    headings.map(([, title]) =>
      title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, "").trim().replace(/\s/g, "-")
    ),
  );
}

Deno.test("docs: the README is short", async () => {
  assert((await read("README.md")).length <= README_MOST);
});

Deno.test("docs: each link to a page or a heading of this repository leads there", async () => {
  for (const page of await pages()) {
    const text = await read(page);
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      const there = await Deno.stat(new URL(file, ROOT)).catch(() => undefined);
      assert(there, `${page} links to ${target}, which is not there`);
      if (!anchor) continue;
      const anchors = anchorsOf(await read(file));
      assert(anchors.has(anchor), `${page} links to ${target}: it has no such heading`);
    }
  }
});
