import { timeoutSignal } from "../../async/deadline.ts";
import { Pool } from "../../async/pool.ts";
import { pieceCount, PieceMap } from "../../content/piece_map.ts";
import { AGENT } from "../../version.ts";
import { PieceMapReply, type SourceRecord } from "../../wire/protocol.ts";
import type { Transport } from "../../wire/transport.ts";
import type { ListedSource } from "../api/peer_api.ts";
import type { Swarm } from "../discovery/swarm.ts";
import { Ladder } from "./ladder.ts";
import { placesOf } from "./place.ts";

/** Time for one peer to say how much it has, in milliseconds. */
const ANSWER_MS = 3_000;
/** Peers that are asked at a time. */
const ASKED = 32;

export interface ListSourcesOptions {
  /** The transport to other peers. Default in the clear. */
  transport?: Transport;
  /** The caller's own peer id. */
  peer?: string;
  signal?: AbortSignal;
}

/**
 * Every peer that has a content of that name: bootstraps say which, and each peer how much. The newest
 * version comes first, and of one version those with most of it.
 */
export async function listSources(
  swarm: Swarm,
  name: string,
  options: ListSourcesOptions = {},
): Promise<ListedSource[]> {
  const records = await swarm.listSources(name, options.signal);
  const newest = new Map<string, SourceRecord>();
  for (const one of records) {
    const known = newest.get(one.publisher);
    if (!known || one.time > known.time || one.time === known.time && one.id > known.id) {
      newest.set(one.publisher, one);
    }
  }
  const pool = new Pool(ASKED);
  const sources: ListedSource[] = [];
  for (const one of records) {
    await pool.add(async () => {
      const { kind: _kind, ...record } = one;
      const isNewest = newest.get(one.publisher)!.id === one.id;
      sources.push({ ...record, newest: isNewest, progress: await progressOf(one, options) });
    });
  }
  await pool.settled();
  return sources.sort((a, b) =>
    b.time - a.time || (b.progress ?? -1) - (a.progress ?? -1) ||
    ((a.peer ?? "") < (b.peer ?? "") ? -1 : 1)
  );
}

/** The part of the content that a peer has, from 0 to 1; null when it can't be asked. */
async function progressOf(
  source: SourceRecord,
  { transport, peer, signal }: ListSourcesOptions,
): Promise<number | null> {
  const { id: file, size } = source;
  if (source.peer !== undefined && source.peer === peer) return 1;
  using ends = timeoutSignal(ANSWER_MS, () => undefined, { signal });
  try {
    const options = { agent: AGENT, peer, transport, signal: ends.signal };
    const [place] = placesOf([source]);
    using caller = (await new Ladder().reach(place!, options)).caller;
    const { reply, payload } = await caller.request({ action: "have", file }, PieceMapReply);
    if (reply.complete) return 1;
    const pieces = pieceCount(size);
    const map = PieceMap.from(pieces, payload);
    return pieces === 0 ? 1 : map.count / pieces;
  } catch {
    signal?.throwIfAborted();
    return null;
  }
}
