import type { LegacyRegistry } from "../legacy/legacy_registry.ts";
import type {
  Announcement,
  FileRecord,
  Found,
  Holding,
  PeerRecord,
  SourceRecord,
} from "../wire/protocol.ts";

/** A part of a list that fits one message. */
export interface ListBatch<T> {
  items: T[];
  /** Asks for the next part, where there is one. */
  cursor?: string;
  /** The cost of it: entries that were looked at. */
  steps?: number;
}

/** A peer that proved its id. */
export type RegisteredPeer = PeerRecord & { peer: string };

/** A peer's address, as others are told it. */
export type Listing = Required<Pick<PeerRecord, "address" | "port" | "reachable">>;

/** At least one of the first three; an announcement is found when it fits all that are given. */
export interface FindQuery {
  name?: string;
  file?: string;
  publisher?: string;
  /** Older versions too, the newest first. Default false. */
  versions?: boolean;
}

/** A registry that several bootstraps share, as one of them sees it. */
export interface SharedState {
  /** The same at all of them; undefined before the registry was seen. */
  id: string | undefined;
  /** `away`: it can't be asked. `full`: it takes nothing new, for whatever reason. */
  state: "ready" | "away" | "full";
}

/**
 * A bootstrap's knowledge: the present peers and their announcements. The caller has checked every
 * signature.
 *
 * A peer is here from `register` until it says goodbye, or was silent for SILENCE_MS. Its
 * announcements come and go with it. It has one content under each name: to announce another under
 * the same name replaces the first.
 *
 * Of the versions that one publisher announced under one name, only the newest (by `time`) counts,
 * by whichever peer it was passed on; the older content can still be found by its id, or with
 * `versions`, while a source has it.
 *
 * A cap that is reached is a Refused `busy`; a peer that isn't here, a Refused `not_registered`.
 * Cursors are the registry's own; one that it can't read is a Refused `bad_message`.
 */
export interface Registry extends LegacyRegistry {
  /**
   * Lists a peer. One that is here already is as yet unreached again, and keeps what it announced
   * before for SILENCE_MS, unless it announces that again or withdraws it. `from` is the address that
   * it counts for, by default the one in its record.
   */
  register(peer: RegisteredPeer, from?: string): Promise<void>;
  /** Notes what a call back came to: where the peer is listed from now on. False if it isn't here. */
  reached(peer: string, listing: Listing): Promise<boolean>;
  /** Notes a sign of life. Returns what others are told of the peer. */
  heartbeat(peer: string): Promise<Listing>;
  /** The listing of a peer; undefined if it isn't here. To ask for it is no sign of life. */
  listing(peer: string): Promise<Listing | undefined>;
  /** Forgets a peer. Nothing happens if it isn't here. */
  goodbye(peer: string): Promise<void>;
  /** Makes the peer a source of each. All or, when a cap is reached, none. */
  announce(peer: string, announcements: Announcement[]): Promise<void>;
  /** Ends that the peer is a source of them. Those that it didn't hold are ignored. */
  withdraw(peer: string, holdings: Holding[]): Promise<void>;

  /** A part of all peers that are here, legacy ones among them. */
  getPeers(cursor?: string): Promise<ListBatch<PeerRecord>>;
  /**
   * Announcements with the sources of their content, those with most sources first: as many as fit one
   * message. At most SOURCES_CAP sources are named for each, drawn at random: from those that were
   * reached, and if they are fewer, from the others too. The work is bounded, so a part of very many
   * is found.
   */
  find(query: FindQuery): Promise<ListBatch<Found>>;
  /**
   * Files and folders on offer, in the order of names. A batch may be short or empty, and still have a
   * cursor, since the work for one is bounded. `pattern` is a glob (glob.ts); without one, everything
   * is listed.
   */
  listFiles(pattern?: string, cursor?: string): Promise<ListBatch<FileRecord>>;

  /**
   * All peers that have a content of that name, the newest version first. Sources that come and go
   * between two batches may be missing or come twice.
   */
  listSources(name: string, cursor?: string): Promise<ListBatch<SourceRecord>>;
  /** True if it has that very announcement, so that its signature needn't be checked again. */
  isKnown(announcement: Announcement): boolean;

  /** The registry that it shares with other bootstraps. Undefined for one that stands alone. */
  readonly shared?: SharedState;

  /** The numbers of peers, legacy ones among them, and of the names that they hold. */
  readonly counts: { peers: number; names: number };

  /** Forgets peers that have been silent for too long. */
  expire(): Promise<void>;
}
