/** The status of a peer. */
import type { FaultDetails, FaultKind } from "../../fault.ts";
import type { Kind } from "../../wire/protocol.ts";
import type { SharedFile } from "./share_api.ts";

export interface PeerStatus {
  /** This peer's id. */
  peer: string;
  agent: string;
  /** The address that it listens at; undefined for a one-shot peer. */
  listening?: string;
  dir: string;
  /**
   * `fingerprint`, 16 hex digits, tells one private swarm from another, and nothing of its key.
   * `encrypted` is there when other peers are talked to in TLS alone.
   */
  swarm: { private: false; encrypted?: true } | { private: true; fingerprint: string };
  /** Seconds since it started. */
  uptime: number;
  bootstraps: BootstrapStatus[];
  shares: SharedFile[];
  transfers: Transfer[];
  partials: PartialStatus[];
  /** Bytes since it started. */
  totals: { served: number; fetched: number };
}

export interface BootstrapStatus {
  address: string;
  state: "connecting" | "registered" | "legacy" | "away" | "idle";
  /** The address under which the bootstrap lists this peer. */
  listed?: string;
  /** True if the bootstrap could call that address; undefined until that is known. */
  reachable?: boolean;
  error?: string;
}

/** A download or upload, under way or recently ended. */
export interface Transfer {
  /** Number within this run of the peer. */
  transfer: number;
  name: string;
  id?: string;
  direction: "down" | "up";
  state: TransferState;
  bytes: number;
  size?: number;
  /** 0 to 100. */
  percent: number;
  rate: number;
  eta?: number;
  /** Down: sources connected. Up: 1. */
  sources: number;
  /** Down: requests that had to be asked again, of all sources. */
  retries: number;
  /** Down, while it is active: the sources, those in use first. */
  from: LiveSource[];
  /** Up: the peer that is served. */
  to?: string;
  /** Up: the peer id that it says it has. */
  peer?: string;
  /** The reason of the failure. */
  error?: string;
  /** The same for programs that word it themselves. */
  failure?: { kind: FaultKind; details?: FaultDetails };
  /** Down: the time since when no source is connected, in milliseconds since 1970. */
  no_source_since?: number;
  /** The time of its start, in milliseconds since 1970. */
  started: number;
}

/**
 * `paused` is a download that a running peer will go on with by itself, or, when it was paused by
 * request, with `resume`.
 */
export type TransferState = "active" | "paused" | "done" | "failed" | "cancelled";

/** One source of a download that is under way. */
export interface LiveSource {
  address: string;
  /** Its peer id; undefined for a legacy peer, and before it was connected. */
  peer?: string;
  /**
   * `waiting` to be tried, `pausing` after a failure, `lost` until it is found again, `dropped` for
   * good.
   */
  state: "waiting" | "connecting" | "connected" | "pausing" | "lost" | "dropped";
  /** Bytes per second, lately. */
  rate: number;
  /** Bytes of this download that came from it. */
  bytes: number;
  retries: number;
  /** The reason why it isn't in use, if there is one. */
  error?: string;
}

/** A download that is not whole, and what of it is kept. */
export interface PartialStatus {
  kind: Kind;
  name: string;
  id: string;
  size: number;
  /** Bytes that needn't be fetched again. */
  bytes: number;
  /** The time of the last progress that is on disk, in milliseconds since 1970. */
  updated: number;
  /** `active` is in progress; `paused` resumes with the next `get`, or by itself. */
  state: "active" | "paused";
  /** Set when it made no progress for a week: its sources may never come back. */
  stale?: true;
  /** The reason why it paused, if this peer knows it. */
  error?: string;
  /**
   * Set when it was paused by request: it resumes with `resume` or the next `get`, not by itself.
   */
  on_request?: true;
}
