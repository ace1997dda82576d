/** Disks that are full or read-only, and files that change under the reader's hands. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, partialsOf, placedIn } from "./checks.ts";
import { MountedDisk as Disk, noMount } from "./mounted_disk.ts";
import { Program } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { skippedIf } from "../support/tools.ts";

const MIB = 1 << 20;

Deno.test({
  ...skippedIf(noMount, "a disk that is too small is noticed before anything is fetched"),
  async fn() {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 16 * MIB);
    await world.json(source.dir, ["share", "data"]);
    await using disk = await Disk.mount(world, 8 * MIB);
    const refused = await world.run(disk.path, ["get", "data"]);
    assertRefused(refused, { code: 7, text: "Cannot fetch 16777216 bytes: only " });
    assertEquals(contentsOf(disk.path), []);
    const status = await world.json<PeerStatus>(source.dir, ["status"]);
    assertEquals(status.totals.served, 0);
    // To standard output it takes no disk.
    const { code } = await world.run(disk.path, ["get", "data", "-o", "-"]);
    assertEquals(code, 0);
  },
});

Deno.test({
  ...skippedIf(noMount, "a disk that is taken away: nothing is put where it was"),
  async fn() {
    await using world = await World.create();
    const source = await world.peer("source");
    await Deno.mkdir(`${source.dir}/tree`);
    for (const name of ["data", "tree/file"]) await writeRandom(`${source.dir}/${name}`, 3 * MIB);
    await world.json(source.dir, ["share", "data", "tree"]);
    await using disk = await Disk.mount(world, 16 * MIB);
    const words = ["peer", "0", "--host", "127.0.0.1", "--dir", disk.path, ...world.options()];
    await using peer = new Program(words);
    await peer.sees(/listening on/);
    const { url, token } = JSON.parse(await Deno.readTextFile(`${disk.path}/.shoal/control.json`));
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    await disk.unmount();
    for (const name of ["data", "tree"]) {
      const body = JSON.stringify({ name });
      const answer = await fetch(`${url}/api/v1/downloads`, { method: "POST", headers, body });
      assertStringIncludes(await answer.text(), "has gone; is its disk still there?");
    }
    const put = { method: "PUT", headers, body: "new" };
    const upload = await fetch(`${url}/api/v1/uploads?name=new`, put);
    assertStringIncludes(await upload.text(), "has gone; is its disk still there?");
    assertEquals([...Deno.readDirSync(disk.path)], []);
  },
});

Deno.test({
  ...skippedIf(noMount, "a disk that fills up half-way"),
  async fn() {
    await using world = await World.create();
    await using proxy = new Proxy({ pauseAfter: 6 * MIB });
    const source = await world.peer("source", { proxy });
    await writeRandom(`${source.dir}/data`, 12 * MIB);
    await world.json(source.dir, ["share", "data"]);
    await using disk = await Disk.mount(world, 16 * MIB);
    const get = world.start(disk.path, ["get", "data"]);
    await get.meanwhile(proxy.paused);
    await disk.fill();
    proxy.resume();
    const code = await get.ended();
    assertRefused({ code, stdout: get.stdout, stderr: get.stderr }, {
      code: 7,
      text: /no space left on the device|disk is full/,
    });
    assertEquals([placedIn(disk.path), partialsOf(disk.path).length], [["filler"], 1]);
    // Nothing is fetched while there is no room.
    assertRefused(await world.run(disk.path, ["get", "data"]), { code: 7, text: "are free" });
    await Deno.remove(`${disk.path}/filler`);
    const { chunks } = await world.json<Receipt>(disk.path, ["get", "data"]);
    assert(chunks.reused > 0, "it went on");
    assertEquals(chunks.reused + chunks.fetched, 192);
    assertEquals(contentsOf(disk.path), ["data"]);
    assert(await sameFiles(`${source.dir}/data`, `${disk.path}/data`));
  },
});

Deno.test({
  ...skippedIf(noMount, "a full disk has no room for the state either"),
  async fn() {
    await using world = await World.create();
    await using disk = await Disk.mount(world, 8 * MIB);
    await disk.fill();
    await writeRandom(`${world.root}/data`, 10);
    for (const words of [["0", "--host", "127.0.0.1"], ["share", `${world.root}/data`]]) {
      assertRefused(await world.run(disk.path, words), { code: 7 });
    }
    assertEquals(contentsOf(disk.path), ["filler"]);
  },
});

Deno.test({
  ...skippedIf(noMount, "a read-only DIR"),
  async fn() {
    await using world = await World.create();
    await using disk = await Disk.mount(world, 8 * MIB);
    await Deno.writeTextFile(`${disk.path}/data`, "data");
    await disk.remount("ro");
    for (const words of [["0", "--host", "127.0.0.1"], ["share", "data"], ["get", "x"]]) {
      assertRefused(await world.run(disk.path, words), { code: 7, text: "read-only" });
    }
    assertEquals(await world.json(disk.path, ["list-peers"]), []);

    // One that was in use before.
    await disk.remount("rw");
    await world.json(disk.path, ["share", "data"]);
    await disk.remount("ro");
    assertRefused(await world.run(disk.path, ["share", "data"]), { code: 7 });
    assertRefused(await world.run(disk.path, ["0", "--host", "127.0.0.1"]), { code: 7 });
    await disk.remount("rw");
    await world.json(disk.path, ["share", "data"]);
  },
});

Deno.test("a file that changes while it is hashed is not shared", async (t) => {
  await using world = await World.create();
  const { dir } = await world.peer("peer");
  const { url, token } = JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
  const changes: Record<string, (path: string) => Promise<void>> = {
    "grows": (path) => Deno.writeTextFile(path, "more", { append: true }),
    "shrinks": (path) => Deno.truncate(path, 70_000),
    "vanishes": (path) => Deno.remove(path),
    "is written to": (path) =>
      Deno.open(path, { write: true }).then(async (file) => {
        await file.write(new Uint8Array(10).fill(1));
        file.close();
      }),
  };
  for (const [name, change] of Object.entries(changes)) {
    await t.step(name, async () => {
      const path = `${dir}/${name}`;
      // Mostly a hole: it takes no disk, and long enough to hash.
      await Deno.writeTextFile(path, "start");
      await Deno.truncate(path, 512 * MIB);
      // The first line of progress is the event that says "it is being hashed now".
      const response = await fetch(`${url}/api/v1/shares`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ file: name, cwd: dir }),
      });
      let said = "";
      for await (const part of response.body!.pipeThrough(new TextDecoderStream())) {
        if (said === "") await change(path);
        said += part;
      }
      const [first, ...rest] = said.trimEnd().split("\n").map((line) => JSON.parse(line));
      assert(first.progress.hashed < 512 * MIB);
      assertEquals(rest.at(-1), {
        error: {
          kind: "disk",
          message: `Cannot share "${path}": it changed while it was being hashed`,
        },
      });
      const status = await world.json<PeerStatus>(dir, ["status"]);
      assertEquals(status.shares, []);
      await Deno.remove(path).catch(() => {});
    });
  }
});

Deno.test("a file that grows all the time can't be shared", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/log`, "start");
  await Deno.truncate(`${dir}/log`, 256 * MIB);
  let growing = true;
  const grower = (async () => {
    while (growing) {
      await Deno.writeTextFile(`${dir}/log`, "line\n", { append: true });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const refused = await world.run(dir, ["share", "log"]);
  growing = false;
  await grower;
  assertRefused(refused, { code: 7, text: "it changed while it was being hashed" });
  const status = await world.json<PeerStatus>(dir, ["status"]);
  assertEquals(status.shares, []);
  await world.json(dir, ["share", "log"]);
});
