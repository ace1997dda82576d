import { BootstrapClient } from "../../src/peer/discovery/bootstrap_client.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import { type Bytes, concat } from "../support/bytes.ts";
import { type Greeting, helloReply } from "../support/prover.ts";
import { referenceDigests, referenceIdOf, referenceTree } from "../support/reference_tree.ts";
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

/** A request as it comes over the wire. */
interface WireRequest extends Greeting {
  action: string;
  id: number;
  file: string;
  level: number;
  page: number;
  first: number;
  count: number;
  files: string[];
}

/**
 * Turns a right answer into a lie: the bytes that are sent in its place, and what comes after them:
 * the end of the connection at once, its end after those bytes have arrived, or silence for ever.
 */
export type Lie = (
  request: WireRequest,
  honest: Bytes,
) => Uint8Array | { send?: Uint8Array; then: "close" | "finish" | "silence" };

/** The offer that fits a content. */
export function offerOf(name: string, content: Uint8Array): Offer {
  return { name, id: referenceIdOf(content), size: content.length };
}

/** A message and its payload, as they go over the wire. */
export function wireMessage(message: object, payload?: Uint8Array): Bytes {
  const full = payload ? { ...message, payload: payload.length } : message;
  const line = new TextEncoder().encode(JSON.stringify(full) + "\n");
  return concat(payload ? [line, payload] : [line]);
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
  const byId = new Map(files.map((file) => [referenceIdOf(file), file]));
  const { levels } = referenceTree(referenceDigests(content));
  const honest = async (request: WireRequest, identity?: Identity): Promise<Bytes> => {
    const { id } = request;
    switch (request.action) {
      case "hello":
        return wireMessage(await helloReply(request, identity));
      case "have":
        return wireMessage({ action: "map", id, complete: true });
      case "sources":
        return wireMessage({ action: "sources", id }, new TextEncoder().encode("[]"));
      case "get_digests":
        return wireMessage({ action: "digests", id }, levels[request.level][request.page]);
      case "get_chunks": {
        const at = request.first * 65_536;
        const run = content.subarray(at, at + request.count * 65_536);
        return wireMessage({ action: "chunks", id }, run);
      }
      case "get_files": {
        const whole = request.files.map((file) => byId.get(file)!);
        return wireMessage({ action: "files", id, count: whole.length }, concat(whole as Bytes[]));
      }
    }
    throw new Error(`nobody told this peer about ${request.action}`);
  };
  return async (end, identity) => {
    for (let request; (request = await end.line());) {
      const right = await honest(request, identity);
      const said = lie?.(request, right) ?? right;
      const { send, then } = said instanceof Uint8Array ? { send: said, then: "go on" } : said;
      if (send) await end.send(send);
      if (then === "close") return;
      if (then === "finish") await end.conn.closeWrite();
      if (then !== "go on") return await end.closed();
    }
  };
}
