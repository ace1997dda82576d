/**
 * A bootstrap that lies: it can keep things to itself, but neither forge nor alter what a publisher
 * says, nor go back behind what was taken before. Each with what the user sees, and what is on disk.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ListedFile, Receipt, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import type { Found } from "../../src/wire/protocol.ts";
import { assertRefused, contentsOf, placedIn } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import { LyingBootstrap, overheard } from "./lying_bootstrap.ts";
import { publisher } from "./publishers.ts";
import { World } from "./world.ts";

const encoder = new TextEncoder();

/** Alice publishes `data` twice; `found` is what an honest bootstrap says of each version. */
async function twoVersions() {
  const world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "one");
  const [one] = await overheard(world.bootstrap, "data");
  await alice.publish("data", "two, longer");
  const [two] = await overheard(world.bootstrap, "data");
  return { world, alice, one, two, dir: await world.folder("getter") };
}

/** The same with another announcement. */
function saying(found: Found, changes: Partial<Found["announcement"]>): Found {
  return { ...found, announcement: { ...found.announcement, ...changes } };
}

Deno.test("attack: a bootstrap that forges an announcement is not believed", async () => {
  const { world, alice, one, two, dir } = await twoVersions();
  await using _world = world;
  const mallory = await Identity.generate();
  const { signature: _, publisher: __, ...said } = two.announcement;
  const byMallory = await signAnnouncement(mallory, said);
  const forgeries = {
    "signed by nobody": saying(two, { signature: "00".repeat(64) }),
    "signed by another": saying(byMallory && two, { signature: byMallory.signature }),
    "another's, under the publisher's key": {
      ...two,
      announcement: { ...byMallory, publisher: alice.key },
    },
    "another id": saying(two, { id: one.announcement.id }),
    "another size": saying(two, { size: two.announcement.size + 1 }),
    "a later time": saying(two, { time: two.announcement.time + 1 }),
    "another modification time": saying(two, { mtime: 1 }),
    "a key that is none": saying(two, { publisher: "ff".repeat(32) }),
  };
  await using liar = new LyingBootstrap({});
  for (const [what, forged] of Object.entries(forgeries)) {
    liar.lies = { find: () => [forged] };
    const refused = await world.run(dir, ["get", "data"], { bootstrap: liar.address });
    assertRefused(refused, { code: 3, text: 'Cannot get "data": no peer in the swarm has it' });
    assertEquals(contentsOf(dir), [], what);
  }
  assertEquals(await world.json(dir, ["trust", "list"]), [], "nobody is remembered for a lie");
  // What it says of others is no hindrance to what is right.
  liar.lies = { find: () => [...Object.values(forgeries), two] };
  const receipt = await world.json<Receipt>(dir, ["get", "data"], { bootstrap: liar.address });
  assertEquals([receipt.id, receipt.publisher], [two.announcement.id, alice.key]);
});

Deno.test("attack: a bootstrap that answers with another name's announcement is not believed", async () => {
  const { world, alice, dir } = await twoVersions();
  await using _world = world;
  await alice.publish("other", "another file");
  const [other] = await overheard(world.bootstrap, "other");
  await using liar = new LyingBootstrap({ find: () => [other] });
  for (const name of ["data", "../other", "/other"]) {
    const { code } = await world.run(dir, ["get", name], { bootstrap: liar.address });
    assertEquals(code, name === "data" ? 3 : 2, name);
  }
  assertEquals(contentsOf(dir), []);
});

Deno.test("attack: a bootstrap that swaps an id is found out, whether the id or the name was asked for", async () => {
  const { world, one, two, dir } = await twoVersions();
  await using _world = world;
  // Genuine, but not what was asked for.
  await using liar = new LyingBootstrap({ find: () => [one] });
  const wanted = two.announcement.id;
  for (
    const words of [["data", "--id", wanted], [`data@${wanted}`], [`data@${wanted.slice(0, 8)}`]]
  ) {
    const refused = await world.run(dir, ["get", ...words], { bootstrap: liar.address });
    assertRefused(refused, {
      code: 3,
      text: `with id ${words.length > 1 ? wanted.slice(0, 12) : ""}`,
    });
  }
  // Sources that have something else: what they send doesn't fit the id.
  const other = encoder.encode("evil longer");
  await using hostile = await HostilePeer.create(
    world.bootstrap,
    offerOf("evil", other),
    serving(other),
  );
  const [address, port] = hostile.address.split(":");
  const sources = [{ address, port: Number(port) }];
  liar.lies = { find: () => [{ ...two, sources }] };
  const refused = await world.run(dir, ["get", "data"], { bootstrap: liar.address });
  assertRefused(refused, { code: 5, text: 'Cannot get "data": every source was lost' });
  assertEquals(contentsOf(dir), []);
  assertEquals(await world.json(dir, ["trust", "list"]), []);
});

Deno.test("attack: a bootstrap that replays an old version is found out once a newer one was taken", async () => {
  const { world, alice, one, two, dir } = await twoVersions();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  // The old version can be had from a peer that kept it.
  const old = encoder.encode("one");
  await using keeper = await HostilePeer.create(
    world.bootstrap,
    offerOf("kept", old),
    serving(old),
  );
  const [address, port] = keeper.address.split(":");
  const replayed = { ...one, sources: [{ address, port: Number(port) }], total: 1 };
  await using liar = new LyingBootstrap({ find: () => [replayed] });
  const at = { bootstrap: liar.address };
  const words = ["get", "data", "--overwrite"];
  const refused = await world.run(dir, words, at);
  assertRefused(refused, {
    code: 5,
    text: `that is offered is older than the one of ` +
      `${new Date(two.announcement.time).toISOString()} that was taken from ` +
      `${alice.key.slice(0, 12)} before`,
  });
  assertRefused(await world.run(dir, [...words, "--publisher", alice.key], at), { code: 5 });
  assertEquals((await world.run(dir, [...words, "-o", "-"], at)).stdout, "", "nothing leaves");
  assertEquals(await Deno.readTextFile(`${dir}/data`), "two, longer");
  assertEquals(contentsOf(dir), ["data"]);
  const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals([entry.time, entry.id], [two.announcement.time, two.announcement.id]);

  // A user can pin just that version; what is remembered stays.
  const pinned = ["get", "data", "--id", one.announcement.id, "-o", `${dir}/old`];
  const receipt = await world.json<Receipt>(dir, pinned, at);
  assertEquals([receipt.trust, await Deno.readTextFile(`${dir}/old`)], ["pinned", "one"]);
  assertRefused(await world.run(dir, words, at), { code: 5 });
});

Deno.test("attack: with a replaying and an honest bootstrap, the newest version is taken", async () => {
  const { world, one, two, dir } = await twoVersions();
  await using _world = world;
  await using liar = new LyingBootstrap({ find: () => [one] });
  const both = { bootstrap: `${liar.address},${world.bootstrap}` };
  const receipt = await world.json<Receipt>(dir, ["get", "data"], both);
  assertEquals([receipt.id, receipt.trust], [two.announcement.id, "first"]);
});

Deno.test("attack: a bootstrap that withholds hides a file, and passes off nobody for its publisher", async () => {
  const { world, alice, two, dir } = await twoVersions();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  await using liar = new LyingBootstrap({});
  const at = { bootstrap: liar.address };
  assertRefused(await world.run(dir, ["get", "data"], at), {
    code: 3,
    text: "no peer in the swarm",
  });
  assertEquals(await world.json(dir, ["list-files"], at), []);

  // The publisher is kept back, and somebody else stands in: refused, and who is missed is named.
  const evil = encoder.encode("evil longer");
  const asked = new Set<string>();
  const script = serving(evil, ({ action }, honest) => {
    asked.add(action);
    return honest;
  });
  await using _mallory = await HostilePeer.create(world.bootstrap, offerOf("data", evil), script);
  const offers = await overheard(world.bootstrap, "data");
  const theirs = offers.filter(({ announcement }) => announcement.publisher !== alice.key);
  assertEquals(theirs.length, 1);
  liar.lies = { find: () => theirs };
  const refused = await world.run(dir, ["get", "data", "--overwrite"], at);
  assertRefused(refused, { code: 5, text: `${alice.key.slice(0, 12)} was remembered for it` });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "two, longer");
  assertEquals(placedIn(dir), ["data"]);
  // The bootstrap says hello when it calls back.
  assertEquals([...asked].filter((action) => action !== "hello"), [], "nobody even asked them");

  // Of two bootstraps, one that withholds hides nothing.
  liar.lies = {};
  const fresh = await world.folder("fresh");
  const both = { bootstrap: `${liar.address},${world.bootstrap}` };
  const wanted = ["get", "data", "--publisher", alice.key];
  assertEquals((await world.json<Receipt>(fresh, wanted, both)).id, two.announcement.id);
});

Deno.test("attack: a crowd of impostors can't push the remembered publisher off the answer", async () => {
  const { world, alice, two, dir } = await twoVersions();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  const crowd = await Promise.all(Array.from({ length: 200 }, async (_, time) => {
    const { signature: _s, publisher: _p, ...said } = two.announcement;
    const id = time.toString(16).padStart(64, "0");
    const announcement = await signAnnouncement(await Identity.generate(), { ...said, id, time });
    return { announcement, sources: [], total: 1_000 };
  }));
  await using liar = new LyingBootstrap({
    // As an honest bootstrap would, when only so many fit its answer.
    find: ({ publisher }) => publisher === alice.key ? [two] : crowd,
  });
  const receipt = await world.json<Receipt>(dir, ["get", "data"], { bootstrap: liar.address });
  assertEquals([receipt.trust, receipt.up_to_date], ["known", true]);
  const fresh = await world.folder("fresh");
  const lost = await world.run(fresh, ["get", "data"], { bootstrap: liar.address });
  assertEquals(lost.code, 8);
  assertStringIncludes(lost.stderr, "the name stands for 200 different files");
  assertEquals(contentsOf(fresh), []);
});

Deno.test("attack: a listing that a bootstrap makes up gets nobody trusted, and nothing fetched", async () => {
  const { world, alice, two, dir } = await twoVersions();
  await using _world = world;
  await world.json(dir, ["get", "data"]);
  const { signature: _, ...record } = two.announcement;
  const made = { ...record, id: "11".repeat(32), name: "made up", sources: 9 };
  await using liar = new LyingBootstrap({ files: () => [made] });
  const at = { bootstrap: liar.address };
  const [file] = await world.json<ListedFile[]>(dir, ["list-files"], at);
  // A publisher is trusted for a name, not for all that is said to be theirs.
  assertEquals([file.publisher, file.trust], [alice.key, "unknown"]);
  assertEquals((await world.run(dir, ["get", "made up"], at)).code, 3);
  assert(!contentsOf(dir).includes("made up"));
});
