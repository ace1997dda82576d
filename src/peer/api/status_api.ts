/** The status of a peer. */
import type { FaultDetails, FaultKind } from "../../fault.ts";
import type { Path } from "./path.ts";
import type { ContentKind, SharedFile } from "./share_api.ts";

/** The state of a peer. */
export interface PeerStatus {
  /** This peer's id. */
  peer: string;
  /** The program that it runs, and its version. */
  agent: string;
  /** The address that it listens at; undefined for a one-shot peer. */
  listening?: string;
  /** The shared folder: an absolute path. */
  dir: string;
  /**
   * `fingerprint`, 16 hex digits, tells one private swarm from another, and nothing of its key.
   * `encrypted` is there when other peers are talked to in TLS alone.
   */
  swarm: { private: false; encrypted?: true } | { private: true; fingerprint: string };
  /** Seconds since it started. */
  uptime: number;
  /** The bootstraps that it uses. */
  bootstraps: BootstrapStatus[];
  /** The shared files and folders, by name. */
  shares: SharedFile[];
  /** Downloads and uploads under way, and the last ones that ended. */
  transfers: Transfer[];
  /** Downloads that are not complete. */
  partials: PartialStatus[];
  /** Bytes since it started. */
  totals: { served: number; fetched: number };
}

/** One of its bootstraps, as a peer sees it. */
export interface BootstrapStatus {
  /** Its address: `HOST:PORT`. */
  address: string;
  /** `registered` is as it should be; `idle` until this peer serves; `legacy` knows no announcements; `standby` shares its registry with one that is registered. */
  state: "connecting" | "registered" | "standby" | "legacy" | "away" | "idle";
  /** The address under which the bootstrap lists this peer. */
  listed?: string;
  /** True if the bootstrap could call that address; undefined until that is known. */
  reachable?: boolean;
  /** The reason why it is away. */
  error?: string;
}

/** A peer as a bootstrap lists it. */
export interface ListedPeer {
  /** Its peer id; undefined for a legacy peer. */
  peer?: string;
  /** The host part of its address. */
  address: string;
  /** The port part of its address. */
  port: number;
  /** The program that it runs, and its version. */
  agent?: string;
  /** The number of names that it announces. */
  files?: number;
  /** True if it answered the bootstrap's last call back; null before the first was over. */
  reachable?: boolean | null;
  /** The labels that its user gave it. */
  labels?: Record<string, string>;
}

/** A peer that has a content of some name, in whole or in part. */
export interface ListedSource extends ListedPeer {
  /** The file id of the version that it has. */
  id: string;
  /** The peer id of that version's publisher. */
  publisher: string;
  /** The time of that version's announcement, in milliseconds since 1970. */
  time: number;
  /** The size of that version, in bytes. */
  size: number;
  /** True if its publisher has announced no newer version that any peer has. */
  newest: boolean;
  /** The part of the content that it has, from 0 to 1; null when it can't be asked. */
  progress: number | null;
}

/** A download or upload, under way or recently ended. */
export interface Transfer {
  /** Number within this run of the peer. */
  transfer: number;
  /** The name of the content. */
  name: string;
  /** File id, 64 hex digits; undefined before it was found. */
  id?: string;
  /** `down` is a download. */
  direction: "down" | "up";
  /** The state: see {@link TransferState}. */
  state: TransferState;
  /** Bytes that are there, or were sent. */
  bytes: number;
  /** Bytes in all; undefined before it was found. */
  size?: number;
  /** 0 to 100. */
  percent: number;
  /** Bytes per second, lately. */
  rate: number;
  /** Seconds to go at that rate. */
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
  /** Its address: `HOST:PORT`. */
  address: string;
  /** Its peer id; undefined for a legacy peer, and before it was connected. */
  peer?: string;
  /** The path by which it was reached last. */
  path?: Path;
  /**
   * `waiting` to be tried, `pausing` after a failure, `lost` until it is found again, `dropped` for
   * good.
   */
  state: "waiting" | "connecting" | "connected" | "pausing" | "lost" | "dropped";
  /** Bytes per second, lately. */
  rate: number;
  /** Bytes of this download that came from it. */
  bytes: number;
  /** Requests that had to be asked again. */
  retries: number;
  /** The reason why it isn't in use, if there is one. */
  error?: string;
}

/** A download that is not whole, and what of it is kept. */
export interface PartialStatus {
  /** The kind of content. */
  kind: ContentKind;
  /** The name that was asked for. */
  name: string;
  /** File id, 64 hex digits. */
  id: string;
  /** Bytes in all. */
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
