import { abortable } from "../../async/retry.ts";
import { Caller } from "../../wire/caller.ts";
import type { Message } from "../../wire/codec.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import { PeerHello } from "../../wire/protocol.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { Self } from "./self.ts";

/** Downloads that share one connection, at most: half of the files that a callee tells news of on one. */
export const LINES_CAP = 32;

export interface ConnectionPoolOptions {
  /** What is said in `hello`. */
  self: () => Self;
  /** What all that is fetched keeps to; who has limits of its own has connections of its own. */
  limitDown: RateLimiter[];
}

/** A connection that lines lead over. */
interface Trunk {
  address: Address;
  lines: number;
  opening: ReturnType<typeof openTrunk>;
  /** Once it is open. */
  caller?: Caller;
  /** Gives up the opening. */
  abort: AbortController;
}

/** The connections to other peers: the downloads that fetch from one peer share one. */
export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  /** By address: the connections that take more lines. */
  readonly #trunks = new Map<string, Trunk>();

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /** A line to a peer. Throws a `network` Fault that says why there is none, or the signal's reason. */
  async open(
    address: Address,
    { signal, limits = this.#options.limitDown }: { signal: AbortSignal; limits?: RateLimiter[] },
  ): Promise<PeerConnection> {
    const { self, limitDown } = this.#options;
    if (limits.some((limit) => !limitDown.includes(limit))) {
      const { caller, peer } = await openTrunk(address, self(), { limits, signal });
      return new PeerConnection(caller, { peer, onClose: () => caller.close() });
    }
    const trunk = this.#trunkTo(address);
    trunk.lines++;
    try {
      const { caller, peer } = await abortable(trunk.opening, signal);
      return new PeerConnection(caller, { peer, onClose: () => this.#leave(trunk) });
    } catch (error) {
      this.#leave(trunk);
      throw error;
    }
  }

  #trunkTo(address: Address): Trunk {
    const key = formatAddress(address);
    const known = this.#trunks.get(key);
    if (known && known.lines < LINES_CAP && !known.caller?.connection.closed) return known;
    const abort = new AbortController();
    const { self, limitDown: limits } = this.#options;
    const opening = openTrunk(address, self(), { limits, signal: abort.signal });
    const trunk: Trunk = { address, lines: 0, opening, abort };
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
  /** The peer's id, as it says. */
  readonly peer: string;
  /** Resolves, with the reason, when the connection breaks. */
  readonly ended: Promise<unknown>;
  readonly #onClose: () => void;
  #stopListening: (() => void) | undefined;
  #open = true;

  constructor(caller: Caller, { peer, onClose }: { peer: string; onClose: () => void }) {
    this.caller = caller;
    this.peer = peer;
    this.#onClose = onClose;
    this.ended = caller.ended;
  }

  /** Hears the notices that come on the connection, the other lines' among them. */
  listen(onNotice: (notice: Message) => void): void {
    this.#stopListening = this.caller.listen(onNotice);
  }

  /** As {@link Caller.request}; it fails at once when this line is closed. */
  request: Caller["request"] = (message, schema, options, payload) => {
    return this.caller.request(message, schema, { ...options, owner: this }, payload);
  };

  /** What this line still waits for fails; the others' goes on. */
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
  self: Self,
  { limits, signal }: { limits: RateLimiter[]; signal: AbortSignal },
): Promise<{ caller: Caller; peer: string }> {
  const { agent, peer, port, transport } = self;
  const options = { agent, peer, port, transport, limitDown: limits, signal };
  const { caller, hello } = await Caller.open(address, PeerHello, options);
  return { caller, peer: hello.peer };
}
