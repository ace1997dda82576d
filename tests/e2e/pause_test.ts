import { assert, assertEquals } from "@std/assert";
import type { PartialStatus, PeerStatus } from "../../src/peer/api/peer_api.ts";
import { eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;

Deno.test("a paused download stays so across a restart, until it is resumed", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "2M"] });
  const size = 16 * MIB;
  await writeRandom(`${source.dir}/data`, size);
  await world.json(source.dir, ["share", "data"]);
  let peer = await world.peer("peer");
  const get = world.start(peer.dir, ["get", "data"]);
  const partials = async () => (await world.json<PeerStatus>(peer.dir, ["status"])).partials;
  await eventually("it begins", async () => ((await partials())[0]?.bytes ?? 0) >= 2 * MIB);
  const [paused] = await world.json<PartialStatus[]>(peer.dir, ["pause", "data"]);
  assertEquals([paused.name, paused.state, paused.on_request], ["data", "paused", true]);
  assertEquals(await get.ended(), 2);
  const { transfers } = await world.json<PeerStatus>(peer.dir, ["status"]);
  assertEquals(transfers.map(({ state }) => state), ["paused"]);
  await peer.program.stop();

  peer = await world.peer("peer");
  const before = (await world.json<PeerStatus>(source.dir, ["status"])).totals.served;
  const [still] = await partials();
  assertEquals([still.state, still.on_request], ["paused", true]);
  assert(still.bytes >= 2 * MIB);
  assertEquals((await world.json<PeerStatus>(peer.dir, ["status"])).transfers, []);
  await world.json(peer.dir, ["resume", "data"]);
  await eventually("it ends", async () => (await partials()).length === 0);
  assert(await sameFiles(`${peer.dir}/data`, `${source.dir}/data`));
  const { totals } = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals(totals.served - before, size - still.bytes);

  const none = await world.run(peer.dir, ["resume", "data"]);
  assertEquals(none.code, 3);
  assertEquals((await world.run(peer.dir, ["pause", "data"])).code, 3);
});

Deno.test("get of a paused download takes it up, with no peer running", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "2M"] });
  await writeRandom(`${source.dir}/data`, 6 * MIB);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("alone");
  const get = world.start(dir, ["get", "data"]);
  await eventually("a run of it is there", async () => {
    const partials = `${dir}/.shoal/partials`;
    const [file] = await Array.fromAsync(Deno.readDir(partials)).catch(() => []);
    // One run is asked for at a time, so that two of them can't both be incomplete.
    return file !== undefined &&
      (await Deno.stat(`${partials}/${file.name}`)).blocks! * 512 > 2 * MIB;
  });
  assertEquals(await get.stop("SIGINT"), 130);
  const said = await world.run(dir, ["pause", "data"]);
  assert(said.stdout.startsWith("data  paused  "), said.stdout + said.stderr);
  const status = await world.run(dir, ["status"]);
  assert(status.stdout.includes("data: resume it to go on"), status.stdout);
  const resumed = await world.run(dir, ["resume", "data"]);
  assertEquals(resumed.stderr, "No peer runs for this folder: it goes on when one does.\n");
  await world.run(dir, ["pause", "data"]);
  assertEquals((await world.run(dir, ["get", "data"])).code, 0);
  assert(await sameFiles(`${dir}/data`, `${source.dir}/data`));
});
