import { AddressBook } from "./address_book.ts";
import { abortable } from "../../async/retry.ts";
import { requirePeer } from "../../trust/call_peer.ts";
import type { Caller } from "../../wire/caller.ts";
import type { Message } from "../../wire/codec.ts";
import { formatAddress } from "../../wire/connection.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { Path } from "../api/path.ts";
import { Ladder, type Reached } from "./ladder.ts";
import type { PeerPlace } from "./rung.ts";
import type { Self } from "./self.ts";

/** Downloads that share one connection, at most: half of the files that a callee tells news of on one. */
export const LINES_CAP = 32;

interface ConnectionPoolOptions {
  /** The words of `hello`. */
  self: () => Self;
  /** The limits of all that is fetched; a download with limits of its own has connections of its own. */
  limitDown: RateLimiter[];
  /** The ways to reach a peer. Default its addresses. */
  ladder?: Ladder;
}

interface OpenOptions {
  signal: AbortSignal;
  /** The limits of what arrives. Default those of the pool. */
  limits?: RateLimiter[];
  onConnected?: (line: PeerConnection) => void;
}

/** A connection that lines lead over. */
interface Trunk {
  key: string;
  lines: number;
  /** Resolves once `hello` is on its way, on a connection that may not be the one it comes to. */
  connected: Promise<Caller>;
  /** Resolves, with the peer's id, once that is answered. */
  opening: Promise<Reached>;
  /** Once it is open. */
  caller?: Caller;
  /** Gives up the opening. */
  abort: AbortController;
}

/** The connections to other peers: the downloads that fetch from one peer share one. */
export class ConnectionPool {
  /** The time when each peer may be tried again. */
  readonly book = new AddressBook();
  readonly #options: ConnectionPoolOptions;
  readonly #ladder: Ladder;
  /** By {@link keyOf}: the connections that take more lines. */
  readonly #trunks = new Map<string, Trunk>();

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.#ladder = options.ladder ?? new Ladder();
  }

  /**
   * A line to a peer. Throws a `network` Fault that says why there is none, or the signal's reason.
   * `onConnected` is called with a line once `hello` is on its way: what is requested there goes with
   * it, in the same round trip. It fails if that does, or if another connection comes first: then the
   * line that is returned is another.
   */
  async open(
    place: PeerPlace,
    { signal, limits = this.#options.limitDown, onConnected }: OpenOptions,
  ): Promise<PeerConnection> {
    const { limitDown } = this.#options;
    const isOwn = limits.some((limit) => !limitDown.includes(limit));
    const trunk = isOwn ? this.#newTrunk(place, limits) : this.#trunkTo(place);
    trunk.lines++;
    let line: PeerConnection | undefined;
    const lineOver = (caller: Caller) =>
      new PeerConnection(caller, { onClose: () => this.#leave(trunk) });
    try {
      line = lineOver(await abortable(trunk.connected, signal));
      onConnected?.(line);
      const reached = await abortable(trunk.opening, signal);
      const { caller } = reached;
      if (line.caller !== caller) {
        line.supersede();
        line = lineOver(caller);
      }
      return line.prove(reached, place.peer);
    } catch (error) {
      if (line) line.close();
      else this.#leave(trunk);
      throw error;
    }
  }

  #trunkTo(place: PeerPlace): Trunk {
    const key = keyOf(place);
    const known = this.#trunks.get(key);
    if (known && known.lines < LINES_CAP && !known.caller?.connection.closed) return known;
    const trunk = this.#newTrunk(place, this.#options.limitDown);
    this.#trunks.set(key, trunk);
    return trunk;
  }

  #newTrunk(place: PeerPlace, limitDown: RateLimiter[]): Trunk {
    const abort = new AbortController();
    const { signal } = abort;
    const { promise: connected, resolve, reject } = Promise.withResolvers<Caller>();
    const { agent, peer, port, transport } = this.#options.self();
    const peers = new Set(place.peer === undefined ? [] : [place.peer]);
    const opening = this.#ladder.reach(place, {
      agent,
      peer,
      port,
      transport,
      limitDown,
      peers,
      signal,
      onConnected: resolve,
    });
    opening.catch(reject);
    connected.catch(() => {}); // each caller that waits for it gets the failure
    const trunk: Trunk = { key: keyOf(place), lines: 0, connected, opening, abort };
    opening.then(({ caller }) => {
      trunk.caller = caller;
      // Everybody may have left while it was being opened.
      if (signal.aborted) caller.close();
      return caller.ended;
    }, () => {}).then(() => this.#forget(trunk));
    return trunk;
  }

  /** The last one closes the connection. */
  #leave(trunk: Trunk): void {
    if (--trunk.lines > 0) return;
    this.#forget(trunk);
    trunk.abort.abort();
    trunk.caller?.close();
  }

  #forget(trunk: Trunk): void {
    if (this.#trunks.get(trunk.key) === trunk) this.#trunks.delete(trunk.key);
  }
}

/** One download's part in the connection to a peer. */
export class PeerConnection {
  readonly caller: Caller;
  /** The peer's id, once it has proven it; empty before. */
  peer = "";
  /** The path by which it was reached, once it has. */
  path: Path = "direct";
  /** The address at which it was reached, once it has been. */
  where = "";
  /** Resolves, with the reason, when the connection breaks. */
  readonly ended: Promise<unknown>;
  readonly #onClose: () => void;
  #stopListening: (() => void) | undefined;
  #open = true;

  constructor(caller: Caller, { onClose }: { onClose: () => void }) {
    this.caller = caller;
    this.#onClose = onClose;
    this.ended = caller.ended;
  }

  /** Notes the id that the peer has proven. Closes, and throws a WrongPeer, when it must be another. */
  prove({ peer, path, where }: Reached, expected: string | undefined): this {
    try {
      requirePeer(String(this.caller.connection), peer, expected);
    } catch (error) {
      this.close();
      throw error;
    }
    this.peer = peer;
    this.path = path;
    this.where = where;
    return this;
  }

  /** Closes this part alone: another one takes its place. */
  supersede(): void {
    this.#open = false;
    this.#stopListening?.();
    this.caller.leave(this);
  }

  /** Hears the notices that come on the connection, the other lines' among them. */
  listen(onNotice: (notice: Message) => void): void {
    this.#stopListening = this.caller.listen(onNotice);
  }

  /** As {@link Caller.request}; it fails at once when this line is closed. */
  request: Caller["request"] = (message, schema, options, payload) => {
    return this.caller.request(message, schema, { ...options, owner: this }, payload);
  };

  /** Closes this part: its requests fail, those of the others continue. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stopListening?.();
    this.#onClose();
    this.caller.leave(this);
  }
}

/** The key of a peer: its id, or where nobody says that, its first address. */
export function keyOf({ peer, addresses }: PeerPlace): string {
  return peer ?? (addresses[0] ? formatAddress(addresses[0]) : "");
}
