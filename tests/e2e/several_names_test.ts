/** Verbs that are given several names at once. */
import { assertEquals } from "@std/assert";
import type { PartialStatus, PeerStatus, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertRefused, eventually } from "./checks.ts";
import { World, writeRandom } from "./world.ts";

const MIB = 1 << 20;

Deno.test("unshare: several names, of which a wrong one keeps nothing from the others", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("peer");
  for (const name of ["one", "two", "three"]) await writeRandom(`${dir}/${name}`, 1_000);
  const shared = await world.json<ShareResult[]>(dir, ["share", "one", "two", "three"]);
  const { code, stdout, stderr } = await world.run(dir, [
    "unshare",
    "one",
    "none",
    "two",
    "--json",
  ]);
  const why = 'Cannot unshare "none": it is not shared here';
  assertEquals([code, stderr.split("\n")[0]], [3, `shoal: ${why}`]);
  const told = JSON.parse(stdout) as { name: string; id?: string; error?: unknown }[];
  assertEquals(told.map(({ name, id, error }) => ({ name, id, error })), [
    { name: "one", id: shared[0].id, error: undefined },
    { name: "none", id: undefined, error: { code: "not_found", exit: 3, message: why } },
    { name: "two", id: shared[1].id, error: undefined },
  ]);
  const { shares } = await world.json<PeerStatus>(dir, ["status"]);
  assertEquals(shares.map(({ name }) => name), ["three"]);
});

Deno.test("pause, resume and cancel: several downloads, also by their ids", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "2M"] });
  for (const name of ["one", "two"]) await writeRandom(`${source.dir}/${name}`, 16 * MIB);
  const [one, two] = await world.json<ShareResult[]>(source.dir, ["share", "one", "two"]);
  const { dir } = await world.peer("peer");
  const gets = ["one", "two"].map((name) => world.start(dir, ["get", name]));
  const partials = async () => (await world.json<PeerStatus>(dir, ["status"])).partials;
  await eventually("both begin", async () => {
    const begun = await partials();
    return begun.length === 2 && begun.every(({ bytes }) => bytes > 0);
  });

  const named = ["one", `two@${two.id.slice(0, 8)}`];
  const paused = await world.json<PartialStatus[]>(dir, ["pause", ...named]);
  assertEquals(paused.map(({ id, state }) => [id, state]), [[one.id, "paused"], [
    two.id,
    "paused",
  ]]);
  for (const get of gets) assertEquals(await get.ended(), 2);
  const both = await world.run(dir, ["cancel", "one", "two", "--id", one.id]);
  assertRefused(both, { code: 2, text: "--id is for one download; name several as NAME@ID" });
  const resumed = await world.run(dir, ["resume", "none", `one@${one.id}`]);
  assertEquals([resumed.code, resumed.stdout.split("  ").slice(0, 2)], [3, ["one", "resumed"]]);
  const cancelled = await world.run(dir, ["cancel", ...named]);
  assertEquals(cancelled.code, 0, cancelled.stderr);
  assertEquals(cancelled.stdout.match(/ {2}cancelled {2}/g)?.length, 2);
  assertEquals(await partials(), []);
});
