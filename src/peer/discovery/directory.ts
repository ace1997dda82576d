import type { FileRecord, Found, PeerRecord } from "../../wire/protocol.ts";

/** A query; every given field must fit. */
export interface Query {
  name?: string;
  /** A file id. */
  file?: string;
  /** A peer id. */
  publisher?: string;
  /** Older versions of a name too. Default false. */
  versions?: boolean;
}

export interface AskOptions {
  /** Ends the wait; the method then throws the signal's reason. */
  signal?: AbortSignal;
  /** False: a busy bootstrap is a failure at once. @default true */
  waitsForBusy?: boolean;
}

/**
 * A program that knows peers and contents: a bootstrap, or a peer in the same network. It is not
 * trusted: whatever it makes up is dropped.
 */
export interface Directory {
  find(query: Query, options?: AskOptions): Promise<Found[]>;
  getPeers(options?: AskOptions): Promise<PeerRecord[]>;
  legacyPeers(options?: AskOptions): Promise<PeerRecord[]>;
  /** In the order of names. */
  listFiles(pattern?: string, options?: AskOptions): AsyncGenerator<FileRecord, void, void>;
}

/** The peers of the same network, as far as there are any. */
export interface NearbyDirectories {
  /** Calls `ask` for each that is found, at once; resolves when no more are expected. */
  each(ask: (directory: Directory) => Promise<void>): Promise<void>;
}
