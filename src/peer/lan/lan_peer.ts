import * as v from "valibot";
import { decodePayload } from "../../wire/codec.ts";
import {
  FileRecord,
  Files,
  Found,
  FoundReply,
  LIST_CAP,
  type PeerRecord,
} from "../../wire/protocol.ts";
import type { Directory, Query } from "../discovery/directory.ts";
import { genuine } from "../discovery/genuine.ts";
import { ListBudget } from "../discovery/list_budget.ts";
import type { PeerConnection } from "../reach/connection_pool.ts";
import type { PeerPlace } from "../reach/rung.ts";

const FoundList = v.pipe(v.array(Found), v.maxLength(LIST_CAP));
const FileList = v.pipe(v.array(FileRecord), v.maxLength(LIST_CAP));
/** The budget of a list of one peer's files: what a bootstrap lets one peer announce. */
const FILES_BUDGET = { items: 100_000, ms: 10_000 };

/** A peer in the same network, which tells what it shares: of no other source than itself. */
export class LanPeer implements Directory {
  readonly #line: PeerConnection;
  readonly #place: PeerPlace;

  constructor(line: PeerConnection, place: PeerPlace) {
    this.#line = line;
    this.#place = place;
  }

  async find(query: Query): Promise<Found[]> {
    const { payload } = await this.#line.request({ action: "find", ...query }, FoundReply);
    const found = await genuine(query, decodePayload(FoundList, payload));
    const sources = this.#records;
    return found.map(({ announcement }) => ({ announcement, sources, total: 1 }));
  }

  getPeers(): Promise<PeerRecord[]> {
    return Promise.resolve(this.#records.slice(0, 1));
  }

  legacyPeers(): Promise<PeerRecord[]> {
    return Promise.resolve([]);
  }

  async *listFiles(pattern?: string): AsyncGenerator<FileRecord, void, void> {
    const budget = new ListBudget(String(this.#line.caller.connection), FILES_BUDGET);
    const batches = budget.batches(async (cursor) => {
      const request = { action: "list_files", pattern, cursor };
      const { reply, payload } = await this.#line.request(request, Files);
      return { items: decodePayload(FileList, payload), cursor: reply.cursor };
    });
    for await (const files of batches) yield* files;
  }

  /** This peer, at each of its addresses. */
  get #records(): PeerRecord[] {
    const { peer } = this.#line;
    return this.#place.addresses.map(({ host, port }) => ({
      ...{ peer, address: host, port },
      reachable: true,
    }));
  }
}
