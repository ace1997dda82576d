import { AddressBook } from "./address_book.ts";
import { abortable } from "../../async/retry.ts";
import { callPeer, requirePeer } from "../../trust/call_peer.ts";
import type { Caller } from "../../wire/caller.ts";
import type { Message } from "../../wire/codec.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { Self } from "./self.ts";

/** Downloads that share one connection, at most: half of the files that a callee tells news of on one. */
export const LINES_CAP = 32;

interface ConnectionPoolOptions {
  /** The words of `hello`. */
  self: () => Self;
  /** The limits of all that is fetched; a download with limits of its own has connections of its own. */
  limitDown: RateLimiter[];
}

interface OpenOptions {
  signal: AbortSignal;
  /** The ids of which the peer must have one; none for any. */
  expected: ReadonlySet<string>;
  /** The limits of what arrives. Default those of the pool. */
  limits?: RateLimiter[];
  onConnected?: (line: PeerConnection) => void;
}

/** A connection that lines lead over. */
interface Trunk {
  address: Address;
  lines: number;
  /** Resolves once `hello` is on its way. */
  connected: Promise<Caller>;
  /** Resolves, with the peer's id, once that is answered. */
  opening: Promise<{ caller: Caller; peer: string }>;
  /** Once it is open. */
  caller?: Caller;
  /** Gives up the opening. */
  abort: AbortController;
}

/** The connections to other peers: the downloads that fetch from one peer share one. */
export class ConnectionPool {
  /** The time when each of their addresses may be tried again. */
  readonly book = new AddressBook();
  readonly #options: ConnectionPoolOptions;
  /** By address: the connections that take more lines. */
  readonly #trunks = new Map<string, Trunk>();

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /**
   * A line to a peer. Throws a `network` Fault that says why there is none, or the signal's reason.
   * `onConnected` is called with the line once `hello` is on its way: what is requested there goes with
   * it, in the same round trip, and fails if that does.
   */
  async open(
    address: Address,
    { signal, expected, limits = this.#options.limitDown, onConnected }: OpenOptions,
  ): Promise<PeerConnection> {
    const { self, limitDown } = this.#options;
    if (limits.some((limit) => !limitDown.includes(limit))) {
      let line: PeerConnection | undefined;
      const { caller, peer } = await openTrunk(address, self(), {
        limits,
        expected,
        signal,
        onConnected: (caller) => {
          line = new PeerConnection(caller, { onClose: () => caller.close() });
          onConnected?.(line);
        },
      });
      line ??= new PeerConnection(caller, { onClose: () => caller.close() });
      return line.prove(peer, expected);
    }
    const trunk = this.#trunkTo(address, expected);
    trunk.lines++;
    let line: PeerConnection | undefined;
    try {
      const caller = await abortable(trunk.connected, signal);
      line = new PeerConnection(caller, { onClose: () => this.#leave(trunk) });
      onConnected?.(line);
      return line.prove((await abortable(trunk.opening, signal)).peer, expected);
    } catch (error) {
      if (line) line.close();
      else this.#leave(trunk);
      throw error;
    }
  }

  #trunkTo(address: Address, expected: ReadonlySet<string>): Trunk {
    const key = formatAddress(address);
    const known = this.#trunks.get(key);
    if (known && known.lines < LINES_CAP && !known.caller?.connection.closed) return known;
    const abort = new AbortController();
    const { self, limitDown: limits } = this.#options;
    const { promise: connected, resolve, reject } = Promise.withResolvers<Caller>();
    const opening = openTrunk(address, self(), {
      limits,
      expected,
      signal: abort.signal,
      onConnected: resolve,
    });
    opening.catch(reject);
    connected.catch(() => {}); // each caller that waits for it gets the failure
    const trunk: Trunk = { address, lines: 0, connected, opening, abort };
    this.#trunks.set(key, trunk);
    opening.then(({ caller }) => {
      trunk.caller = caller;
      // Everybody may have left while it was being opened.
      if (abort.signal.aborted) caller.close();
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
    const key = formatAddress(trunk.address);
    if (this.#trunks.get(key) === trunk) this.#trunks.delete(key);
  }
}

/** One download's part in the connection to a peer. */
export class PeerConnection {
  readonly caller: Caller;
  /** The peer's id, once it has proven it; empty before. */
  peer = "";
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
  prove(peer: string, expected: ReadonlySet<string>): this {
    try {
      requirePeer(String(this.caller.connection), peer, expected);
    } catch (error) {
      this.close();
      throw error;
    }
    this.peer = peer;
    return this;
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

async function openTrunk(
  address: Address,
  { agent, peer, port, transport }: Self,
  { limits: limitDown, expected: peers, signal, onConnected }: {
    limits: RateLimiter[];
    expected: ReadonlySet<string>;
    signal: AbortSignal;
    onConnected: (caller: Caller) => void;
  },
): Promise<{ caller: Caller; peer: string }> {
  const options = { agent, peer, port, transport, limitDown, peers, signal, onConnected };
  return await callPeer(address, options);
}
