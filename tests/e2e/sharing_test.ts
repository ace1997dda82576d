/** The shares of a peer, over restarts and changes; and the peers that are there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type {
  ListedFile,
  ListedPeer,
  PeerStatus,
  Receipt,
  SharedFile,
  ShareResult,
} from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, eventually, placedIn } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;

Deno.test("who fetched a file serves it on when the first peer is gone", async () => {
  await using world = await World.create();
  const first = await world.peer("first");
  const second = await world.peer("second");
  await writeRandom(`${world.root}/kept`, 3 * MIB + 5);
  const [shared] = await world.json<ShareResult[]>(first.dir, ["share", `${world.root}/kept`]);
  assertEquals([shared.name, shared.path], ["kept", `${world.root}/kept`], "shared in place");
  assertEquals(contentsOf(first.dir), [], "not copied");
  await world.json(second.dir, ["get", "kept"]);
  assertEquals(await first.program.stop(), 143);

  const dir = await world.folder("third");
  const receipt = await world.json<Receipt>(dir, ["get", "kept"]);
  assertEquals(receipt.sources.map(({ address }) => address), [second.address]);
  assertEquals(receipt.publisher, shared.publisher, "the first peer signed for it");
  assert(await sameFiles(`${world.root}/kept`, `${dir}/kept`));

  const status = await world.json<PeerStatus>(second.dir, ["status"]);
  const [share] = status.shares;
  assertEquals([share.name, share.publisher, share.served], [
    "kept",
    shared.publisher,
    3 * MIB + 5,
  ]);
});

Deno.test("shares survive a restart, and nothing is hashed again", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/data`, 20 * MIB);
  await writeRandom(`${peer.dir}/gone`, 1_000);
  await writeRandom(`${peer.dir}/dropped`, 1_000);
  const first = await world.json<ShareResult[]>(peer.dir, ["share", "data", "gone", "dropped"]);
  assert(first.every(({ hashed }) => hashed));
  const [dropped] = await world.json<SharedFile[]>(peer.dir, ["unshare", "dropped"]);
  assertEquals(dropped.name, "dropped");
  assert((await Deno.stat(`${peer.dir}/dropped`)).isFile, "the file itself is left alone");
  await peer.program.stop();
  await Deno.remove(`${peer.dir}/gone`);

  const again = await world.peer("peer");
  const dir = await world.folder("getter");
  const listed = await eventually("the shares are announced again", async () => {
    const files = await world.json<ListedFile[]>(dir, ["list-files"]);
    return files.length > 0 && files;
  });
  assertEquals(listed.map(({ name, id }) => ({ name, id })), [{ name: "data", id: first[0].id }]);
  const [same] = await world.json<ShareResult[]>(again.dir, ["share", "data"]);
  assertEquals([same.hashed, same.id, same.publisher], [false, first[0].id, first[0].publisher]);
  await world.json(dir, ["get", "data"]);
  assert(await sameFiles(`${peer.dir}/data`, `${dir}/data`));
  assertRefused(await world.run(dir, ["get", "gone"]), { code: 3 });
  assertRefused(await world.run(dir, ["get", "dropped"]), { code: 3 });
});

Deno.test("a share made with no peer running is served by the next one", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  await writeRandom(`${dir}/data`, 100_000);
  const { code, stdout, stderr } = await world.run(dir, ["share", "data"]);
  assertEquals(code, 0);
  assertMatch(stdout, /^data {2}97\.7 KiB {2}hashed in .* {2}id [0-9a-f]{12}\n$/);
  assertMatch(
    stderr,
    /^No peer is running for this folder: start 'shoal peer --dir [^']*' to serve it\.\n$/,
  );
  await world.peer("peer");
  const getter = await world.folder("getter");
  await eventually(
    "it is announced",
    async () => (await world.json<ListedFile[]>(getter, ["list-files"])).length > 0,
  );
  await world.json(getter, ["get", "data"]);
  assert(await sameFiles(`${dir}/data`, `${getter}/data`));
});

Deno.test("share --serve stays and serves until it is stopped", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  await writeRandom(`${dir}/data`, 100_000);
  const words = ["share", "data", "--serve", "--port", "0", "--host", "127.0.0.1"];
  const serving = world.start(dir, words);
  await serving.sees(/listening on 127\.0\.0\.1:\d+, sharing/);
  const getter = await world.folder("getter");
  await eventually(
    "it is announced",
    async () => (await world.json<ListedFile[]>(getter, ["list-files"])).length > 0,
  );
  await world.json(getter, ["get", "data"]);
  assert(await sameFiles(`${dir}/data`, `${getter}/data`));
  assertEquals(await serving.stop(), 143);
});

Deno.test("a file that changed is not served as what it was", async (t) => {
  await using world = await World.create();
  const dir = await world.folder("getter");
  const changes: Record<string, (path: string) => Promise<void>> = {
    "rewritten": async (path) => {
      const bytes = await Deno.readFile(path);
      bytes[100_000] ^= 1;
      await Deno.writeFile(path, bytes);
    },
    "shrunk": (path) => Deno.truncate(path, 1_000),
    "grown": (path) => Deno.writeTextFile(path, "more", { append: true }),
    "vanished": (path) => Deno.remove(path),
    "replaced": async (path) => {
      await writeRandom(`${path}.new`, 300_000);
      await Deno.rename(`${path}.new`, path);
    },
  };
  for (const [name, change] of Object.entries(changes)) {
    await t.step(name, async () => {
      // One that has just started doesn't come to look at its shares by itself.
      const source = await world.peer(`source-${name}`);
      const path = `${source.dir}/${name}`;
      await writeRandom(path, 300_000);
      await world.json(source.dir, ["share", name]);
      await change(path);
      assertRefused(await world.run(dir, ["get", name]), { code: 4, text: `Cannot get "${name}"` });
      assertEquals(placedIn(dir), []);
      if (name === "vanished") {
        const { shares } = await world.json<PeerStatus>(source.dir, ["status"]);
        assertEquals(shares.find((share) => share.name === name)?.available, false);
        assertRefused(await world.run(dir, ["get", name]), { code: 3 });
        const gone = await world.run(source.dir, ["share", name]);
        return assertRefused(gone, { code: 2, text: "no such file" });
      }
      // The peer shares the new content by itself; to ask for it is to wait for it.
      const [again] = await world.json<ShareResult[]>(source.dir, ["share", name]);
      assertEquals(again.available, true);
      await world.json(dir, ["get", name]);
      assert(await sameFiles(path, `${dir}/${name}`));
      await Deno.remove(`${dir}/${name}`);
    });
  }
});

Deno.test("a peer that stops is gone from the list at once", async () => {
  await using world = await World.create();
  const [one, two] = await Promise.all([world.peer("one"), world.peer("two")]);
  await writeRandom(`${one.dir}/data`, 10);
  await world.json(one.dir, ["share", "data"]);
  const dir = await world.folder("looker");
  const listed = async () => {
    const peers = await world.json<ListedPeer[]>(dir, ["list-peers"]);
    return peers.map(({ address, port, files }) => [`${address}:${port}`, files]).sort();
  };
  assertEquals(await listed(), [[one.address, 1], [two.address, 0]].sort());
  assertEquals(await one.program.stop("SIGTERM"), 143);
  assertEquals(await listed(), [[two.address, 0]]);
  assertEquals(await world.json(dir, ["list-files"]), []);
  assertEquals(await two.program.stop("SIGINT"), 130);
  const none = await world.run(dir, ["list-peers"]);
  assertEquals(none, { code: 0, stdout: "", stderr: "No peers are active.\n" });
});
