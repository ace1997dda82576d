import { pieceCount } from "../../../src/content/piece_map.ts";
import { PeerSource } from "../../../src/peer/download/peer_source.ts";
import { concat } from "../../support/bytes.ts";
import { helloReply } from "../../support/prover.ts";
import { isAllowed, must } from "../allow.ts";
import { FILE, PAYLOADS, PEER, RECORD, REPLIES } from "../samples.ts";
import { connectingTo, scriptedConn, seedOf } from "../scripted_conn.ts";
import type { Target } from "../target.ts";
import { bytesOf, linesOf, textOf } from "../text.ts";

const CHUNKS = 40;
const SIZE = CHUNKS * 65_536 - 7;
const SELF = { agent: "fuzz/1", peer: PEER };

const [, , , , , has] = REPLIES;
const reply = (message: object, payload: Uint8Array) =>
  concat([linesOf({ ...message, payload: payload.length }), payload]);
const map = (id: number, bytes: number) =>
  reply({ action: "map", id, complete: false }, new Uint8Array(bytes).fill(0x05));
const sources = reply({ action: "sources", id: 3 }, bytesOf(JSON.stringify([RECORD])));
const digests = reply({ action: "digests", id: 4 }, new Uint8Array(CHUNKS * 32));
const chunks = reply({ action: "chunks", id: 5 }, new Uint8Array(300));

/** A peer that proves its id when it is greeted, and then says `input`; or that only says that. */
function sourceOf(input: Uint8Array): Deno.TcpConn {
  const seed = seedOf(input);
  if (seed % 4 === 0) return scriptedConn(input, { seed });
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  const onWrite = (bytes: Uint8Array) => {
    const [line = ""] = textOf(bytes).split("\n");
    resolve(helloReply(JSON.parse(line)).then((hello) => concat([linesOf(hello), input])));
  };
  return scriptedConn(promise, { seed, onWrite });
}

/** The replies of a source to a fetcher, cut in pieces anywhere. */
export const peerCaller: Target = {
  name: "peer_caller",
  weight: 10,
  seeds: [
    concat([map(2, 2), linesOf(has), sources, digests, chunks]),
    concat([linesOf({ action: "map", id: 2, complete: true }), sources, digests, chunks]),
    concat([map(2, 9)]),
    concat([map(2, 0)]),
    concat([linesOf(has, has, has), map(2, 2), linesOf(has)]),
    ...REPLIES.map((message) => linesOf({ ...message, id: 2 })),
    ...PAYLOADS.map((payload) =>
      concat([
        linesOf({ action: "map", id: 2, complete: true }),
        reply({ action: "sources", id: 3 }, bytesOf(JSON.stringify(payload))),
      ])
    ),
  ],
  async run(input) {
    const source = new PeerSource({ id: FILE, size: SIZE }, { host: "192.0.2.1", port: 9 }, SELF);
    const never = new AbortController().signal;
    try {
      await connectingTo(() => sourceOf(input), () => source.connect(never));
    } catch (error) {
      if (!isAllowed(error, ["network"])) throw error;
      return;
    }
    let heard = 0;
    const asked = await Promise.allSettled([
      source.have((piece) => {
        heard++;
        must(piece >= 0 && piece < pieceCount(SIZE), "no piece lies beyond the file");
      }),
      source.peers(),
      source.digests(0, 0),
      source.chunks({ first: 0, count: 16 }, new Uint8Array(300), never),
    ]);
    source.close();
    for (const one of asked) {
      if (one.status === "rejected" && !isAllowed(one.reason, ["network"])) throw one.reason;
    }
    const [have, peers] = asked;
    must(heard <= pieceCount(SIZE), "each piece is told of once");
    if (have.status === "fulfilled") must(have.value.pieces === pieceCount(SIZE), "the map fits");
    if (peers.status === "fulfilled") must(peers.value.length <= 50, "sources are few");
  },
};
