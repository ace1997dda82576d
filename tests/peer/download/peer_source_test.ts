/** A PeerSource's handling of replies of another peer, right or wrong. */
import { assert, assertEquals } from "@std/assert";
import { PIECE_SIZE } from "../../../src/content/piece_map.ts";
import { PeerSource } from "../../../src/peer/download/peer_source.ts";
import type { Refusal } from "../../../src/wire/caller.ts";
import { faultOf } from "../../support/faults.ts";
import { helloReply, PROVER } from "../../support/prover.ts";
import { settle } from "../../support/settle.ts";
import { type RawEnd, Scripted } from "../../support/sockets.ts";

const FILE = { id: "ab".repeat(32), size: 20 * PIECE_SIZE };
const SELF = { agent: "test/1", peer: "cd".repeat(32), port: 4_000 };
const never = new AbortController().signal;

/** A peer that says hello, and then follows the script, with the request that came next. */
function scripted(script: (end: RawEnd, request: Record<string, unknown>) => Promise<unknown>) {
  return new Scripted(async (end) => {
    await end.send(await helloReply(await end.line()));
    await script(end, await end.line());
    await end.closed();
  });
}

const has = (...runs: [number, number][]) => ({ action: "has", file: FILE.id, runs });

/** The source's map, and what it was told of after, of a peer that replies with these. */
async function haveOf(...replies: ((id: unknown) => object | Uint8Array)[]) {
  await using peer = scripted(async (end, { action, file, id }) => {
    assertEquals([action, file], ["have", FILE.id]);
    await end.send(...replies.map((reply) => reply(id)));
  });
  const source = new PeerSource(FILE, peer.address, SELF);
  await source.connect(never);
  const [told, taken]: number[][] = [[], []];
  try {
    const map = await source.have((piece) => told.push(piece), (piece) => taken.push(piece));
    const before = map.count;
    // What the peer said last shows when it answers nothing more.
    for (let turn = 0; turn < 4; turn++) await settle();
    return { map, before, told, taken, rttMs: source.rttMs, peer: source.receipt.peer };
  } finally {
    source.close();
  }
}

const mapReply = (bytes: number[]) => [
  (id: unknown) => ({ action: "map", id, complete: false, payload: bytes.length }),
  () => new Uint8Array(bytes),
];
const complete = (id: unknown) => ({ action: "map", id, complete: true });

Deno.test("peer source: who has all has all, and how long the answer took is known", async () => {
  const { map, rttMs, peer } = await haveOf(complete);
  assertEquals([map.pieces, map.complete, peer], [20, true, PROVER.id]);
  assert(rttMs > 0);
});

Deno.test("peer source: a part of it, and what is told of after", async () => {
  const { map, before, told } = await haveOf(
    ...mapReply([0b1001, 0, 0xf0]),
    () => has([1, 2], [19, 1]),
    () => has([0, 5]),
  );
  // Of the last byte, only four bits are pieces.
  assertEquals([before, told, map.count], [2, [1, 2, 19, 4], 6]);
});

Deno.test("peer source: what others are sent is told apart from what it has", async () => {
  const { map, told, taken } = await haveOf(
    ...mapReply([0b1001, 0, 0]),
    () => ({ ...has([1, 2], [18, 9]), action: "taken" }),
    () => has([4, 1]),
    () => ({ ...has([1, 1]), action: "taken", file: "00".repeat(32) }),
  );
  assertEquals([told, taken, map.count], [[4], [1, 2, 18, 19], 3]);
});

Deno.test("peer source: what is told of before the reply is not lost", async () => {
  const { map, before, told } = await haveOf(() => has([7, 2]), ...mapReply([1, 0, 0]));
  assertEquals([before, told], [3, []]);
  assert(map.has(0) && map.has(7) && map.has(8));
});

Deno.test("peer source: numbers beyond the file, other files and other notices mean nothing", async () => {
  const most = Number.MAX_SAFE_INTEGER;
  const { told, map } = await haveOf(
    ...mapReply([0, 0, 0]),
    () => has([most, most], [20, 1], [5, 0]),
    () => ({ ...has([1, 1]), file: "cd".repeat(32) }),
    () => ({ action: "has", file: FILE.id, runs: [[-1, 3]] }),
    () => ({ action: "has", file: FILE.id, runs: "all" }),
    () => ({ action: "dance" }),
    () => has([18, most]),
  );
  assertEquals([told, map.count], [[18, 19], 2]);
});

Deno.test("peer source: who tells the same again and again is not listened to", async () => {
  await using peer = scripted(async (end, { id }) => {
    await end.send({ action: "map", id, complete: false, payload: 3 }, new Uint8Array(3));
    for (let n = 0; n < 5; n++) await end.send(has([0, 2 ** 50]));
  });
  const source = new PeerSource(FILE, peer.address, SELF);
  await source.connect(never);
  await source.have(() => {});
  const reason = String(await source.ended);
  assert(reason.includes("repeats itself"), reason);
});

Deno.test("peer source: a map that is too long or too short is a fault of the network", async () => {
  for (const length of [0, 2, 4, 1_000]) {
    const reply = mapReply(Array.from({ length }, () => 255));
    await faultOf("network", haveOf(...reply), `a map of 20 pieces has 3 bytes, not ${length}`);
  }
});

Deno.test("peer source: a reply that is no map, and a refusal", async () => {
  await faultOf("network", haveOf((id) => ({ action: "chunks", id, payload: 0 })), "sent a");
  const refused = (id: unknown) => ({ action: "error", id, code: "not_shared", message: "no" });
  assertEquals((await faultOf("network", haveOf(refused)) as Refusal).code, "not_shared");
});

Deno.test("peer source: what isn't needed any more is taken back, and the connection lives on", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  await using peer = scripted(async (end, first) => {
    const second = await end.line();
    const notice = await end.line();
    cancelled.resolve(notice);
    assertEquals(notice, { action: "cancel", request: first.id });
    await end.send({ action: "error", id: first.id, code: "cancelled", message: "" });
    await end.send({ action: "chunks", id: second.id, payload: 65_536 }, new Uint8Array(65_536));
  });
  const source = new PeerSource(FILE, peer.address, SELF);
  await source.connect(never);
  const abort = new AbortController();
  const into = () => new Uint8Array(65_536);
  const first = faultOf("network", source.chunks({ first: 0, count: 1 }, into(), abort.signal));
  const second = source.chunks({ first: 1, count: 1 }, into(), never);
  await settle();
  abort.abort();
  assertEquals(((await first) as Refusal).code, "cancelled");
  assertEquals((await second).length, 65_536);
  await cancelled.promise;
  source.close();
});

Deno.test("peer source: taken back too late, what comes is simply there", async () => {
  await using peer = scripted(async (end, { id }) => {
    await end.line();
    await end.send({ action: "chunks", id, payload: 3 }, new Uint8Array([1, 2, 3]));
  });
  const source = new PeerSource(FILE, peer.address, SELF);
  await source.connect(never);
  const range = { first: 0, count: 1 };
  const bytes = await source.chunks(range, new Uint8Array(65_536), AbortSignal.abort());
  assertEquals(bytes, new Uint8Array([1, 2, 3]));
  source.close();
});

Deno.test("peer source: the peers that it names, and lists that are none", async () => {
  const named = { address: "10.0.0.7", port: 7 };
  // The ids that it says are nobody's, and this end's own is none of the others.
  const peers = [{ peer: "11".repeat(32), ...named }, { peer: SELF.peer, ...named, port: 8 }];
  const table: [unknown, boolean][] = [
    [peers, true],
    [[], true],
    [[{ address: "10.0.0.7", port: 0 }], false],
    [Array.from({ length: 51 }, () => peers[0]), false],
    [{ peers }, false],
    ["x", false],
  ];
  for (const [list, right] of table) {
    await using peer = scripted(async (end, { id, action, file }) => {
      assertEquals([action, file], ["sources", FILE.id]);
      const payload = new TextEncoder().encode(JSON.stringify(list));
      await end.send({ action: "sources", id, payload: payload.length }, payload);
    });
    const source = new PeerSource(FILE, peer.address, SELF);
    await source.connect(never);
    if (right) assertEquals(await source.peers(), list === peers ? [named] : []);
    else await faultOf("network", source.peers());
    source.close();
  }
});

Deno.test("peer source: when the other end goes, that is told, with nothing asked", async () => {
  await using peer = scripted(async (end, { id }) => {
    await end.send({ action: "map", id, complete: true });
    end.close();
  });
  const source = new PeerSource(FILE, peer.address, SELF);
  await source.connect(never);
  await source.have(() => {});
  const reason = String(await source.ended);
  assert(reason.includes("closed the connection"), reason);
});
