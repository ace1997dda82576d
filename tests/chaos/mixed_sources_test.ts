/** One download from every kind of source at once. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { contentsOf } from "../e2e/checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "../e2e/hostile_peer.ts";
import { sameFiles } from "../e2e/world.ts";
import { assertBounded, CHUNK, MIB, sharer, statusOf, worldWithData } from "./setting.ts";

const MIXED_SIZE = 32 * MIB;
/** Answers that the liar and the staller give before they begin with it. */
const HONEST_ANSWERS = 2;
/**
 * Bytes that may be requested from two sources at the same time when the end is near: the least
 * window of each other source.
 */
const ENDGAME = 4 * MIB;

Deno.test("a liar, a staller, one that hangs up, a slow and an honest one together", async () => {
  await using world = await worldWithData(MIXED_SIZE);
  const content = await Deno.readFile(`${world.root}/data`);
  // The rates make it last for as long as all of them take to show what they are.
  const slow = await sharer(world, "slow", { args: ["--limit-up", "256K"] });
  const honest = await sharer(world, "honest", { args: ["--limit-up", "8M"] });
  const sent = { liar: 0, staller: 0, closer: 0 };
  const offer = offerOf("data", content);
  const hostile = (what: keyof typeof sent, lie: Lie) =>
    HostilePeer.create(
      world.bootstrap,
      offer,
      serving(
        content,
        onChunks((request, right) => {
          const said = lie(request, right);
          const { send } = said instanceof Uint8Array ? { send: said } : said;
          sent[what] += send?.length ?? 0;
          return said;
        }),
      ),
    );
  let answers = 0;
  await using liar = await hostile("liar", (_, right) => {
    if (++answers <= HONEST_ANSWERS) return right;
    return right.with(right.length - 1, right[right.length - 1] ^ 1);
  });
  let replies = 0;
  await using staller = await hostile(
    "staller",
    (_, right) =>
      ++replies <= HONEST_ANSWERS ? right : { send: right.subarray(0, 100), then: "silence" },
  );
  await using closer = await hostile("closer", (_, right) => ({ send: right, then: "finish" }));

  const getter = await world.peer("getter");
  const receipt = await world.json<Receipt>(getter.dir, ["get", "data"]);
  assert(await sameFiles(`${world.root}/data`, `${getter.dir}/data`));
  assertEquals(contentsOf(getter.dir), ["data"]);

  const of = (address: string) => receipt.sources.find((source) => source.address === address)!;
  const named = of(liar.address);
  assertMatch(named.dropped ?? "", /sent a wrong chunk/);
  assert(named.bad_chunks > 0);
  assert(of(closer.address).bytes > 0, "a source that comes back is used again");
  assert(of(staller.address).bytes <= HONEST_ANSWERS * MIB);
  assert(of(honest.address).bytes > of(slow.address).bytes);
  for (const { address, bad_chunks, dropped } of receipt.sources) {
    if (address === liar.address) continue;
    assertEquals(bad_chunks, 0);
    assert(!dropped?.includes("wrong"), dropped);
  }
  assertEquals(receipt.sources.reduce((sum, { bytes }) => sum + bytes, 0), MIXED_SIZE);

  // The liar cost no more than what it sent: the others sent what it did not bring, and nothing twice.
  assertEquals(receipt.chunks.refetched, named.bad_chunks);
  assert(receipt.chunks.refetched * CHUNK <= sent.liar);
  const served = await Promise.all(
    [slow, honest].map(async ({ dir }) => (await statusOf(world, dir)).totals.served),
  );
  const others = served[0] + served[1] + sent.staller + sent.closer;
  assert(others <= MIXED_SIZE - named.bytes + ENDGAME, `the others sent ${others} bytes`);
  await assertBounded(getter.program, slow.program, honest.program);
});

/** A lie about chunks; the rest is answered right. */
function onChunks(lie: Lie): Lie {
  return (request, honest) => request.action === "get_chunks" ? lie(request, honest) : honest;
}
