import { Connection, formatAddress } from "../../wire/connection.ts";
import type { Attempt, PeerPlace, Rung } from "./rung.ts";

/** Dials each address of a peer. */
export class DirectRung implements Rung {
  readonly path = "direct";
  readonly afterMs = 0;

  attempts({ addresses }: PeerPlace): Attempt[] | string {
    if (addresses.length === 0) return "no address of it is known";
    return addresses.map(({ host, port, path }) => ({
      path,
      where: formatAddress({ host, port }),
      open: (options) => Connection.open({ host, port }, options),
    }));
  }
}
