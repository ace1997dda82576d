/** A swarm whose peers are killed and started again at random, until every one of them is done. */
import { assert, assertEquals } from "@std/assert";
import { contentsOf, eventually, partialsOf, placedIn } from "../e2e/checks.ts";
import { type Peer, sameFiles, type World } from "../e2e/world.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { assertBounded, MIB, sharer, statusOf, worldWithData } from "./setting.ts";

/** Peers that fetch, and how many kills they suffer. `$SHOAL_CHAOS_KILLS` is for longer runs. */
const PEERS = 10;
const KILLS = Number(Deno.env.get("SHOAL_CHAOS_KILLS") ?? 10);
const SWARM_SIZE = 32 * MIB;
/** Longest time between two kills, in milliseconds. */
const PAUSE_MS = 500;
/** The limit of each uplink; the source needs eight seconds to send the file once. */
const LIMIT = ["--limit-up", "4M"];

Deno.test("a swarm of ten, killed and started again at random until all are done", async () => {
  const seed = Number(Deno.env.get("SHOAL_CHAOS_SEED") ?? Math.floor(Math.random() * 2 ** 32));
  try {
    await killAtRandom(seededRandom(seed));
  } catch (cause) {
    throw new Error(`with SHOAL_CHAOS_SEED=${seed}: ${(cause as Error).message}`, { cause });
  }
});

async function killAtRandom(random: () => number): Promise<void> {
  await using world = await worldWithData(SWARM_SIZE);
  const original = `${world.root}/data`;
  const seeder = await sharer(world, "seeder", { args: LIMIT });
  const peers = await Promise.all(Array.from({ length: PEERS }, (_, index) => start(world, index)));
  await Promise.all(peers.map(async ({ dir, program }) => {
    await program.type("get data");
    await eventually("it began", () => partialsOf(dir).length === 1);
  }));
  for (let kills = 0; kills < KILLS; kills++) {
    await new Promise((resolve) => setTimeout(resolve, random() * PAUSE_MS));
    const index = Math.floor(random() * PEERS);
    const { dir, program } = peers[index];
    await assertBounded(program);
    await program.stop("SIGKILL");
    await assertWholeOrNothing(original, dir);
    // Nobody asks again: it goes on by itself.
    peers[index] = await start(world, index);
  }
  for (const { dir } of peers) {
    await eventually("it is done", () => placedIn(dir).includes("data"));
    await assertWholeOrNothing(original, dir);
    await eventually("nothing else is left", () => partialsOf(dir).length === 0);
    assertEquals(contentsOf(dir), ["data"]);
    assertEquals((await statusOf(world, dir)).partials, []);
  }
  await assertBounded(...[seeder, ...peers].map(({ program }) => program));
}

/** The peer of a number: a new one, or the one that was killed. */
async function start(world: World, index: number): Promise<Peer> {
  return await world.peer(`peer ${index}`, { args: LIMIT, stdin: "open" });
}

/** Asserts that the file under the final name, if there is one, is complete. */
async function assertWholeOrNothing(original: string, dir: string): Promise<void> {
  const placed = placedIn(dir);
  if (placed.length === 0) return;
  assertEquals(placed, ["data"]);
  assert(await sameFiles(original, `${dir}/data`), `${dir}/data differs`);
}
