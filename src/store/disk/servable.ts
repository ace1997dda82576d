import type { PieceMap } from "../../content/piece_map.ts";
import type { PeerRecord } from "../../wire/protocol.ts";

/** A content that this peer can serve: a shared file, or as much as there is of a download. */
export interface Servable {
  /** Its name here, for `status`. */
  readonly name: string;
  /** File id. */
  readonly id: string;
  readonly size: number;
  /** The folder that it is served as a part of; undefined for a file by itself. */
  readonly counted?: { name: string; id: string; size: number };
  /** The pieces that can be served, to which more are added; undefined when all can. */
  readonly map?: PieceMap;
  /**
   * Fills `into` from a position. False when the bytes are no longer what was announced: they must
   * then not be served.
   */
  read(position: number, into: Uint8Array): boolean | Promise<boolean>;
  /** The sources that it is being fetched from, for others that fetch it. */
  sources?(): PeerRecord[];
}
