import { AddressBook } from "./address_book.ts";
import { abortable, Backoff, delay } from "../../async/retry.ts";
import { Fault } from "../../fault.ts";
import { requirePeer } from "../../trust/call_peer.ts";
import type { Caller } from "../../wire/caller.ts";
import type { Message } from "../../wire/codec.ts";
import { formatAddress } from "../../wire/connection.ts";
import type { RateLimiter } from "../../async/rate_limiter.ts";
import type { Path } from "../api/path.ts";
import { Ladder, type Reached, type ReachOptions } from "./ladder.ts";
import type { PeerPlace } from "./rung.ts";
import type { Self } from "./self.ts";

/** Connections to one peer besides the first, at most, of all downloads together. */
export const FURTHER_CAP = 3;
/** Downloads that share one connection, at most: half of the files that a callee tells news of on one. */
export const LINES_CAP = 32;

/** Pauses before a better path than a relay is tried again, in milliseconds. */
const BETTER_MS = { first: 3_000, longest: 300_000 };

interface ConnectionPoolOptions {
  /** The words of `hello`. */
  self: () => Omit<Self, "peer"> & { peer?: string };
  /** The limits of all that is fetched; a download with limits of its own has connections of its own. */
  limitDown: RateLimiter[];
  /** The ways to reach a peer. Default its addresses. */
  ladder?: Ladder;
}

interface OpenOptions {
  signal: AbortSignal;
  /** The limits of what arrives. Default those of the pool. */
  limits?: RateLimiter[];
  /** One more connection to a peer to which there is one; it is not shared. Default false. */
  further?: boolean;
  onConnected?: (line: PeerConnection) => void;
}

/** A connection that lines lead over. */
interface Trunk {
  key: string;
  isFurther: boolean;
  lines: number;
  /** Resolves once `hello` is on its way, on a connection that may not be the one it comes to. */
  connected: Promise<Caller>;
  /** Resolves, with the peer's id, once that is answered. */
  opening: Promise<Reached>;
  /** The lines that have proven the peer's id: they go with it to a better path. */
  moving: Set<PeerConnection>;
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
  /** The number of callers of {@link hold} that have not ended it. */
  #holds = 0;
  /** Connections that no line leads over, and that are held. */
  readonly #idle = new Set<Trunk>();
  /** The number of further connections, by {@link keyOf}. */
  readonly #further = new Map<string, number>();

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
    { signal, limits = this.#options.limitDown, further = false, onConnected }: OpenOptions,
  ): Promise<PeerConnection> {
    const { limitDown } = this.#options;
    const isOwn = further || limits.some((limit) => !limitDown.includes(limit));
    const trunk = isOwn ? this.#newTrunk(place, limits, further) : this.#trunkTo(place);
    trunk.lines++;
    let line: PeerConnection | undefined;
    const lineOver = (caller: Caller): PeerConnection => {
      const line = new PeerConnection(caller, {
        onClose: () => {
          trunk.moving.delete(line);
          this.#leave(trunk);
        },
      });
      return line;
    };
    try {
      line = lineOver(await abortable(trunk.connected, signal));
      onConnected?.(line);
      const reached = await abortable(trunk.opening, signal);
      const { caller } = reached;
      if (line.caller !== caller) {
        line.supersede();
        line = lineOver(caller);
      }
      trunk.moving.add(line.prove(reached, place.peer));
      return line;
    } catch (error) {
      if (line) line.close();
      else this.#leave(trunk);
      throw error;
    }
  }

  /**
   * Keeps connections open that no download uses, for the next one, until it is disposed of. Anew they take
   * round trips, and begin slowly.
   */
  hold(): Disposable {
    this.#holds++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#holds > 0) return;
        for (const trunk of this.#idle) this.#close(trunk);
        this.#idle.clear();
      },
    };
  }

  #trunkTo(place: PeerPlace): Trunk {
    const key = keyOf(place);
    const known = this.#trunks.get(key);
    if (known && known.lines < LINES_CAP && !known.caller?.connection.closed) {
      this.#idle.delete(known);
      return known;
    }
    const trunk = this.#newTrunk(place, this.#options.limitDown);
    this.#trunks.set(key, trunk);
    return trunk;
  }

  /** True while one more connection may be opened to a peer. */
  hasFurther(place: PeerPlace): boolean {
    return (this.#further.get(keyOf(place)) ?? 0) < FURTHER_CAP;
  }

  #countFurther(key: string, by: 1 | -1): void {
    if (by === 1 && (this.#further.get(key) ?? 0) >= FURTHER_CAP) {
      throw new Fault(
        "network",
        `Cannot connect to "${key}" once more: there are enough connections`,
      );
    }
    const count = (this.#further.get(key) ?? 0) + by;
    if (count > 0) this.#further.set(key, count);
    else this.#further.delete(key);
  }

  #newTrunk(place: PeerPlace, limitDown: RateLimiter[], further = false): Trunk {
    const key = keyOf(place);
    if (further) this.#countFurther(key, 1);
    const abort = new AbortController();
    const { signal } = abort;
    const { promise: connected, resolve, reject } = Promise.withResolvers<Caller>();
    const { agent, peer, port, transport } = this.#options.self();
    const about = { agent, peer, port, transport };
    const options = { ...about, limitDown, signal, further, onConnected: resolve };
    // What others must help with is done once.
    const ladder = further ? new Ladder() : this.#ladder;
    const opening = ladder.reach(place, options);
    opening.catch(reject);
    connected.catch(() => {}); // each caller that waits for it gets the failure
    const trunk: Trunk = {
      ...{ key, isFurther: further, lines: 0, moving: new Set(), connected, opening, abort },
    };
    opening.then((reached) => {
      // Everybody may have left while it was being opened.
      if (signal.aborted) reached.caller.close();
      this.#use(trunk, reached);
      if (reached.path === "relayed") void this.#improve(trunk, place, options);
    }, () => this.#forget(trunk));
    return trunk;
  }

  /** Has a connection be the one that all lines lead over. */
  #use(trunk: Trunk, reached: Reached): void {
    const { caller } = reached;
    trunk.caller = caller;
    trunk.opening = Promise.resolve(reached);
    trunk.connected = Promise.resolve(caller);
    caller.ended.then(() => {
      if (trunk.caller === caller) this.#forget(trunk);
    });
  }

  /** Tries better paths than a relay now and again, and moves all lines to the first that is found. */
  async #improve(trunk: Trunk, place: PeerPlace, options: ReachOptions): Promise<void> {
    const backoff = new Backoff(BETTER_MS);
    const before = trunk.caller!;
    const { signal } = trunk.abort;
    const isOver = () => signal.aborted || before.connection.closed;
    while (!isOver()) {
      try {
        await delay(backoff.next(), signal);
        if (isOver()) return;
        const { onConnected: _, ...rest } = options;
        const reached = await this.#ladder.reachBetter(place, "relayed", rest);
        if (isOver()) return reached.caller.close();
        this.#use(trunk, reached);
        for (const line of trunk.moving) line.move(reached);
        // What is under way there is not fetched twice.
        return before.retire();
      } catch {
        // The relay carries on.
      }
    }
  }

  /** The last one closes the connection, unless it is held. */
  #leave(trunk: Trunk): void {
    if (--trunk.lines > 0) return;
    const isShared = this.#trunks.get(trunk.key) === trunk;
    if (this.#holds > 0 && isShared && trunk.caller && !trunk.caller.connection.closed) {
      this.#idle.add(trunk);
    } else this.#close(trunk);
  }

  #close(trunk: Trunk): void {
    this.#forget(trunk);
    trunk.abort.abort();
    trunk.caller?.close();
    if (trunk.isFurther) this.#countFurther(trunk.key, -1);
  }

  #forget(trunk: Trunk): void {
    if (this.#trunks.get(trunk.key) === trunk) this.#trunks.delete(trunk.key);
  }
}

/** One download's part in the connection to a peer. */
export class PeerConnection {
  /** The peer's id, once it has proven it; empty before. */
  peer = "";
  /** The path by which it was reached, once it has. */
  path: Path = "direct";
  /** The address at which it was reached, once it has been. */
  where = "";
  /** Called after it has moved to a better path. */
  onMoved: () => void = () => {};
  readonly #ended = Promise.withResolvers<unknown>();
  readonly #onClose: () => void;
  #caller: Caller;
  /** The connections that it had before. */
  readonly #former: Caller[] = [];
  #onNotice: ((notice: Message) => void) | undefined;
  #stopListening: (() => void) | undefined;
  #open = true;

  constructor(caller: Caller, { onClose }: { onClose: () => void }) {
    this.#caller = caller;
    this.#onClose = onClose;
    this.#watch(caller);
  }

  /** The connection at this time. */
  get caller(): Caller {
    return this.#caller;
  }

  /** Resolves, with the reason, when the connection breaks. */
  get ended(): Promise<unknown> {
    return this.#ended.promise;
  }

  /** Goes on over another connection to the same peer; what is under way is still answered. */
  move({ caller, path, where }: Reached): void {
    this.#former.push(this.#caller);
    this.#caller = caller;
    this.#watch(caller);
    Object.assign(this, { path, where });
    this.#stopListening?.();
    if (this.#onNotice) this.#stopListening = caller.listen(this.#onNotice);
    this.onMoved();
  }

  #watch(caller: Caller): void {
    caller.ended.then((reason) => {
      if (this.#caller === caller) this.#ended.resolve(reason);
    });
  }

  /** Notes the id that the peer has proven. Closes, and throws a WrongPeer, when it must be another. */
  prove({ peer, path, where }: Reached, expected: string | undefined): this {
    try {
      requirePeer(String(this.caller.connection), peer, expected);
    } catch (error) {
      this.close();
      throw error;
    }
    return Object.assign(this, { peer, path, where });
  }

  /** Closes this part alone: another one takes its place. */
  supersede(): void {
    this.#open = false;
    this.#stopListening?.();
    this.caller.leave(this);
  }

  /** Hears the notices that come on the connection, the other lines' among them. */
  listen(onNotice: (notice: Message) => void): void {
    this.#onNotice = onNotice;
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
    for (const caller of [this.caller, ...this.#former]) caller.leave(this);
    this.#onClose();
  }
}

/** The key of a peer: its id, or where nobody says that, its first address. */
export function keyOf({ peer, addresses }: PeerPlace): string {
  return peer ?? (addresses[0] ? formatAddress(addresses[0]) : "");
}
