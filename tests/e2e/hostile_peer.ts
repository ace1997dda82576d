import { BootstrapClient } from "../../src/peer/discovery/bootstrap_client.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import type { Bytes } from "../support/bytes.ts";
import { honestAnswers, type PeerRequest } from "../support/honest_answers.ts";
import { referenceIdOf } from "../support/reference_tree.ts";
import { type RawEnd, Scripted } from "../support/sockets.ts";

/** The behaviour of a hostile peer on a connection; it has an identity of its own unless told another. */
export type Script = (end: RawEnd, identity?: Identity) => Promise<unknown>;

/** The announcement of a file by a peer. */
export interface Offer {
  name: string;
  id: string;
  size: number;
  /** A file, unless it is said to be a folder's manifest. */
  kind?: "folder";
  entries?: number;
  bytes?: number;
  /** The time of the announcement. Default now. */
  time?: number;
}

/**
 * Turns a right answer into a lie: the bytes that are sent in its place, and what comes after them:
 * the end of the connection at once, its end after those bytes have arrived, or silence for ever.
 */
export type Lie = (
  request: PeerRequest,
  honest: Bytes,
) => Uint8Array | { send?: Uint8Array; then: "close" | "finish" | "silence" };

/** The offer that fits a content. */
export function offerOf(name: string, content: Uint8Array): Offer {
  return { name, id: referenceIdOf(content), size: content.length };
}

/**
 * A peer written for tests: a TCP server with an identity of its own, listed by a real bootstrap as a
 * source of one file. It follows a script on each connection.
 */
export class HostilePeer {
  readonly address: string;
  readonly #server: Scripted;
  readonly #client: BootstrapClient;
  readonly #stop = new AbortController();
  #kept: Promise<void> = Promise.resolve();

  private constructor(server: Scripted, client: BootstrapClient) {
    this.#server = server;
    this.#client = client;
    this.address = `127.0.0.1:${server.address.port}`;
  }

  /** Resolves when the bootstrap lists it and what it offers. */
  static async create(
    bootstrap: string,
    offer: Offer,
    script: Script,
  ): Promise<HostilePeer> {
    const identity = await Identity.generate();
    const registered = Promise.withResolvers<void>();
    const client = new BootstrapClient(parseAddress(bootstrap, 1), {
      onStatus: ({ state }) => state === "registered" && registered.resolve(),
    });
    const peer = new HostilePeer(new Scripted((end) => script(end, identity)), client);
    const times = { mtime: 1_700_000_000_000, time: Date.now() };
    const announcement = await signAnnouncement(identity, { ...times, ...offer });
    peer.#kept = client.maintain({
      identity,
      port: peer.#server.address.port,
      announcements: () => [],
      signal: peer.#stop.signal,
    });
    await registered.promise;
    await client.announce([announcement]);
    return peer;
  }

  /** The connections so far. */
  get accepted(): number {
    return this.#server.accepted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#kept;
    this.#client.close();
    await this.#server[Symbol.asyncDispose]();
  }
}

/**
 * A script that serves `content`, and with a manifest the `files` of its folder, by the protocol's rules,
 * but for the lie.
 */
export function serving(
  content: Uint8Array,
  lie?: Lie,
  files: Uint8Array[] = [],
): Script {
  const honest = honestAnswers(content, files);
  return async (end, identity) => {
    for (let request; (request = await end.line());) {
      const right = await honest(request, identity);
      const said = lie?.(request, right) ?? right;
      const { send, then } = said instanceof Uint8Array ? { send: said, then: "go on" } : said;
      if (send?.length) await end.send(send);
      if (then === "close") return;
      if (then === "finish") await end.conn.closeWrite();
      if (then !== "go on") return await end.closed();
    }
  };
}
