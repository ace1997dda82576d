/** Sources that lie about what they have, to a peer that serves others meanwhile. */
import { assert, assertEquals } from "@std/assert";
import { PIECE_SIZE } from "../../src/content/piece_map.ts";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, concat, patterned } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { tallFile } from "../support/memory_source.ts";
import { assertRefused, contentsOf, placedIn } from "./checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "./hostile_peer.ts";
import { type Peer, World } from "./world.ts";

const MIB = 1 << 20;
const RUNS = 4;
const SIZE = (RUNS - 1) * PIECE_SIZE + 7;

/** A lie about one kind of request; the rest is answered right. */
const about = (action: string, lie: Lie): Lie => (request, honest) =>
  request.action === action ? lie(request, honest) : honest;

/** A map of that many bytes, and then notices. */
const map = (bytes: number, ...notices: unknown[]): Lie =>
  about("have", ({ id, file }) =>
    concat([
      wireMessage({ action: "map", id, complete: false }, new Uint8Array(bytes).fill(0xff)),
      ...notices.map((pieces) => wireMessage({ action: "has", file, runs: pieces })),
    ]));

/** A world with a peer that shares something while it is lied to. */
async function victimOf(world: World): Promise<Peer> {
  const victim = await world.peer("victim");
  await Deno.writeTextFile(`${victim.dir}/own`, "its own");
  await world.json(victim.dir, ["share", "own"]);
  return victim;
}

/**
 * Asserts that the victim's share can still be fetched from it, and that nothing else lies in its
 * folder.
 */
async function assertUnharmed(world: World, victim: Peer, ...fetched: string[]): Promise<void> {
  const dir = await world.folder("asks the victim");
  await world.json(dir, ["get", "own"]);
  assertEquals(await Deno.readTextFile(`${dir}/own`), "its own");
  assertEquals(placedIn(victim.dir), [...fetched, "own"].sort());
  assert(!/ (ERR|FTL) /.test(victim.program.stderr), victim.program.stderr);
}

Deno.test("a map that doesn't fit the file is refused, and notices of pieces beyond it are nothing", async (t) => {
  await using world = await World.create();
  const victim = await victimOf(world);
  const lies: Record<string, { lie: Lie; text?: string }> = {
    "a map that is too long": { lie: map(2), text: "sent a wrong map" },
    "a map that is too short": { lie: map(0), text: "sent a wrong map" },
    "a map of a megabyte": { lie: map(MIB), text: "sent a wrong map" },
    "bits beyond the last piece": { lie: map(1) },
    "pieces beyond the file": {
      lie: map(1, [[RUNS, 5]], [[Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]], [[0, 1e15]]),
    },
    "pieces that are no numbers": { lie: map(1, [[-1, 2]], [[0.5, 1]], [["0", 1]], [[0]], "all") },
    "notices of another file": { lie: map(1, ...Array.from({ length: 50 }, () => [[0, 1]])) },
  };
  const fetched: string[] = [];
  for (const [index, [name, { lie, text }]] of Object.entries(lies).entries()) {
    await t.step(name, async () => {
      const content = patterned(SIZE, index + 1);
      const script = serving(content, lie);
      await using _liar = await HostilePeer.create(world.bootstrap, offerOf(name, content), script);
      const got = await world.run(victim.dir, ["get", name]);
      if (text) return assertRefused(got, { code: 4, text });
      // Either it is fetched right, or the source is given up for repeating itself: never wrong.
      if (got.code !== 0) return assertRefused(got, { code: 4, text: "repeats itself" });
      assertSameBytes(await Deno.readFile(`${victim.dir}/${name}`), content);
      fetched.push(name);
    });
  }
  await assertUnharmed(world, victim, ...fetched);
});

Deno.test("a block of digests of another level, or of another place, is refused", async () => {
  await using world = await World.create();
  const victim = await victimOf(world);
  const { content, tree: { levels } } = tallFile();
  const instead: Record<string, (level: number, page: number) => [number, number]> = {
    // First, because a page that was verified is not asked for again.
    "a page from below at the top": (level, page) => level === 1 ? [0, 1] : [level, page],
    "the top page below": (level, page) => level === 0 ? [1, 0] : [level, page],
    "the pages of a level exchanged": (level, page) => level === 0 ? [0, 1 - page] : [level, page],
  };
  for (const [name, exchange] of Object.entries(instead)) {
    const lie = about("get_digests", ({ id, level, page }) => {
      const [otherLevel, otherPage] = exchange(level, page);
      return wireMessage({ action: "digests", id }, levels[otherLevel][otherPage]);
    });
    const script = serving(content, lie);
    await using _liar = await HostilePeer.create(world.bootstrap, offerOf(name, content), script);
    const got = await world.run(victim.dir, ["get", name]);
    assertRefused(got, { code: 5, text: "wrong block of digests" });
  }
  await assertUnharmed(world, victim);
});

Deno.test("a size that contradicts the id, or that no disk has, costs nothing", async (t) => {
  await using world = await World.create();
  const victim = await victimOf(world);
  const content = patterned(SIZE);
  const sizes: [size: number, toDisk: number, streamed: number][] = [
    [SIZE + 1, 5, 5],
    [0, 5, 5],
    [64, 5, 5],
    [2 ** 45, 7, 5],
    [2 ** 51, 7, 5],
    [Number.MAX_SAFE_INTEGER, 7, 5],
  ];
  for (const [size, toDisk, streamed] of sizes) {
    await t.step(String(size), async () => {
      const name = `of ${size} bytes`;
      const offer = { ...offerOf(name, content), size };
      await using _liar = await HostilePeer.create(world.bootstrap, offer, serving(content));
      assertRefused(await world.run(victim.dir, ["get", name]), { code: toDisk });
      assertRefused(await world.run(victim.dir, ["get", name, "-o", "-"]), { code: streamed });
    });
  }
  await assertUnharmed(world, victim);
});

Deno.test("one that advertises all and sends nothing holds nobody up", async () => {
  await using world = await World.create();
  const victim = await victimOf(world);
  const content = patterned(8 * MIB + 7);
  const source = await world.peer("source");
  await Deno.writeFile(`${source.dir}/data`, content);
  await world.json(source.dir, ["share", "data"]);
  const mute = serving(content, about("get_chunks", () => ({ then: "silence" })));
  await using silent = await HostilePeer.create(world.bootstrap, offerOf("data", content), mute);
  const { id } = offerOf("data", content);
  const receipt = await world.json<Receipt>(victim.dir, ["get", "data", "--id", id]);
  assertSameBytes(await Deno.readFile(`${victim.dir}/data`), content);
  const named = receipt.sources.find(({ address }) => address === silent.address);
  assertEquals(named?.bytes ?? 0, 0);
  assertEquals(contentsOf(victim.dir), ["data", "own"]);
  await assertUnharmed(world, victim, "data");
});
