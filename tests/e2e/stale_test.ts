/** Downloads of a running peer that cannot go on: newer versions and the user go before them. */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { eventually, partialsOf, placedIn } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { Proxy } from "./proxy.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const SIZE = 16 << 20;

/** A source whose bytes stop half-way, and a running getter that resumes the download by itself. */
async function stuck(world: World, proxy: Proxy) {
  const source = await world.peer("source", { proxy });
  await writeRandom(`${source.dir}/data`, SIZE);
  await world.json(source.dir, ["share", "data"]);
  const first = await world.peer("getter");
  const get = world.start(first.dir, ["get", "data"]);
  await get.meanwhile(proxy.paused);
  await get.stop();
  await first.program.stop();
  const getter = await world.peer("getter");
  const active = async () => {
    const { transfers } = await world.json<PeerStatus>(getter.dir, ["status"]);
    return transfers.some(({ state, name }) => state === "active" && name === "data");
  };
  await eventually("it is resumed", active);
  return { source, getter };
}

/** Publishes a version whose first chunks are those of the one before. */
async function change(world: World, dir: string): Promise<string> {
  const next = await Deno.readFile(`${dir}/data`);
  crypto.getRandomValues(next.subarray(SIZE - 65_536));
  await Deno.writeFile(`${dir}/next`, next);
  await Deno.rename(`${dir}/next`, `${dir}/data`);
  const [{ id }] = await world.json<ShareResult[]>(dir, ["share", "data"]);
  return id;
}

Deno.test("stale: a newer version is got in place of what resumes by itself, and its pieces are used", async () => {
  await using world = await World.create();
  await using proxy = new Proxy({ pauseAfter: SIZE / 2 });
  const { source, getter } = await stuck(world, proxy);
  const id = await change(world, source.dir);
  proxy.resume();
  const receipt = await world.json<Receipt>(getter.dir, ["get", "data"]);
  assertEquals(receipt.id, id);
  const chunks = SIZE / 65_536;
  assert(receipt.chunks.reused >= chunks / 8, `${receipt.chunks.reused} of ${chunks} were reused`);
  assert(receipt.older_removed! > 0);
  assert(await sameFiles(`${source.dir}/data`, `${getter.dir}/data`));
  assertEquals((await world.json<PeerStatus>(getter.dir, ["status"])).partials, []);
  assertEquals(partialsOf(getter.dir), []);
});

Deno.test("stale: a newer version takes the place of one without sources, by itself", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "first");
  const getter = await world.peer("getter");
  // It is found, but can't be fetched: the file was moved away.
  await Deno.rename(`${alice.dir}/data`, `${alice.dir}/away`);
  const { code, stderr } = await world.run(getter.dir, ["get", "data", "--wait", "1s"]);
  assertEquals(code, 4, stderr);
  const id = await alice.publish("data", "second");
  await eventually("the newer version is here", () => placedIn(getter.dir).includes("data"));
  assertEquals(await Deno.readTextFile(`${getter.dir}/data`), "second");
  const { shares } = await eventually("all is done", async () => {
    const status = await world.json<PeerStatus>(getter.dir, ["status"]);
    return status.partials.length === 0 && status.shares.length > 0 && status;
  });
  assertEquals(shares.map((one) => one.id), [id]);
  assertEquals(partialsOf(getter.dir), []);
});
