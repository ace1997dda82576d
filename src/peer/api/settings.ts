import type { RelayLimits } from "../../meet/relay.ts";
import { Fault, quoted } from "../../fault.ts";
import type { Address } from "../../wire/connection.ts";
import type { ConfigChanges, ConfigView } from "./config.ts";

/** The default port of a bootstrap. */
export const BOOTSTRAP_PORT = 8_000;
/** The default port of a peer. */
export const PEER_PORT = 10_000;

/** Replies that a peer reads from disk and sends at a time, unless told otherwise, and at most: each costs 1 MiB of memory. */
export const UPLOAD_SLOTS = 16;
export const UPLOAD_SLOTS_CAP = 1_024;

/** Most characters in a host name, as the wire protocol has it. */
const HOST_CAP = 255;

/** The settings that a peer needs in order to start. */
export interface PeerSettings {
  /** The shared folder: an absolute path. State lives in `.shoal/` below it. */
  dir: string;
  /** Make `dir` if it is missing. Default false: a mistyped folder should be an error. */
  createDir?: boolean;
  /** Keep the state in this folder instead: an absolute path. */
  state?: string;
  /** Asked and registered with, all of them. */
  bootstraps: Address[];
  /** The address to listen at: one of this machine, or `*` for all. */
  host: string;
  /** 0 is any free port. */
  port: number;
  /**
   * Asks the bootstraps to list this in place of the address that they see. Port 0 stands for the
   * one that it listens on.
   */
  advertise?: Address;
  /** Labels for lists, such as its site or role. Default none. */
  labels?: Record<string, string>;
  /**
   * The file that holds the key of a private swarm: an absolute path. It is not read where a running
   * peer is asked. Default an open swarm.
   */
  swarmKey?: string;
  /** Talks to other peers in TLS alone, also in an open swarm. Default false. */
  encrypt?: boolean;
  /** The limits of what this peer relays for others of its private swarm. Default it does not. */
  relay?: RelayLimits;
  /** Finds peers in the same network by multicast, and is found. Default false. */
  lan?: boolean;
  /** Most bytes per second that are served; undefined is no limit. */
  limitUp?: number;
  /** Most bytes per second that are fetched; undefined is no limit. */
  limitDown?: number;
  /** Fetches unsigned contents, too, unless a request says otherwise. Default false. */
  unsigned?: boolean;
  /** Replies that are sent at a time. Default {@link UPLOAD_SLOTS}. */
  uploadSlots?: number;
  /** Set for a hand-over. */
  handover?: HandoverRole;
  /** The configuration of a peer that serves. */
  config?: ConfigSource;
}

/**
 * The part of a peer in a hand-over. Its bootstraps are those of an open swarm, and only bring it together
 * with others: nothing is announced there or asked for. It is told by itself what there is.
 */
export interface HandoverRole {
  /**
   * Called when a peer says that it has verified all of a content; returns how many have said so. Default
   * none is handed over by this peer.
   */
  onReceived?: (file: string, peer: string) => number;
}

/** A {@link ConfigView}, and the settings that follow from it. */
export type Configured = ConfigView & { settings: PeerSettings };

/** A config file, with what overrules it. Methods throw `usage` and `disk` Faults. */
export interface ConfigSource {
  read(): Promise<Configured>;
  /** Changes the file in one step, or not at all. */
  write(changes: ConfigChanges): Promise<Configured>;
}

/** A host name or IPv4 address, or an IPv6 address in brackets; then perhaps a port. */
const ADDRESS =
  /^(?:\[(?<v6>[0-9A-Fa-f:.]*:[0-9A-Za-z:._%-]*)\]|(?<name>[0-9A-Za-z._-]+))(?::(?<port>.*))?$/;
const BARE_IPV6 = /^[0-9A-Fa-f]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z._-]+)?$/;

/**
 * Reads `HOST:PORT`, `[::1]:PORT`, or either without its port, which then is `defaultPort`. A bare
 * IPv6 address is a host without a port. Port 0 is refused, unless it is the default. Throws a
 * `usage` Fault.
 */
export function parseAddress(text: string, defaultPort: number): Address {
  const parts: { name?: string; v6?: string; port?: string } | undefined = BARE_IPV6.test(text)
    ? { v6: text }
    : ADDRESS.exec(text)?.groups;
  const host = parts?.name ?? parts?.v6;
  if (!host || host.length > HOST_CAP) {
    throw new Fault(
      "usage",
      `${quoted(text)} is not an address: it must be HOST:PORT or [IPV6]:PORT`,
    );
  }
  const port = parts?.port === undefined ? defaultPort : parsePort(parts.port);
  if (port === 0 && defaultPort !== 0) {
    throw new Fault("usage", `${quoted(text)} is not an address: nothing can be reached at port 0`);
  }
  return { host, port };
}

/** Reads a number of upload slots. Throws a `usage` Fault. */
export function parseSlots(text: string): number {
  const slots = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (slots >= 1 && slots <= UPLOAD_SLOTS_CAP) return slots;
  const range = `it must be from 1 to ${UPLOAD_SLOTS_CAP}`;
  throw new Fault("usage", `${quoted(text)} is not a number of slots: ${range}`);
}

/** Reads a port: 1 to 65535, or 0 for any free one. Throws a `usage` Fault. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  if (!(port <= 65_535)) {
    throw new Fault("usage", `${quoted(text)} is not a port: it must be a number from 0 to 65535`);
  }
  return port;
}
