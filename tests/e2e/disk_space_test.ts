/** Space that a running peer holds of files that are gone. */
import { assertEquals } from "@std/assert";
import { sameFiles, World, writeRandom } from "./world.ts";
import { eventually } from "./checks.ts";
import { noLinux, testUnless } from "../support/tools.ts";

/** Files below a folder that a process has open, those that were deleted among them. */
async function openBelow(pid: number, folder: string): Promise<string[]> {
  const open: string[] = [];
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const path = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    if (path.startsWith(folder) && !path.includes("/.shoal/state.db")) open.push(path);
  }
  return open;
}

testUnless(
  noLinux,
  "shared files that are deleted or unshared are closed, so that their space is free",
  async () => {
    await using world = await World.create();
    const peer = await world.peer("peer");
    await Deno.mkdir(`${peer.dir}/tree`);
    for (const name of ["tree/one", "tree/two", "single"]) {
      await writeRandom(`${peer.dir}/${name}`, 2 << 20);
    }
    await world.json(peer.dir, ["share", "tree", "single"]);
    const dir = await world.folder("getter");
    await world.json(dir, ["get", "tree", "single"]);
    assertEquals(await sameFiles(`${peer.dir}/single`, `${dir}/single`), true);
    await Deno.remove(`${peer.dir}/tree`, { recursive: true });
    await world.json(peer.dir, ["unshare", "tree"]);
    await Deno.remove(`${peer.dir}/single`);
    const real = await Deno.realPath(peer.dir);
    await eventually(
      "none of them is open",
      async () => (await openBelow(peer.program.pid, real)).length === 0,
    );
  },
);
