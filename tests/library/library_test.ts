/** The library: bootstraps and peers of this process, as another program uses them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Bootstrap, Fault, Peer, type PeerEvent, type PeerOptions } from "../../mod.ts";
import { newSwarmKey } from "../../src/trust/swarm_key.ts";
import { writeSwarmKey } from "../../src/trust/swarm_key_file.ts";
import { assertSameBytes, concat, patterned } from "../support/bytes.ts";
import { TempFolder } from "../support/temp_folder.ts";

const MIB = 1 << 20;
/** Time to wait for what was just announced, in milliseconds. */
const WAIT = { wait: 10_000 };

/** A bootstrap and a folder; peers are opened by name. */
async function swarm() {
  const folder = await TempFolder.create();
  const bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
  return {
    ...{ folder, bootstrap },
    open: (name: string, options: Partial<PeerOptions> = {}) =>
      Peer.open({
        ...{ dir: folder.at(name), createDir: true, host: "127.0.0.1" },
        bootstrap: bootstrap.address,
        ...options,
      }),
    async [Symbol.asyncDispose]() {
      await bootstrap.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return concat(await Array.fromAsync(stream));
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => work, Fault)).kind;
}

Deno.test("library: three peers of one process share, list, fetch and stream", async () => {
  await using world = await swarm();
  await using alice = await world.open("alice");
  await using bob = await world.open("bob");
  await using carol = await world.open("carol", { serve: false });
  const content = patterned(5 * MIB + 1);
  await world.folder.write("alice/a.bin", content);
  const shared = await alice.share("a.bin");
  assertEquals([shared.name, shared.size, shared.publisher], ["a.bin", content.length, alice.id]);

  const seen: number[] = [];
  const onProgress = ({ bytes }: { bytes: number }) => seen.push(bytes);
  const receipt = await bob.get("a.bin", { ...WAIT, onProgress });
  assertEquals([receipt.id, receipt.publisher, receipt.up_to_date], [shared.id, alice.id, false]);
  assertSameBytes(await Deno.readFile(world.folder.at("bob/a.bin")), content);
  assertEquals(seen.at(-1), content.length);
  assertEquals((await bob.get("a.bin")).up_to_date, true);

  assertSameBytes(await readAll(carol.stream("a.bin", WAIT)), content);
  const files = await Array.fromAsync(carol.list("*.bin"));
  assertEquals(files.map(({ name, id, trust }) => [name, id, trust]), [
    ["a.bin", shared.id, "trusted"],
  ]);
  assertEquals((await carol.peers()).length, 2);
  assertEquals((await carol.trust()).map(({ publisher }) => publisher), [alice.id]);
});

Deno.test("library: failures are Faults with the kinds of the exit codes", async () => {
  await using world = await swarm();
  await using peer = await world.open("peer");
  assertEquals(await faultOf(peer.get("nothing")), "not_found");
  assertEquals(await faultOf(peer.share("nothing")), "usage");
  assertEquals(await faultOf(peer.unshare("nothing")), "not_found");
  assertEquals(await faultOf(readAll(peer.stream("nothing"))), "not_found");
  assertEquals(await faultOf(world.open("peer")), "held");
  assertEquals(await faultOf(world.open("missing", { createDir: false })), "usage");
  assertEquals(await faultOf(world.open("other", { bootstrap: "::nonsense::" })), "usage");
  const port = Number(world.bootstrap.address.split(":").pop());
  assertEquals(await faultOf(Bootstrap.start({ host: "127.0.0.1", port })), "network");
  assertEquals(await faultOf(world.open("taken", { port })), "network");
  // What could not be opened is free again.
  await using _ = await world.open("taken");
});

Deno.test("library: a signal ends a download, which leaves nothing at its place and is gone on with", async () => {
  await using world = await swarm();
  await using alice = await world.open("alice", { limitUp: 8 * MIB });
  await using bob = await world.open("bob", { resume: false });
  const content = patterned(8 * MIB);
  await world.folder.write("alice/slow.bin", content);
  await alice.share("slow.bin");
  const stop = new AbortController();
  const reason = new Error("enough");
  const onProgress = ({ bytes }: { bytes: number }) => {
    if (bytes > MIB) stop.abort(reason);
  };
  const error = await assertRejects(() =>
    bob.get("slow.bin", { ...WAIT, signal: stop.signal, onProgress })
  );
  assertEquals(error, reason);
  assertEquals(world.folder.list().filter((name) => name === "bob/slow.bin"), []);
  const [partial] = (await bob.status()).partials;
  assert(partial.bytes > 0 && partial.bytes < content.length, `${partial.bytes} bytes`);
  const { chunks } = await bob.get("slow.bin");
  assert(chunks.reused > 0, "what was there is used");
  assertSameBytes(await Deno.readFile(world.folder.at("bob/slow.bin")), content);
});

Deno.test("library: a stream that is cancelled ends its download, and fetches no more than is read", async () => {
  await using world = await swarm();
  await using alice = await world.open("alice");
  await using bob = await world.open("bob", { serve: false });
  await world.folder.write("alice/long.bin", patterned(64 * MIB));
  await alice.share("long.bin");
  const reader = bob.stream("long.bin", WAIT).getReader();
  assert(((await reader.read()).value?.length ?? 0) > 0);
  await reader.cancel();
  const { transfers, totals } = await bob.status();
  assertEquals(transfers.map(({ state }) => state), ["cancelled"]);
  assert(totals.fetched < 48 * MIB, `${totals.fetched} bytes`);
});

Deno.test("library: events tell what happens from the call on, and end with the peer", async () => {
  await using world = await swarm();
  const alice = await world.open("alice");
  const bob = await world.open("bob");
  const [ofAlice, ofBob] = [alice, bob].map((peer) => Array.fromAsync(peer.events()));
  await world.folder.write("alice/v.txt", "one");
  const { id } = await alice.share("v.txt");
  await bob.get("v.txt", WAIT);
  await world.folder.write("alice/v.txt", "second");
  await alice.share("v.txt");
  await bob.get("v.txt", { update: true });
  await faultOf(bob.get("nothing"));
  await alice.unshare("v.txt");
  await Promise.all([alice.close(), bob.close()]);

  const told = (events: PeerEvent[]) =>
    events.filter(({ event }) => event !== "bootstrap").map((event) => event.event);
  assertEquals(told(await ofAlice), ["shared", "new_version", "unshared"]);
  const events = await ofBob;
  assertEquals(told(events), [
    ...["download_started", "shared", "download_done"],
    ...["download_started", "new_version", "download_done"],
    ...["download_started", "download_failed"],
  ]);
  const failed = events.find((event) => event.event === "download_failed");
  assertEquals([failed?.failure.name, failed?.failure.kind], ["nothing", "not_found"]);
  const newer = events.find((event) => event.event === "new_version");
  assertEquals(newer?.previous, id);
});

Deno.test("library: two private swarms are apart, and each knows its own", async () => {
  await using folder = await TempFolder.create();
  const keys = [folder.at("a.key"), folder.at("b.key")];
  for (const key of keys) await writeSwarmKey(key, newSwarmKey());
  await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0, swarmKey: keys[0] });
  assertEquals(bootstrap.fingerprint?.length, 16);
  const common = { createDir: true, host: "127.0.0.1", bootstrap: bootstrap.address };
  await using peer = await Peer.open({ ...common, dir: folder.at("in"), swarmKey: keys[0] });
  await using other = await Peer.open({ ...common, dir: folder.at("out"), swarmKey: keys[1] });
  assertEquals(await Array.fromAsync(peer.list()), []);
  assertEquals(await faultOf(Array.fromAsync(other.list())), "integrity");
});
