/** `get --dry-run`: says what would be done, and does nothing. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CHUNK_SIZE } from "../../src/content/sizes.ts";
import type { Plan, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { World } from "./world.ts";

Deno.test("--dry-run says what would be done, and does nothing", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "one");
  const dir = await world.folder("getter");
  const words = ["get", "data", "--dry-run"];
  const fresh = await world.run(dir, [...words, "--json", "--receipt", `${dir}/receipt`]);
  const plan = JSON.parse(fresh.stdout) as Plan;
  assertEquals([plan.action, plan.bytes, plan.sources], [
    "fetch",
    { there: 0, reused: 0, missing: 3 },
    [alice.address],
  ]);
  assertEquals([...Deno.readDirSync(dir)], [], "not even a place for state");
  assertEquals(await world.json(dir, ["trust", "list"]), []);
  await world.json(dir, ["get", "data"]);
  assertStringIncludes((await world.run(dir, words)).stdout, "already up to date");
  await alice.publish("data", "two");
  assertMatch((await world.run(dir, [...words, "--update"])).stdout, /would replace .* 3 B from/);
  assertRefused(await world.run(dir, words), { code: 6 });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "one");
});

Deno.test("--dry-run says what would be copied from files here, as far as they are known", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const chunks = ["a", "b", "c", "d"].map((letter) => letter.repeat(CHUNK_SIZE));
  await alice.publish("data", chunks.join(""));
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  await alice.publish("data", ["x".repeat(CHUNK_SIZE), ...chunks, "tail"].join(""));
  const words = ["get", "data", "--update", "--dry-run"];
  const { bytes } = await world.json<Plan>(dir, words);
  assertEquals(bytes, { there: 0, reused: 4 * CHUNK_SIZE, missing: CHUNK_SIZE + 4 });
  assertMatch((await world.run(dir, words)).stdout, /64\.0 KiB from .*256 KiB from files here/);
  const { chunks: moved } = await world.json<Receipt>(dir, ["get", "data", "--update"]);
  assertEquals([moved.reused, moved.fetched], [4, 2], "so it was");
  // Nothing is known of a file that nobody has hashed.
  const fresh = await world.folder("fresh");
  await Deno.copyFile(`${dir}/data`, `${fresh}/old`);
  await alice.publish("data", chunks.join(""));
  const unknown = await world.json<Plan>(fresh, ["get", "data", "--reuse", "old", "--dry-run"], {
    cwd: fresh,
  });
  assertEquals([unknown.bytes.reused, unknown.bytes.missing], [0, 4 * CHUNK_SIZE]);
  assertEquals([...Deno.readDirSync(fresh)].map(({ name }) => name), ["old"]);
});
