import { assert, assertEquals } from "@std/assert";
import type { ShareResult } from "../../src/peer/api/peer_api.ts";
import { placedIn } from "./checks.ts";
import { type Peer, sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;

/** The text of a file. */
export const text = (path: string) => Deno.readTextFile(path);
/** Has a file say something. */
export const write = (path: string, content: string) => Deno.writeTextFile(path, content);

/** A folder with some of everything that can be fetched. */
export async function makeTree(root: string): Promise<void> {
  await Deno.mkdir(`${root}/docs/empty/deeper`, { recursive: true });
  await Deno.mkdir(`${root}/bin`);
  await write(`${root}/docs/hello.txt`, "hello\n");
  await write(`${root}/docs/again.txt`, "hello\n");
  await write(`${root}/nothing`, "");
  await write(`${root}/ünï 😀`, "names");
  await write(`${root}/bin/run`, "#!/bin/sh\n");
  await Deno.chmod(`${root}/bin/run`, 0o755);
  await Deno.utime(`${root}/docs/hello.txt`, 0, new Date("2020-02-03T04:05:06.789Z"));
  await writeRandom(`${root}/chunk`, 65_536);
  await writeRandom(`${root}/over`, 65_537);
  await writeRandom(`${root}/payload`, MIB);
  await writeRandom(`${root}/large`, 3 * MIB + 1);
  await Deno.copyFile(`${root}/large`, `${root}/docs/large too`);
  await Deno.symlink("hello.txt", `${root}/docs/latest`);
  await Deno.symlink("../docs", `${root}/bin/docs`);
}

/** Asserts that two trees have the same entries, contents, targets, times and executable files. */
export async function assertSameTree(actual: string, expected: string): Promise<void> {
  assertEquals(placedIn(actual), placedIn(expected));
  for (const name of placedIn(expected)) {
    const [a, b] = [await Deno.lstat(`${actual}/${name}`), await Deno.lstat(`${expected}/${name}`)];
    assertEquals(
      [a.isFile, a.isDirectory, a.isSymlink],
      [b.isFile, b.isDirectory, b.isSymlink],
      name,
    );
    if (b.isSymlink) {
      const target = (root: string) => Deno.readLink(`${root}/${name}`);
      assertEquals(await target(actual), await target(expected), name);
    }
    if (!b.isFile) continue;
    assert(await sameFiles(`${actual}/${name}`, `${expected}/${name}`), name);
    assertEquals(a.mtime!.getTime(), b.mtime!.getTime(), name);
    assertEquals(a.mode! & 0o100, b.mode! & 0o100, name);
  }
}

/** A peer that shares a folder with a tree in it. */
export async function sharing(world: World): Promise<Peer & { tree: string; shared: ShareResult }> {
  const peer = await world.peer("sharer");
  const tree = `${peer.dir}/tree`;
  await makeTree(tree);
  const [shared] = await world.json<ShareResult[]>(peer.dir, ["share", "tree"]);
  return { ...peer, tree, shared };
}
