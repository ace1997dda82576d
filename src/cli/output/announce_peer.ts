import type { PeerStatus } from "../../peer/api/peer_api.ts";
import { shortId } from "./units.ts";

/** The line by which a peer says that it serves; scripts wait for it and read its address. */
export function announcePeer({ peer, listening, dir }: PeerStatus): string {
  return `Peer ${shortId(peer)} listening on ${listening}, sharing ${dir}`;
}
