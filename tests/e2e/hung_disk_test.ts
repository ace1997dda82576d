/** A disk that stops answering: what lies there is withdrawn after a while, and all else goes on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { note } from "../support/run_folder.ts";
import { eventually } from "./checks.ts";
import { noMount } from "./mounted_disk.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";

testUnless(
  noMount ?? lacking("bindfs", "fusermount"),
  "hung disk: its shares alone are withdrawn, and come back with it",
  async () => {
    await using world = await World.create();
    const real = await world.folder("real");
    const path = await world.folder("far");
    const forget = note({ kind: "mount", path });
    const bindfs = new Deno.Command("bindfs", { args: ["-f", real, path] }).spawn();
    try {
      await eventually("it is mounted", async () => {
        const [above, there] = await Promise.all([Deno.stat(world.root), Deno.stat(path)]);
        return above.dev !== there.dev;
      });
      await Deno.mkdir(`${real}/tree`);
      for (const name of ["far", "tree/one", "tree/two"]) {
        await writeRandom(`${real}/${name}`, 3 << 20);
      }
      const { dir, program } = await world.peer("peer");
      await writeRandom(`${dir}/near`, 3 << 20);
      await world.json(dir, ["share", "near", `${path}/far`, `${path}/tree`]);
      const getter = await world.folder("getter");
      await world.json(getter, ["get", "far"]);
      await world.json(getter, ["get", "tree"]);
      assert(await sameFiles(`${real}/tree/one`, `${getter}/tree/one`));

      bindfs.kill("SIGSTOP");
      const second = await world.folder("second");
      world.start(second, ["get", "far"]);
      const since = performance.now();
      // Meanwhile, all else is as quick as ever.
      for (let round = 0; round < 3; round++) {
        const third = await world.folder(`third ${round}`);
        await world.json<Receipt>(third, ["get", "near", "--deadline", "30s"]);
        assert(await sameFiles(`${dir}/near`, `${third}/near`));
      }
      const sharesOf = async () => {
        const { shares } = await world.json<PeerStatus>(dir, ["status"]);
        return Object.fromEntries(shares.map(({ name, available }) => [name, available]));
      };
      await eventually("what hangs is withdrawn", async () => {
        const { near, far } = await sharesOf();
        assertEquals(near, true);
        return !far;
      });
      assert(performance.now() - since < 90_000);
      assertStringIncludes(
        program.stderr,
        "far is withdrawn: the file is on a disk that does not answer",
      );
      const again = await world.run(dir, ["share", `${path}/far`]);
      assertEquals(again.code, 7, again.stderr);
      assertStringIncludes(again.stderr, "its disk does not answer");

      bindfs.kill("SIGCONT");
      await eventually("it is shared again", async () => {
        const { far, tree } = await sharesOf();
        return far && tree;
      });
      await world.json(getter, ["get", "far", "--overwrite"]);
      assertEquals(await program.stop(), 143);
    } finally {
      bindfs.kill("SIGCONT");
      await new Deno.Command("fusermount", { args: ["-uz", path] }).output();
      await bindfs.status;
      forget();
    }
  },
);
