import type { FileRecord, Found, PeerRecord } from "../../wire/protocol.ts";
import type { Directory, NearbyDirectories, Query } from "./directory.ts";
import { genuine } from "./genuine.ts";

/** Contents that this peer was told of by no bootstrap, with their sources: those of a hand-over. */
export class KnownOffers implements Directory, NearbyDirectories {
  readonly #offers: Found[] = [];

  add(offer: Found): void {
    this.#offers.push(offer);
  }

  async each(ask: (directory: Directory) => Promise<void>): Promise<void> {
    await ask(this);
  }

  async find(query: Query): Promise<Found[]> {
    return await genuine(query, this.#offers);
  }

  async getPeers(): Promise<PeerRecord[]> {
    return await Promise.resolve(this.#offers.flatMap(({ sources }) => sources));
  }

  async legacyPeers(): Promise<PeerRecord[]> {
    return await Promise.resolve([]);
  }

  async *listFiles(): AsyncGenerator<FileRecord, void, void> {
    for (const { announcement, total } of this.#offers) yield { ...announcement, sources: total };
  }
}
