import type {
  GetOptions,
  GetRequest,
  ListedFile,
  ListedPeer,
  PartialStatus,
  PeerEvent,
  PeerStatus,
  Plan,
  Receipt,
  SharedFile,
  ShareOptions,
  ShareResult,
  StreamRequest,
  TrustEntry,
} from "../peer/api/peer_api.ts";
import { BOOTSTRAP_PORT, parseAddress, type PeerSettings } from "../peer/api/settings.ts";
import { PeerNode } from "../peer/node.ts";
import { absolutePath, currentFolder } from "../system/paths.ts";
import type { PrivateTransport } from "../trust/tls/private_transport.ts";
import { EVERYWHERE } from "../wire/wildcard_host.ts";
import type { Handover, HandoverOptions, ReceivingOptions } from "./handover.ts";
import { transportOf } from "./transport_of.ts";

/** The part that a peer takes in its swarm. */
export interface PeerMode {
  /**
   * Listen, register with the bootstraps and serve what is shared. Without, it only asks and fetches.
   *
   * @default {true}
   */
  serve?: boolean;
  /** With `serve`: go on with unfinished downloads by itself. @default {true} */
  resume?: boolean;
}

/** The settings of a peer. */
export interface PeerOptions extends PeerMode {
  /** The shared folder. Its state lies in `.shoal` below it; one process at a time may open it. */
  dir: string;
  /** Make the folder if it is missing. @default {false} */
  createDir?: boolean;
  /** `HOST:PORT` of each bootstrap. @default {"127.0.0.1:8000"} */
  bootstrap?: string | string[];
  /** The address to listen at: one of this machine, or `*` for all. @default {"*"} */
  host?: string;
  /** The port to listen at; 0 is any free one. @default {0} */
  port?: number;
  /** `HOST[:PORT]` that bootstraps list in place of the address that they see. */
  advertise?: string;
  /** The path of a private swarm's key file. Default none: an open swarm. */
  swarmKey?: string;
  /** Talk to other peers in TLS alone, also in an open swarm. @default {false} */
  encrypt?: boolean;
  /** Most bytes per second that are served. Default no limit. */
  limitUp?: number;
  /** Most bytes per second that are fetched. Default no limit. */
  limitDown?: number;
  /** Replies that are sent at a time. @default {16} */
  uploadSlots?: number;
}

/** A download, as {@link Peer.get} is asked for it: the names are those of the control API. */
export type FetchOptions = Omit<GetRequest, "name"> & GetOptions;

/** A download, as {@link Peer.stream} is asked for it. */
export type ReadOptions = Omit<StreamRequest, "name"> & GetOptions;

/** Which download of a name is meant, where there are several: a file id, or its beginning. */
export interface WhichDownload {
  /** A file id, or its first 8 or more hex digits. Default all of that name. */
  id?: string;
}

/**
 * A peer in this process: shares files of its folder, and fetches those of others. Every method
 * throws a {@link Fault}, whose `kind` says what to do about it. Several peers can be open at a time,
 * each with a folder of its own. Nothing is printed, and no signal is handled.
 *
 * @example Share a file and fetch it
 * ```ts
 * import { Bootstrap, Peer } from "shoal";
 *
 * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
 * const swarm = { bootstrap: bootstrap.address, host: "127.0.0.1", createDir: true };
 * await using alice = await Peer.open({ ...swarm, dir: "alice" });
 * await using bob = await Peer.open({ ...swarm, dir: "bob" });
 *
 * await Deno.writeTextFile("alice/greeting.txt", "hello");
 * await alice.share("greeting.txt");
 * const receipt = await bob.get("greeting.txt", { wait: 10_000 });
 *
 * if ((await Deno.stat("bob/greeting.txt")).size !== 5) throw new Error("not the same");
 * if (receipt.publisher !== alice.id) throw new Error("somebody else's");
 * ```
 */
export class Peer implements AsyncDisposable {
  readonly #node: PeerNode;
  readonly #settings: PeerSettings;

  private constructor(node: PeerNode, settings: PeerSettings) {
    this.#node = node;
    this.#settings = settings;
  }

  /**
   * Opens the peer of a folder, and has it serve. Throws a {@link Fault}: `usage` or `disk` for a
   * folder, key or setting that can't be used, `held` when another process or peer has the folder,
   * `network` when the address can't be listened at.
   *
   * @example Only fetch, and serve nothing
   * ```ts
   * import { Peer } from "shoal";
   *
   * await using peer = await Peer.open({ dir: "downloads", createDir: true, serve: false });
   * const { listening } = await peer.status();
   * if (listening !== undefined) throw new Error(listening);
   * ```
   */
  static async open(options: PeerOptions): Promise<Peer> {
    const { bootstrap = `127.0.0.1:${BOOTSTRAP_PORT}`, dir, advertise, swarmKey } = options;
    const { host = EVERYWHERE, port = 0, serve, resume, ...rest } = options;
    const settings: PeerSettings = {
      ...rest,
      host,
      port,
      dir: absolutePath(dir),
      bootstraps: [bootstrap].flat().map((text) => parseAddress(text, BOOTSTRAP_PORT)),
      advertise: advertise === undefined ? undefined : parseAddress(advertise, 0),
      swarmKey: swarmKey === undefined ? undefined : absolutePath(swarmKey),
    };
    return await Peer.openWith(settings, { serve, resume });
  }

  /**
   * As {@link Peer.open}, with the settings as the command line has them. `transport` is that of a
   * private swarm, where it is known already.
   *
   * @internal
   */
  static async openWith(
    settings: PeerSettings,
    { serve = true, resume = true }: PeerMode = {},
    transport?: PrivateTransport,
  ): Promise<Peer> {
    transport ??= await transportOf(settings);
    const peer = new Peer(await PeerNode.open(settings, transport), settings);
    try {
      if (serve) await peer.#node.serve({ resume });
      return peer;
    } catch (error) {
      await peer.close();
      throw error;
    }
  }

  /**
   * The peer without its wrapping, for what serves it over HTTP.
   *
   * @internal
   */
  get node(): PeerNode {
    return this.#node;
  }

  /** The id of this peer: its public key, 64 hex digits. */
  get id(): string {
    return this.#node.id;
  }

  /**
   * Shares a file or folder: a name under the shared folder, or a path anywhere. It is hashed unless it
   * is known and unchanged.
   *
   * @example
   * ```ts
   * import { Peer } from "shoal";
   *
   * await using peer = await Peer.open({ dir: "pictures", createDir: true, serve: false });
   * await Deno.writeTextFile("pictures/cat.txt", "miaow");
   * const { name, size } = await peer.share("cat.txt");
   * if (name !== "cat.txt" || size !== 5) throw new Error(`${name} has ${size} bytes`);
   * ```
   */
  share(path: string, options: ShareOptions & { watch?: boolean } = {}): Promise<ShareResult> {
    const { watch, ...rest } = options;
    return this.#node.share({ file: path, cwd: currentFolder(), watch }, rest);
  }

  /** Stops sharing a name; the file itself is left alone. Throws `not_found`. */
  unshare(name: string): Promise<SharedFile> {
    return this.#node.unshare(name);
  }

  /**
   * Fetches a file or folder to disk. Nothing stands at the destination before it is complete and
   * verified; what an earlier try fetched is used. Relative paths start at the current folder.
   *
   * @example Stop it, and read why
   * ```ts
   * import { Fault, Peer } from "shoal";
   *
   * await using peer = await Peer.open({ dir: "downloads", createDir: true, serve: false, bootstrap: "127.0.0.1:1" });
   * try {
   *   await peer.get("film.mkv", { onProgress: ({ bytes, size }) => void [bytes, size] });
   * } catch (error) {
   *   if (!(error instanceof Fault) || error.kind !== "network") throw error;
   * }
   * ```
   */
  async get(name: string, options: FetchOptions = {}): Promise<Receipt> {
    const { signal, onProgress, onEvent, ...request } = options;
    return await this.#node.get(requestOf(name, request), { signal, onProgress, onEvent });
  }

  /** Returns what {@link Peer.get} would do. Nothing is fetched, and no publisher is remembered. */
  async plan(
    name: string,
    options: Omit<FetchOptions, "onProgress" | "onEvent"> = {},
  ): Promise<Plan> {
    const { signal, ...request } = options;
    return await this.#node.plan(requestOf(name, request), { signal });
  }

  /**
   * Streams a file in order; every byte is verified before it is read. The download goes no faster than
   * the stream is read, and ends when it is cancelled. It fails with the Fault of the download.
   *
   * @example
   * ```ts
   * import { Bootstrap, Peer } from "shoal";
   *
   * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
   * const swarm = { bootstrap: bootstrap.address, host: "127.0.0.1", createDir: true };
   * await using source = await Peer.open({ ...swarm, dir: "source" });
   * await using reader = await Peer.open({ ...swarm, dir: "reader", serve: false });
   * await Deno.writeTextFile("source/poem.txt", "roses are red");
   * await source.share("poem.txt");
   *
   * const text = await new Response(reader.stream("poem.txt", { wait: 10_000 })).text();
   * if (text !== "roses are red") throw new Error(text);
   * ```
   */
  stream(name: string, options: ReadOptions = {}): ReadableStream<Uint8Array> {
    const { signal, onProgress, onEvent, ...request } = options;
    const gone = new AbortController();
    const signals = signal ? [signal, gone.signal] : [gone.signal];
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const work = this.#node.stream({ ...request, name }, writable, {
      onProgress,
      onEvent,
      signal: AbortSignal.any(signals),
    });
    const reader = readable.getReader();
    const failed = work.then(() => new Promise<never>(() => {}));
    // It is thrown to the reader; without one there is nobody to hear of it.
    failed.catch(() => {});
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        const { value, done } = await Promise.race([reader.read(), failed]);
        if (!done) return controller.enqueue(value);
        await work;
        controller.close();
      },
      async cancel(reason) {
        gone.abort(reason ?? new DOMException("the reader went away", "AbortError"));
        await work.catch(() => {});
      },
    }, { highWaterMark: 0 });
  }

  /**
   * Lists the swarm's files, names in order. `pattern` is a glob, by default all.
   *
   * @example
   * ```ts
   * import { Bootstrap, Peer } from "shoal";
   *
   * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
   * await using peer = await Peer.open({ dir: "files", createDir: true, bootstrap: bootstrap.address });
   * for await (const { name, size } of peer.list("*.iso")) throw new Error(`${name}: ${size}`);
   * ```
   */
  list(pattern?: string): AsyncGenerator<ListedFile> {
    return this.#node.listFiles(pattern);
  }

  /** Lists every version of a name that any peer has, the newest of each publisher first. */
  versions(name: string): Promise<ListedFile[]> {
    return this.#node.listVersions(name);
  }

  /** Lists the active peers of the swarm. */
  peers(): Promise<ListedPeer[]> {
    return this.#node.listPeers();
  }

  /** Returns the state of this peer: its shares, transfers, bootstraps and totals. */
  status(): Promise<PeerStatus> {
    return this.#node.status();
  }

  /**
   * Yields what happens from this call on, until the peer is closed or the signal aborts. Of a reader
   * that is far behind, the oldest events are dropped, and `missed` says how many.
   *
   * @example Wait for the first share
   * ```ts
   * import { Peer } from "shoal";
   *
   * await using peer = await Peer.open({ dir: "files", createDir: true, serve: false });
   * const events = peer.events();
   * await Deno.writeTextFile("files/a.txt", "a");
   * await peer.share("a.txt");
   * for await (const event of events) {
   *   if (event.event === "shared" && event.file.name === "a.txt") break;
   * }
   * ```
   */
  events(options: { signal?: AbortSignal } = {}): AsyncGenerator<PeerEvent, void> {
    return this.#node.events(options);
  }

  /** Ends the downloads of a name, and removes what there is of them. Throws `not_found`. */
  cancel(name: string, { id }: WhichDownload = {}): Promise<PartialStatus[]> {
    return this.#node.cancel({ name, id });
  }

  /** Stops the downloads of a name until {@link Peer.resume}. Throws `not_found`. */
  pause(name: string, { id }: WhichDownload = {}): Promise<PartialStatus[]> {
    return this.#node.pause({ name, id });
  }

  /** Goes on with the downloads of a name that were paused. Throws `not_found`. */
  async resume(name: string, { id }: WhichDownload = {}): Promise<PartialStatus[]> {
    return await this.#node.resume({ name, id });
  }

  /**
   * Hands files and folders over by a code, a number and words. Resolves once there is
   * a code; `done` resolves when all receivers have verified all of it. Nothing of it is shared with
   * others. The code is agreed on through this peer's bootstraps.
   *
   * @example
   * ```ts
   * import { Bootstrap, Peer } from "shoal";
   *
   * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
   * const swarm = { bootstrap: bootstrap.address, createDir: true, serve: false };
   * await using ann = await Peer.open({ ...swarm, dir: "ann" });
   * await using ben = await Peer.open({ ...swarm, dir: "ben" });
   * await Deno.writeTextFile("ann/letter.txt", "dear Ben");
   *
   * const { code, done } = await ann.send(["ann/letter.txt"]);
   * const [receipt] = await ben.receive(code, { output: "ben" });
   *
   * if ((await done).received !== 1) throw new Error("not received");
   * if (receipt?.size !== 8) throw new Error("not the letter");
   * ```
   */
  async send(paths: string[], options: HandoverOptions = {}): Promise<Handover> {
    const { beginSending } = await import("./handover.ts");
    return await beginSending(paths, options, this.#settings);
  }

  /**
   * Receives what another peer hands over, by its code. What is at the destination is never replaced.
   * Throws `integrity` where the words don't fit, and `not_found` where there is no such hand-over.
   */
  async receive(code: string, options: ReceivingOptions = {}): Promise<Receipt[]> {
    const { receiveAll } = await import("./handover.ts");
    return await receiveAll(code, options, this.#settings);
  }

  /** Lists the remembered publishers, by name. */
  trust(): Promise<TrustEntry[]> {
    return this.#node.trust();
  }

  /**
   * Remembers a publisher for a name, in place of any other: a peer id or its beginning, by default the
   * only one that offers the name. Throws `not_found` and `ambiguous`.
   */
  accept(name: string, publisher?: string): Promise<TrustEntry> {
    return this.#node.accept({ name, publisher });
  }

  /** Forgets the publisher that is remembered for a name. Throws `not_found`. */
  forget(name: string): Promise<TrustEntry> {
    return this.#node.forget(name);
  }

  /** Says goodbye, ends what is under way, and frees the folder. */
  async close(): Promise<void> {
    await this.#node.close();
  }

  /** As {@link Peer.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function requestOf(name: string, request: Omit<GetRequest, "name">): GetRequest {
  const { output, reuse } = request;
  return {
    ...request,
    name,
    output: output === undefined ? undefined : absolutePath(output),
    reuse: reuse?.map((path) => absolutePath(path)),
  };
}
