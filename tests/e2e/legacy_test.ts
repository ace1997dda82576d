/** The legacy dialect, in both directions and both roles, against programs written from its table. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ListedFile, ListedPeer, PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { assertRefused, contentsOf } from "./checks.ts";
import { askLegacy, fetchAsLegacy, LegacyServer } from "./legacy_peer.ts";
import { World } from "./world.ts";

/** Sizes at the edges of a chunk. */
const SIZES = [0, 1, 65_535, 65_536, 65_537, (1 << 20) + 1];

async function register(world: World, legacy: LegacyServer): Promise<void> {
  const request = { action: "register", address: "127.0.0.1", port: legacy.port };
  assertEquals(await askLegacy(world.bootstrap, request), { status: "registered" });
}

Deno.test("a legacy peer registers with our bootstrap, and lists peers of both kinds", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await using legacy = LegacyServer.peer({});
  await register(world, legacy);
  const { peers } = await askLegacy(world.bootstrap, { action: "get_peers" });
  assertEquals(
    peers.map((one: { address: string; port: number }) => `${one.address}:${one.port}`).sort(),
    [peer.address, legacy.address].sort(),
  );
  assert(peers.every((one: object) => Object.keys(one).length === 2), "address and port alone");
  const dir = await world.folder("dir");
  const listed = await world.json<ListedPeer[]>(dir, ["list-peers"]);
  assertEquals(
    listed.map(({ port, peer }) => [port, peer !== undefined]).sort(),
    [[Number(peer.address.split(":")[1]), true], [legacy.port, false]].sort(),
  );
  // Whatever address it claims, the one that was seen is listed.
  const lied = { action: "register", address: "203.0.113.9", port: legacy.port };
  assertEquals(await askLegacy(world.bootstrap, lied), { status: "registered" });
  assertEquals((await world.json<ListedPeer[]>(dir, ["list-peers"])).length, 2);
  for (
    const bad of [{ action: "register", port: 0 }, { action: "register" }, { action: "dance" }]
  ) {
    assertEquals((await askLegacy(world.bootstrap, bad)).action, "error");
  }
});

Deno.test("a legacy peer fetches from our peer, every byte and every hash", async () => {
  await using world = await World.create();
  const { dir, address } = await world.peer("peer");
  for (const size of SIZES) await Deno.writeFile(`${dir}/f ${size}`, patterned(size, size + 1));
  await Deno.mkdir(`${dir}/sub`);
  await Deno.writeTextFile(`${dir}/sub/ünï.txt`, "nested");
  const names = [...SIZES.map((size) => `f ${size}`), "sub/ünï.txt"];
  await world.json(dir, ["share", ...names]);
  for (const name of names) {
    assertSameBytes(
      await fetchAsLegacy(address, name),
      await Deno.readFile(`${dir}/${name}`),
      name,
    );
  }
  const missing = { action: "error", message: "File not found" };
  for (
    const filename of ["nothing", "../peer/f 1", "/etc/passwd", ".shoal/identity.pem", "f 1\0"]
  ) {
    assertEquals(await askLegacy(address, { action: "file_request", filename }), missing);
    const chunk = { action: "get_chunk", filename, chunk_index: 0 };
    assertEquals(await askLegacy(address, chunk), missing);
  }
  for (const index of [1, 16, -1, 0.5, "0", 2 ** 53]) {
    const chunk = { action: "get_chunk", filename: "f 1", chunk_index: index };
    assertEquals((await askLegacy(address, chunk)).action, "error");
  }
  assertEquals((await askLegacy(address, { action: "dance" })).action, "error");

  // What changed is not served as what it was, in this dialect either.
  await Deno.writeFile(`${dir}/f 65537`, patterned(65_537, 99));
  await assertRejects(() => fetchAsLegacy(address, "f 65537"), Error, "File not found");
  const status = await world.json<PeerStatus>(dir, ["status"]);
  assertEquals(
    status.totals.served,
    [...SIZES.slice(0, -2), SIZES.at(-1)!, 65_537, 6]
      .reduce((sum, size) => sum + size, 0),
  );
});

Deno.test("our peer fetches from a legacy peer by name, through our bootstrap", async () => {
  await using world = await World.create();
  const files = Object.fromEntries(SIZES.map((size) => [`f ${size}`, patterned(size, size + 1)]));
  await using legacy = LegacyServer.peer(files);
  await using other = LegacyServer.peer({ "f 65537": files["f 65537"] });
  await register(world, legacy);
  await register(world, other);
  const dir = await world.folder("dir");
  for (const [name, content] of Object.entries(files)) {
    const receipt = await world.json<Receipt>(dir, ["get", name, "--unsigned"]);
    assertSameBytes(await Deno.readFile(`${dir}/${name}`), content, name);
    assertEquals([receipt.bytes, receipt.publisher], [content.length, undefined]);
    assert(receipt.sources.every(({ peer }) => peer === undefined));
    const again = await world.json<Receipt>(dir, ["get", name, "--unsigned"]);
    assertEquals(again.up_to_date, true);
  }
  assertRefused(await world.run(dir, ["get", "nothing", "--unsigned"]), { code: 3 });
  const streamed = await world.run(dir, ["get", "f 1", "-o", "-", "--unsigned"]);
  assertEquals(streamed.stdout, new TextDecoder().decode(files["f 1"]));
  assertEquals(contentsOf(dir), Object.keys(files).sort());

  // A peer of our own that has the name is asked first.
  const peer = await world.peer("peer");
  await Deno.writeTextFile(`${peer.dir}/f 1`, "ours");
  await world.json(peer.dir, ["share", "f 1"]);
  const ours = await world.json<Receipt>(dir, ["get", "f 1", "-o", `${world.root}/ours`]);
  assertEquals(ours.sources.map(({ address }) => address), [peer.address]);
});

Deno.test("through a legacy bootstrap our peers find legacy peers, and each other", async () => {
  await using world = await World.create();
  await using meeting = LegacyServer.bootstrap();
  const content = patterned(200_000);
  await using legacy = LegacyServer.peer({ data: content });
  const register = { action: "register", address: "127.0.0.1", port: legacy.port };
  await askLegacy(meeting.address, register);
  const at = { bootstrap: meeting.address };
  const dir = await world.folder("dir");
  const own = world.start(dir, ["0", "--host", "127.0.0.1"], at);
  const [, address] = await own.sees(/listening on (\S+), sharing/);
  await own.sees(/registered with/);
  const told = meeting.requests.find(({ port }) => `127.0.0.1:${port}` === address);
  assertEquals(told.address, "127.0.0.1");

  const getter = await world.folder("getter");
  const receipt = await world.json<Receipt>(getter, ["get", "data", "--unsigned"], at);
  assertEquals(receipt.sources.map((source) => source.address), [legacy.address]);
  assertSameBytes(await Deno.readFile(`${getter}/data`), content);
  await Deno.writeTextFile(`${dir}/ours`, "ours");
  await world.json(dir, ["share", "ours"]);
  const ours = await world.json<Receipt>(getter, ["get", "ours", "--unsigned"], at);
  assertEquals(ours.sources.map((source) => source.address), [address]);
  assertEquals(await Deno.readTextFile(`${getter}/ours`), "ours");
  assertEquals(await world.json<ListedFile[]>(getter, ["list-files"], at), []);
  const peers = await world.json<ListedPeer[]>(getter, ["list-peers"], at);
  assertEquals(peers.length, 2);
});

Deno.test("a legacy peer that lies in a chunk is found out", async () => {
  await using world = await World.create();
  // One run: nothing of it is kept, if a chunk is wrong.
  const content = patterned(250_000);
  await using liar = LegacyServer.peer(
    { data: content },
    (chunk, index) => index === 2 ? chunk.with(5, chunk[5] ^ 1) : chunk,
  );
  await register(world, liar);
  const dir = await world.folder("dir");
  const refused = await world.run(dir, ["get", "data", "--unsigned"]);
  assertRefused(refused, { code: 5, text: "sent a wrong chunk" });
  assertEquals(contentsOf(dir), []);

  await using honest = LegacyServer.peer({ data: content });
  await register(world, honest);
  const receipt = await world.json<Receipt>(dir, ["get", "data", "--unsigned"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), content);
  assert(receipt.sources.some(({ address, bytes }) => address === honest.address && bytes > 0));
});

Deno.test("legacy peers with different files of one name make it ambiguous", async () => {
  await using world = await World.create();
  await using one = LegacyServer.peer({ data: patterned(70_000, 1) });
  await using two = LegacyServer.peer({ data: patterned(70_000, 2) });
  await register(world, one);
  await register(world, two);
  const dir = await world.folder("dir");
  const refused = await world.run(dir, ["get", "data", "--unsigned", "--json"]);
  const { error } = JSON.parse(refused.stdout);
  assertEquals([refused.code, error.candidates.length], [8, 2]);
  const id: string = error.candidates[1].id;
  // The dialect has no ids, but what it brings has one.
  const chosen = await world.json<Receipt>(dir, [
    "get",
    "data",
    "--unsigned",
    "--id",
    id.slice(0, 16),
  ]);
  assertEquals(chosen.id, id);
});

Deno.test("a legacy peer that says yes to every name is not taken at its word", async () => {
  await using world = await World.create();
  const content = patterned(70_000);
  // Whatever is asked for, it has it.
  const everything = new Proxy({}, { get: () => content, has: () => true });
  await using yes = LegacyServer.peer(everything);
  await register(world, yes);
  const dir = await world.folder("dir");
  const text = "it is unsigned; a legacy peer claims to have it";
  for (const flags of [[], ["--update"], ["--overwrite"], ["-o", "-"], ["--dry-run"]]) {
    const refused = await world.run(dir, ["get", "tpyo", ...flags]);
    assertRefused(refused, { code: 3, text });
    assertStringIncludes(refused.stderr, "--unsigned");
  }
  assertRefused(await world.run(dir, ["get", "tpyo", "--id", "00000000"]), { code: 3 });
  const { dir: running } = await world.peer("running");
  assertRefused(await world.run(running, ["get", "tpyo"]), { code: 3, text });
  assertEquals([contentsOf(dir), contentsOf(running)], [[], []]);

  // It can be allowed, for once or for good; and what is pinned needs no signature.
  const taken = await world.run(running, ["get", "tpyo", "--unsigned"]);
  assertEquals([taken.code, taken.stderr], [
    0,
    "Nobody signed for tpyo: it came from a legacy peer.\n",
  ]);
  const { id } = await world.json<Receipt>(dir, ["get", "once", "--unsigned"]);
  const pinned = await world.json<Receipt>(dir, ["get", "pinned", "--id", id]);
  assertEquals(pinned.trust, "pinned");
  const digest = await crypto.subtle.digest("SHA-256", content);
  const checksum = `sha256=${new Uint8Array(digest).toHex()}`;
  const checked = await world.json<Receipt>(dir, ["get", "checked", "--checksum", checksum]);
  assertEquals([checked.id, checked.trust], [id, "pinned"]);
  const config = `${world.root}/config.toml`;
  await Deno.writeTextFile(config, "unsigned = true\n");
  const set = await world.run(dir, ["get", "set", "--config", config]);
  assertEquals(set.code, 0, set.stderr);
  for (const name of ["once", "pinned", "checked", "set"]) {
    assertSameBytes(await Deno.readFile(`${dir}/${name}`), content, name);
  }
});
