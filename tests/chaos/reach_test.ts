/** Peers behind routers of several kinds: which way leads to them, and what the user sees. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { testUnless } from "../support/tools.ts";
import { type Nat, natWords, noNat } from "../support/wan/nat_network.ts";
import { Homes, type HomesOptions, pathOf } from "./homes.ts";

/** The kinds of routers of the peer that shares and the one that fetches, and the path between them. */
const ROWS: [sharer: Nat, fetcher: Nat, path: string, options?: HomesOptions][] = [
  ["port", "none", "reversed"],
  ["symmetric", "none", "reversed", { isPrivate: true }],
  ["port", "port", "punched", { fromSource: true }],
  ["address", "port", "punched", { fromSource: true, isPrivate: true }],
  ["port", "symmetric", "relayed", { relay: "50M" }],
  ["symmetric", "symmetric", "relayed", { relayPeer: true, isPrivate: true }],
];

for (const [sharer, fetcher, path, options] of ROWS) {
  const swarm = (options?.isPrivate ? " in a private swarm" : "") +
    (options?.relayPeer ? ", where a member relays" : "");
  const name = `A peer behind ${natWords(sharer)} is reached from behind ${
    natWords(fetcher)
  }${swarm}`;
  testUnless(noNat, `${name}: ${path}`, async () => {
    await using homes = await Homes.open(sharer, fetcher, options);
    const fetched = await homes.get();
    assertEquals(fetched.code, 0, fetched.told);
    assertEquals(pathOf(fetched), path);
  });
}

testUnless(
  noNat,
  "Between two symmetric routers without a relay, each way that failed is named",
  async () => {
    await using homes = await Homes.open("symmetric", "symmetric", { fromSource: true });
    const { code, told } = await homes.get(["--wait", "11s"]);
    assertEquals(code, 4);
    for (const way of ["directly", "by having it call", "by hole punching", "through a relay"]) {
      assert(told.includes(way), told);
    }
    assertMatch(told, /no bootstrap that both know is a relay/);
  },
);

testUnless(noNat, "A transfer moves from a relay to a better path, and loses nothing", async () => {
  const size = 12_000_000;
  await using homes = await Homes.open("symmetric", "symmetric", { relay: "1M", size });
  const fetched = await homes.get([], () => homes.network.change(0, "full-cone"));
  assertEquals(pathOf(fetched), "direct");
  const { seconds, chunks, sources: [source] } = fetched.receipt!;
  assert(seconds < 10, `it took ${seconds} s, and would have taken 12 through the relay alone`);
  assertEquals([chunks.refetched, source!.retries, source!.bad_chunks], [0, 0, 0]);
});
