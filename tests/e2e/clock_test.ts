/** A clock that is set while programs run: nothing waits longer or less, and newer stays newer. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ListedPeer, Receipt } from "../../src/peer/api/peer_api.ts";
import { eventually, placedIn } from "./checks.ts";
import { MachineClock } from "./machine_clock.ts";
import { World } from "./world.ts";
import { skippedIf } from "../support/tools.ts";

/** Set to and fro: days ahead, days behind, and where no clock has been set yet. */
const JUMPS = ["-3d", "+30d", "-10000d"];

Deno.test({
  ...skippedIf(
    MachineClock.lacking,
    "clock: what a publisher shares later is newer, wherever its clock was set",
  ),
  async fn() {
    await using clock = await MachineClock.create();
    clock.set("+3d");
    await using world = await World.create({ env: clock.env });
    const { dir, address } = await world.peer("publisher");
    await Deno.mkdir(`${dir}/tree`);
    const getter = await world.folder("getter");
    const publish = async (content: string) => {
      await Deno.writeTextFile(`${dir}/data`, content);
      await Deno.writeTextFile(`${dir}/tree/file`, content);
      await world.json(dir, ["share", "data", "tree"]);
    };
    const assertTaken = async (content: string) => {
      for (const [name, path] of [["data", "data"], ["tree", "tree/file"]]) {
        const receipt = await world.json<Receipt>(getter, ["get", name, "--update"]);
        assertEquals([receipt.up_to_date, await Deno.readTextFile(`${getter}/${path}`)], [
          false,
          content,
        ]);
        const again = await world.json<Receipt>(getter, ["get", name, "--update"]);
        assert(again.up_to_date, `${name} is ${content}`);
      }
    };
    await publish("first");
    await assertTaken("first");
    for (const jump of JUMPS) {
      clock.set(jump);
      await publish(jump);
      await assertTaken(jump);
      // Nor is it older for not having been shared in between.
      for (const name of ["data", "tree"]) await world.json(dir, ["unshare", name]);
      await publish(`${jump} again`);
      await assertTaken(`${jump} again`);
    }
    const peers = await world.json<ListedPeer[]>(getter, ["list-peers"]);
    assertEquals(peers.map((peer) => `${peer.address}:${peer.port}`), [address]);
  },
});

Deno.test({
  ...skippedIf(MachineClock.lacking, "clock: a watched folder is followed while the clock is set"),
  async fn() {
    await using clock = await MachineClock.create();
    await using world = await World.create({ env: clock.env });
    const { dir } = await world.peer("publisher");
    await Deno.mkdir(`${dir}/tree`);
    await world.json(dir, ["share", "tree", "--watch"]);
    const getter = await world.peer("getter");
    for (const jump of JUMPS) {
      clock.set(jump);
      await Deno.writeTextFile(`${dir}/tree/${jump}`, jump);
      await eventually("the change has come", async () => {
        const { code, stderr } = await world.run(getter.dir, ["get", "tree", "--update"]);
        // The version that was found may have been replaced before it was fetched; and what was announced
        // while the clock was ahead is not found before it is announced anew.
        assert([0, 3, 4].includes(code), stderr);
        return placedIn(getter.dir).includes(`tree/${jump}`);
      });
    }
  },
});

Deno.test({
  ...skippedIf(MachineClock.lacking, "clock: spans of time are as long as they are"),
  async fn() {
    await using clock = await MachineClock.create();
    await using world = await World.create({ env: clock.env });
    const { dir } = await world.peer("publisher");
    const [waiting, late, seeding, held, splayed] = await Promise.all(
      ["waiting", "late", "seeding", "held", "splayed"].map((name) => world.folder(name)),
    );
    const begun = (folder: string) =>
      eventually("it has begun", () => [...Deno.readDirSync(folder)].length > 0);
    // Neither is the wait over nor the deadline past, days ahead; and both are, days behind.
    const long = world.start(waiting, ["get", "data", "--wait", "1h", "--deadline", "2h"]);
    const short = world.start(late, ["get", "never", "--wait", "1h", "--deadline", "5s"]);
    const none = world.start(held, ["get", "never", "--wait", "5s"]);
    await Promise.all([waiting, late, held].map(begun));
    const queued = world.start(held, ["get", "data", "--wait", "1h", "--wait-lock", "1h"]);
    for (const jump of ["+3d", "-3d"]) {
      clock.set(jump);
      // Time enough for all to have looked at it.
      await world.json(dir, ["status"]);
    }
    assertEquals([await short.ended(), await none.ended()], [9, 3], short.stderr + none.stderr);
    await Deno.writeTextFile(`${dir}/data`, "content");
    await world.json(dir, ["share", "data"]);
    const splay = world.start(splayed, ["get", "data", "--splay", "3s"]);
    clock.set("+30d");
    for (const get of [long, splay, queued]) assertEquals(await get.ended(), 0, get.stderr);
    const seeder = world.start(seeding, ["get", "data", "--seed-for", "3s", "--host", "127.0.0.1"]);
    await seeder.sees(/Serving it for/);
    clock.set("-30d");
    assertEquals(await seeder.ended(), 0, seeder.stderr);
  },
});

Deno.test({
  ...skippedIf(MachineClock.lacking, "clock: members of a private swarm need none that is right"),
  async fn() {
    await using clock = await MachineClock.create();
    await using world = await World.create({ isPrivate: true, env: clock.env });
    const { dir } = await world.peer("publisher");
    await Deno.writeTextFile(`${dir}/data`, "content");
    await world.json(dir, ["share", "data"]);
    const getter = await world.folder("getter");
    for (const time of ["@1970-01-02 00:00:00", "-10000d", "+10000d"]) {
      await using own = await MachineClock.create();
      own.set(time);
      const got = await world.run(getter, ["get", "data", "--overwrite"], { env: own.env });
      assertEquals(got.code, 0, `${time}: ${got.stderr}`);
    }
  },
});

Deno.test({
  ...skippedIf(
    MachineClock.lacking,
    "clock: the doctor says how far it is off, and what that is bad for",
  ),
  async fn() {
    await using world = await World.create();
    const dir = await world.folder("dir");
    for (const [time, said] of [["-1h", "behind"], ["+1h", "ahead of"], ["+1", "within 1.0 s"]]) {
      await using clock = await MachineClock.create();
      clock.set(time);
      const { stdout } = await world.run(dir, ["doctor"], { env: clock.env });
      const line = stdout.split("\n").find((line) => /^\w+ +clock /.test(line));
      assertStringIncludes(line ?? stdout, said);
    }
  },
});
