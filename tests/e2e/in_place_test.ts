/** Places where no file or folder can take the place of another: written in place, which is said before. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { contentsOf, placedIn } from "./checks.ts";
import { MountedDisk as Disk, noMount } from "./mounted_disk.ts";
import { World } from "./world.ts";
import { isRoot, lacking, testUnless } from "../support/tools.ts";

/** Words before a program that may not write what modes forbid, also where root runs the tests. */
const PLAIN = isRoot ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];

testUnless(
  noMount ?? lacking("setpriv"),
  "in place: a file whose folder can't be written to, and one that is bind-mounted",
  async () => {
    await using world = await World.create();
    const { dir: source } = await world.peer("source");
    const publish = async (text: string) => {
      await Deno.writeTextFile(`${source}/app.conf`, text);
      await world.json(source, ["share", "app.conf"]);
    };
    const dir = await world.folder("getter");
    const etc = await world.folder("etc");
    const path = `${etc}/app.conf`;
    const words = ["get", "app.conf", "-o", path, "--overwrite"];
    await Deno.writeTextFile(path, "what was there before, and is longer");
    await Deno.chmod(path, 0o640);
    await Deno.chmod(etc, 0o555);
    const { ino } = await Deno.stat(path);
    await publish("first");
    const got = await world.run(dir, words, { prefix: PLAIN });
    assertEquals([got.code, await Deno.readTextFile(path)], [0, "first"], got.stderr);
    const said = `Writing into "${path}", not in one step: its folder can't be written to`;
    assertStringIncludes(got.stderr, said);
    assertEquals((await Deno.stat(path)).ino, ino);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o640);
    const again = await world.run(dir, [...words, "--json"], { prefix: PLAIN });
    assertEquals(JSON.parse(again.stdout.trimEnd().split("\n").at(-1)!).up_to_date, true);
    // A new file can't be made there, which is said before anything is fetched.
    const other = ["get", "app.conf", "-o", `${etc}/other`];
    const refused = await world.run(dir, other, { prefix: PLAIN });
    assertEquals(refused.code, 7);
    assertStringIncludes(refused.stderr, "permission denied");
    assertEquals([placedIn(etc), contentsOf(dir)], [["app.conf"], []]);
    await Deno.chmod(etc, 0o755);

    // As a container has it.
    await using bound = await Disk.bind(path, `${await world.folder("inside")}/app.conf`);
    await publish("second");
    const into = ["get", "app.conf", "-o", bound.path, "--overwrite"];
    const second = await world.run(dir, into);
    assertEquals([second.code, await Deno.readTextFile(path)], [0, "second"], second.stderr);
    await using disk = await Disk.mount(world, 1 << 20);
    await Deno.writeTextFile(`${disk.path}/app.conf`, "old");
    await using far = await Disk.bind(`${disk.path}/app.conf`, `${world.root}/inside/far.conf`);
    const third = await world.run(dir, ["get", "app.conf", "-o", far.path, "--overwrite"]);
    assertEquals(await Deno.readTextFile(`${disk.path}/app.conf`), "second", third.stderr);
    assertStringIncludes(
      third.stderr,
      `Writing into "${far.path}", not in one step: it is a mount`,
    );
    assertEquals(placedIn(`${world.root}/inside`), ["app.conf", "far.conf"]);
  },
);

testUnless(
  noMount,
  "in place: a folder that is a mount point is filled and updated, and needs no room elsewhere",
  async () => {
    await using world = await World.create();
    const { dir: source } = await world.peer("source");
    const publish = async (text: string) => {
      await Deno.mkdir(`${source}/tree/sub`, { recursive: true });
      await Deno.writeTextFile(`${source}/tree/sub/file`, text);
      await Deno.writeFile(`${source}/tree/large`, new Uint8Array(2 << 20).fill(text.length));
      await Deno.remove(`${source}/tree/link`).catch(() => {});
      await Deno.symlink("sub/file", `${source}/tree/link`);
      await world.json(source, ["share", "tree"]);
    };
    const all = ["large", "link", "sub", "sub/file"];
    await publish("first");
    await using small = await Disk.mount(world, 1 << 20, "small");
    await using disk = await Disk.mount(world, 8 << 20, "small/mounted");
    const dir = small.path;
    await world.json(dir, ["get", "tree", "-o", disk.path]);
    assertEquals([placedIn(disk.path), placedIn(dir)], [all, [
      "mounted",
      ...all.map((name) => `mounted/${name}`),
    ]]);
    await publish("second");
    const updated = await world.json<Receipt>(dir, ["get", "tree", "-o", disk.path, "--update"]);
    assertEquals(updated.files?.fetched, 2);
    assertEquals(await Deno.readTextFile(`${disk.path}/link`), "second");
    assertEquals(placedIn(disk.path), all);
    // A mount of the same disk shows only when something is to be put there.
    const getter = await world.folder("getter");
    await using bound = await Disk.bind(await world.folder("real"), await world.folder("bound"));
    await world.json(getter, ["get", "tree", "-o", bound.path]);
    assertEquals(placedIn(`${world.root}/real`), all);
    await publish("third, longer");
    await world.json(getter, ["get", "tree", "-o", bound.path, "--update"]);
    assertEquals(await Deno.readTextFile(`${world.root}/real/link`), "third, longer");
    assert(contentsOf(getter).length === 0);
  },
);
