import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { PieceMap } from "../../content/piece_map.ts";
import { Fault } from "../../fault.ts";
import type { PeerRecord } from "../../wire/protocol.ts";
import type { SourceReceipt } from "../api/peer_api.ts";

/** Consecutive chunks, by number. */
export interface ChunkRange {
  first: number;
  count: number;
}

/** Some chunks that a source is asked for. */
export interface ChunkRequest extends ChunkRange {
  /** Better not at all than when the source sends that piece to another already. */
  unlessTaken?: boolean;
}

export interface ConnectOptions {
  /** The limits of what arrives: it keeps to all. */
  limits?: RateLimiter[];
  /** {@link Source.have} comes next: a source that can be asked for it with the greeting is. */
  map?: boolean;
}

/** A peer that has a file, wholly or in part, and what came of asking it. */
export interface Source {
  readonly receipt: SourceReceipt;
  /** Tells it from other sources, for good. Default the address of its receipt. */
  readonly key?: string;
  /** Bytes of content that came so far, parts of replies and what was wrong among them. */
  readonly arrived: number;
  /** The round trip, in milliseconds, once connected. */
  readonly rttMs: number;
  /** Resolves, with the reason, when the connection breaks. Anew for each {@link connect}. */
  readonly ended: Promise<unknown>;
  /**
   * Connects, where that is needed; may be called again after {@link close}. What arrives keeps to
   * its limits.
   */
  connect(signal: AbortSignal, options?: ConnectOptions): Promise<void>;
  /**
   * Which pieces it has. The map grows as it gets more, and `onPiece` is told of each. `onTaken` is told of
   * pieces that it sends to others, who can soon be asked for them.
   */
  have(onPiece: (piece: number) => void, onTaken?: (piece: number) => void): Promise<PieceMap>;
  /**
   * One more connection to the same peer, as yet not connected, for chunks and digests alone; what it brings
   * counts as this source's. Undefined when there are enough of them.
   */
  further?(): Source | undefined;
  /** True if the other one, with another key, is the same peer. */
  isSame?(other: Pick<Source, "receipt">): boolean;
  /** Takes over what another record of the same peer says. True if that is another address. */
  adopt?(other: Pick<Source, "receipt">): boolean;
  /** A block of the hash tree, as yet unverified. */
  digests(level: number, block: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Some chunks, as yet unverified, in the first bytes of `into`; not needed once it aborts. */
  chunks(
    request: ChunkRequest,
    into: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<Uint8Array<ArrayBuffer>>;
  /** Other peers that have the file, as far as it knows. */
  peers(): Promise<PeerRecord[]>;
  /** Ends the connection; requests under way fail. */
  close(): void;
}

/** True for the failure of a source that sent something wrong. */
export function isLie(error: unknown): boolean {
  return error instanceof Fault && error.kind === "integrity";
}
