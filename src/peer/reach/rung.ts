/** The seam between what wants a connection to a peer and the ways to get one. */
import {
  type Address,
  Connection,
  type ConnectionOptions,
  formatAddress,
} from "../../wire/connection.ts";
import type { Socket } from "../../wire/transport.ts";
import type { Path } from "../api/path.ts";

/** An address at which a peer may be, and the path that it stands for. */
export interface PlaceAddress extends Address {
  path: Path;
}

/** Where a peer may be found. */
export interface PeerPlace {
  /** The id that it must prove; undefined where nobody says which peer it is. */
  peer?: string;
  /** Its addresses, in the order in which they are tried. */
  addresses: PlaceAddress[];
}

export interface RungOptions extends ConnectionOptions {
  signal: AbortSignal;
  /** The port that this peer listens on, if it does. */
  port?: number;
}

/** One try to open a connection. */
export interface Attempt {
  path: Path;
  /** The other end, for messages: `203.0.113.11:10000`. */
  where: string;
  /**
   * Opens a connection on which nothing was said yet (see Connection.over); this peer will be its
   * caller. Throws a Fault whose message says why there is none, or the signal's reason.
   */
  open(options: RungOptions): Promise<Connection>;
}

/** A way to open a connection to a peer. */
export interface Rung {
  readonly path: Path;
  /** The time before its first attempt, in milliseconds; less when all attempts before have failed. */
  readonly afterMs: number;
  /** The attempts for that peer, or the reason why there are none. */
  attempts(place: PeerPlace): Attempt[] | string;
}

/** A rung with one attempt, which needs the peer's id, and no address; `connect` gives its socket. */
export function rungById(
  path: Path,
  afterMs: number,
  connect: (peer: string, options: RungOptions) => Promise<Socket>,
): Rung {
  return {
    path,
    afterMs,
    attempts({ peer, addresses: [first] }) {
      if (peer === undefined) return "its id is not known";
      const where = first ? formatAddress(first) : peer.slice(0, 12);
      const open = (options: RungOptions) =>
        Connection.over((signal) => connect(peer, { ...options, signal }), where, options);
      return [{ path, where, open }];
    },
  };
}
