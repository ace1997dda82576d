import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { delay } from "../../../src/async/retry.ts";
import type { Path } from "../../../src/peer/api/path.ts";
import { Ladder } from "../../../src/peer/reach/ladder.ts";
import type { Attempt, Rung } from "../../../src/peer/reach/rung.ts";
import { placesOf } from "../../../src/peer/reach/place.ts";
import { Unreached } from "../../../src/peer/reach/unreached.ts";
import { WrongPeer } from "../../../src/trust/call_peer.ts";
import { type Address, Connection, formatAddress } from "../../../src/wire/connection.ts";
import { faultOf } from "../../support/faults.ts";
import { helloReply, PROVER } from "../../support/prover.ts";
import { type RawEnd, Scripted } from "../../support/sockets.ts";

const OTHER = "ab".repeat(32);
const options = () => ({ agent: "test/1", signal: AbortSignal.timeout(20_000) });

const honest = () =>
  new Scripted(async (end) => {
    await end.send(await helloReply(await end.line()));
    await end.closed();
  });

const dial = (path: Path, address: Address): Attempt => ({
  path,
  where: formatAddress(address),
  open: (options) => Connection.open(address, options),
});
const stuck = (path: Path): Attempt => ({
  path,
  where: "nowhere",
  open: ({ signal }) => delay(60_000, signal) as never,
});
const failing = (path: Path, why: string): Attempt => ({
  path,
  where: "there",
  open: () => Promise.reject(new Fault("network", why)),
});
const rung = (path: Path, attempts: Attempt[] | string, afterMs = 0): Rung => ({
  path,
  afterMs,
  attempts: () => attempts,
});
const place = (peer?: string) => ({ peer, addresses: [] });

Deno.test("ladder: the next rung is tried at once when those above failed, else after a while", async () => {
  await using peer = honest();
  for (const [first, least, most] of [["stuck", 240, 2_000], ["failing", 0, 200]] as const) {
    const above = first === "stuck" ? stuck("direct") : failing("direct", "refused");
    const ladder = new Ladder([
      rung("direct", [above]),
      rung("relayed", [dial("relayed", peer.address)], 250),
    ]);
    const begun = performance.now();
    const { caller, path, peer: id } = await ladder.reach(place(PROVER.id), options());
    const ms = performance.now() - begun;
    assertEquals([path, id], ["relayed", PROVER.id]);
    assertGreater(ms, least, first);
    assertLess(ms, most, first);
    caller.close();
  }
});

Deno.test("ladder: an address at which another peer answers leads nowhere, and the next one is tried", async () => {
  await using peer = honest();
  await using silent = new Scripted((end: RawEnd) => end.closed());
  const ladder = new Ladder([
    rung("direct", [dial("direct", silent.address), dial("direct", peer.address)]),
  ]);
  const { caller, where } = await ladder.reach(place(PROVER.id), options());
  assertEquals(where, formatAddress(peer.address));
  caller.close();
  const wrong = await faultOf("network", ladder.reach(place(OTHER), options()), "another peer");
  assert(!(wrong instanceof WrongPeer), "one said nothing");
  const only = new Ladder([rung("direct", [dial("direct", peer.address)])]);
  assert(
    await faultOf("network", only.reach(place(OTHER), options()), "another") instanceof WrongPeer,
  );
});

Deno.test("ladder: a peer that refuses was reached, and no other rung is tried", async () => {
  await using peer = new Scripted(async (end) => {
    const { id } = await end.line();
    await end.send({ action: "error", id, code: "busy", message: "full" });
    await end.closed();
  });
  let tried = false;
  const late = { ...failing("relayed", "no"), open: () => (tried = true, Promise.reject()) };
  const ladder = new Ladder([
    rung("direct", [dial("direct", peer.address)]),
    rung("relayed", [late], 5_000),
  ]);
  await faultOf("network", ladder.reach(place(), options()), "refused: full");
  assert(!tried);
});

Deno.test("ladder: a failure names each rung and why it failed, or why there was none", async () => {
  const ladder = new Ladder([
    rung("direct", [failing("direct", "Cannot connect to there: no answer within 10 s")]),
    rung("reversed", "it keeps no connection to a bootstrap"),
    rung("relayed", [failing("relayed", "the relay is full")]),
  ]);
  const fault = await faultOf("network", ladder.reach(place(OTHER), options()));
  assert(fault instanceof Unreached);
  assertEquals(
    fault.message,
    "Cannot reach peer abababababab: directly (there): no answer within 10 s; " +
      "through a relay: the relay is full; " +
      "by having it call: it keeps no connection to a bootstrap",
  );
  const only = new Ladder([rung("direct", [failing("direct", "Cannot connect to there: no")])]);
  assertEquals(
    (await faultOf("network", only.reach(place(OTHER), options()))).message,
    "Cannot connect to there: no",
  );
});

Deno.test("places: two peers at one address are two places; an address of nobody is one of theirs", () => {
  const at = (host: string, peer?: string) => ({ address: host, port: 10_000, peer });
  const places = placesOf([
    at("203.0.113.11"),
    at("203.0.113.11", OTHER),
    at("203.0.113.11", PROVER.id),
    at("2001:db8::1", OTHER),
    at("192.0.2.1"),
  ]);
  assertEquals(places.map(({ peer, addresses }) => [peer, addresses.map(({ host }) => host)]), [
    [OTHER, ["2001:db8::1", "203.0.113.11"]],
    [PROVER.id, ["203.0.113.11"]],
    [undefined, ["192.0.2.1"]],
  ]);
});
