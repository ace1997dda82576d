import type { LegacyRegistry } from "../legacy/legacy_registry.ts";
import type { Announcement, FileRecord, Found, Holding, PeerRecord } from "../wire/protocol.ts";

/** A part of a list that fits one message. `cursor` asks for the next part, where there is one. */
export interface ListBatch<T> {
  items: T[];
  cursor?: string;
}

/** A peer that proved its id. */
export type RegisteredPeer = PeerRecord & { peer: string };

/** What others are told of a peer. */
export type Listing = Required<Pick<PeerRecord, "address" | "port" | "reachable">>;

/** At least one of the first three; an announcement is found when it fits all that are given. */
export interface FindQuery {
  name?: string;
  file?: string;
  publisher?: string;
  /** Older versions too, the newest first. Default false. */
  versions?: boolean;
}

/**
 * What a bootstrap knows: who is here, and what they announced. Whoever calls has checked every
 * signature.
 *
 * A peer is here from `register` until it says goodbye, or was silent for SILENCE_MS. Its
 * announcements come and go with it. It holds one content under each name: to announce another under
 * the same name replaces the first.
 *
 * Of what one publisher announced under one name, only the newest (by `time`) counts, whoever passed
 * it on; the older content can still be found by its id, or with `versions`, while somebody holds it.
 *
 * A cap that is reached is a Refused `busy`; a peer that isn't here, a Refused `not_registered`.
 * Cursors are the registry's own; one that it can't read is a Refused `bad_message`.
 */
export interface Registry extends LegacyRegistry {
  /**
   * A peer that is here already begins anew, with nothing announced, and as yet unreached. `from` is
   * the address that it counts for, by default the one in its record.
   */
  register(peer: RegisteredPeer, from?: string): Promise<void>;
  /** What a call back came to: where the peer is listed from now on. False if it isn't here. */
  reached(peer: string, listing: Listing): Promise<boolean>;
  /** A sign of life. Gives what others are told of the peer. */
  heartbeat(peer: string): Promise<Listing>;
  /** The peer is gone. Nothing happens if it isn't here. */
  goodbye(peer: string): Promise<void>;
  /** The peer is a source of each, from now on. All or, when a cap is reached, none. */
  announce(peer: string, announcements: Announcement[]): Promise<void>;
  /** The peer is a source of them no longer. Those that it didn't hold are ignored. */
  withdraw(peer: string, holdings: Holding[]): Promise<void>;

  /** A part of all peers that are here, legacy ones among them. */
  getPeers(cursor?: string): Promise<ListBatch<PeerRecord>>;
  /**
   * Announcements and who has their content, best provided first: as many as fit one message. At most
   * SOURCES_CAP sources are named for each, drawn at random: from those that were reached, and if
   * they are fewer, from the others too.
   */
  find(query: FindQuery): Promise<Found[]>;
  /**
   * What is offered, in the order of names. A page may be short or empty, and still have a cursor.
   * `pattern` is a glob (glob.ts); without one, everything is listed.
   */
  listFiles(pattern?: string, cursor?: string): Promise<ListBatch<FileRecord>>;

  /** Forgets peers that have been silent for too long. */
  expire(): Promise<void>;
}
