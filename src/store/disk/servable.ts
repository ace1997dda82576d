import type { PieceMap } from "../../content/piece_map.ts";
import type { PeerRecord } from "../../wire/protocol.ts";

/** A content that this peer can serve: a shared file, or as much as there is of a download. */
export interface Servable {
  /** What it is called here, for `status`. */
  readonly name: string;
  /** File id. */
  readonly id: string;
  readonly size: number;
  /** What it is served as a part of; undefined for what stands alone. */
  readonly counted?: { name: string; id: string; size: number };
  /** The pieces that can be served, to which more are added; undefined when all can. */
  readonly map?: PieceMap;
  /**
   * Fills `into` from a position. False when the bytes are no longer what was announced: they must
   * then not be served.
   */
  read(position: number, into: Uint8Array): boolean;
  /** Where it is being fetched from, for others who fetch it. */
  sources?(): PeerRecord[];
}
