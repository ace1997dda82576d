/**
 * Peers of the same swarm in the same network, without a bootstrap. A peer that listens says so by
 * multicast, and answers those that ask; what it shares is asked over TCP, once it has proven its id.
 * Beacons are anybody's word: they are counted, and lead to addresses of attached networks alone.
 */
import { getLogger } from "@logtape/logtape";
import { timeoutSignal } from "../../async/deadline.ts";
import { LruMap } from "../../async/lru_map.ts";
import { abortable, delay } from "../../async/retry.ts";
import { TokenBucket } from "../../async/token_bucket.ts";
import { Fault, messageOf } from "../../fault.ts";
import { isAttached } from "../../wire/attached.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import type { Directory, NearbyDirectories } from "../discovery/directory.ts";
import type { ConnectionPool } from "../reach/connection_pool.ts";
import { BeaconCodec } from "./beacon.ts";
import { LanPeer } from "./lan_peer.ts";
import { Multicast } from "./multicast.ts";
import { Neighbours } from "./neighbours.ts";

const log = getLogger(["shoal", "peer", "lan"]);

/** Interval of beacons, in milliseconds, before ± 20 % jitter. */
const BEACON_MS = 30_000;
/** The pauses before the first ones, in milliseconds: a datagram may be lost. */
const FIRST_MS = [0, 1_000, 3_000];
/** The interval at which the machine's addresses are looked at, in milliseconds. */
const LOOK_MS = 2_000;
/** Time for others to answer, in milliseconds: some round trips in a LAN, and their jitter. */
const ANSWER_MS = 200;
/** Times that others are asked in that time: a datagram may be lost. */
const ASKS = 3;
/** The longest pause before an answer, in milliseconds, so that not all answer at once. */
const JITTER_MS = 40;
/** The time for which what was heard is enough, in milliseconds, before others are asked anew. */
const FRESH_MS = 5_000;
/** Time for a neighbour to answer a question, in milliseconds. */
const QUESTION_MS = 1_500;
/** Neighbours that are asked at a time. */
const MOST_ASKED = 64;
/** Beacons that are read, in all and of one address. */
const BEACONS = { rate: 200, burst: 400 };
const BEACONS_OF_HOST = { rate: 20, burst: 60 };
/** Addresses whose beacons are counted. */
const HOSTS = 1_024;
/** Answers that are sent. */
const ANSWERS = { rate: 50, burst: 100 };

export interface LanOptions {
  /** This peer's id; undefined for one that only looks. */
  peer?: string;
  /** The keys of a private swarm's beacons. Default an open swarm. */
  keys?: () => CryptoKey[];
  lines: ConnectionPool;
}

export class Lan implements NearbyDirectories {
  readonly #options: LanOptions;
  readonly #codec: BeaconCodec;
  readonly #multicast: Multicast;
  readonly #neighbours = new Neighbours();
  readonly #beacons = new TokenBucket(BEACONS, performance.now());
  readonly #ofHosts = new LruMap<string, TokenBucket>(HOSTS);
  readonly #answers = new TokenBucket(ANSWERS, performance.now());
  readonly #closing = new AbortController();
  readonly #hearing = new Set<() => void>();
  #serving: Promise<void> | undefined;
  /** The port that this peer listens on. */
  #port: number | undefined;
  #askedAt = -Infinity;

  constructor(options: LanOptions) {
    this.#options = options;
    this.#codec = new BeaconCodec(options.keys);
    this.#multicast = new Multicast((bytes, from, answer) => void this.#hear(bytes, from, answer));
  }

  /** Says from now on that this peer listens at that port, and answers others. */
  serve(port: number): void {
    this.#port = port;
    this.#serving ??= this.#beat();
  }

  /**
   * Calls `ask` for each neighbour: those that are known at once, others as they are heard. Resolves when
   * all have been asked and no more are expected.
   */
  async each(ask: (directory: Directory) => Promise<void>): Promise<void> {
    const asked = new Map<string, Promise<void>>();
    const askNew = () => {
      for (const place of this.#neighbours.places.slice(0, MOST_ASKED)) {
        // Heard at another address meanwhile, it is asked there, too.
        const key = [place.peer, ...place.addresses.map(formatAddress)].join(" ");
        if (!asked.has(key)) asked.set(key, this.#question(place, ask));
      }
    };
    this.#hearing.add(askNew);
    try {
      askNew();
      const isFresh = performance.now() - this.#askedAt < FRESH_MS && asked.size > 0;
      if (!isFresh) {
        this.#askedAt = performance.now();
        for (let asks = 0; asks < ASKS; asks++) {
          await this.#say({ ask: true });
          await delay(ANSWER_MS / ASKS, this.#closing.signal);
        }
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) throw error;
    } finally {
      this.#hearing.delete(askNew);
    }
    await Promise.all(asked.values());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#multicast.close(), this.#serving]);
  }

  /** Asks one neighbour. Never rejects: one that doesn't answer is passed over. */
  async #question(
    place: Neighbours["places"][number],
    ask: (directory: Directory) => Promise<void>,
  ): Promise<void> {
    const late = () => new Fault("network", "it took too long");
    using ends = timeoutSignal(QUESTION_MS, late, { signal: this.#closing.signal });
    const { signal } = ends;
    try {
      const line = await this.#options.lines.open(place, { signal });
      this.#neighbours.prove(line.peer);
      try {
        await abortable(ask(new LanPeer(line, place)), signal);
      } finally {
        line.close();
      }
    } catch (error) {
      const where = place.addresses.map(formatAddress).join(", ");
      log.debug("{peer} at {where}: {why}", {
        peer: place.peer.slice(0, 12),
        where,
        why: messageOf(error),
      });
      if (!this.#closing.signal.aborted) this.#neighbours.forget(place);
    }
  }

  async #beat(): Promise<void> {
    const { signal } = this.#closing;
    let next = 0;
    try {
      for (let beat = 0; !signal.aborted;) {
        if (performance.now() >= next) {
          await this.#say({ ask: beat === 0 });
          const pause = FIRST_MS[++beat] ?? BEACON_MS * (0.8 + 0.4 * Math.random());
          next = performance.now() + pause;
        } else this.#refresh();
        await delay(Math.min(LOOK_MS, Math.max(1, next - performance.now())), signal);
      }
    } catch (error) {
      if (!signal.aborted) {
        log.warning("cannot be found in this network: {why}", { why: messageOf(error) });
      }
    }
  }

  #refresh(): void {
    if (!this.#closing.signal.aborted) {
      this.#multicast.refresh({ hears: this.#port !== undefined });
    }
  }

  async #say({ ask }: { ask: boolean }): Promise<void> {
    this.#refresh();
    for (const bytes of await this.#beacon(ask)) await this.#multicast.send(bytes);
  }

  async #beacon(ask: boolean) {
    const { peer } = this.#options;
    return await this.#codec.encode({ ...ask && { ask }, peer, port: this.#port });
  }

  async #hear(
    bytes: Uint8Array<ArrayBuffer>,
    { host }: Address,
    answer: (bytes: Uint8Array<ArrayBuffer>) => void,
  ): Promise<void> {
    if (!this.#mayRead(host)) return;
    const beacon = await this.#codec.decode(bytes);
    if (!beacon || beacon.peer !== undefined && beacon.peer === this.#options.peer) return;
    const { ask, peer, port } = beacon;
    if (peer !== undefined && port !== undefined && this.#neighbours.hear(peer, { host, port })) {
      for (const onHeard of this.#hearing) onHeard();
    }
    if (!ask || this.#port === undefined || !this.#answers.tryTake(performance.now())) return;
    await delay(Math.random() * JITTER_MS, this.#closing.signal).catch(() => {});
    for (const said of await this.#beacon(false)) answer(said);
  }

  /** True for a datagram from an attached network, while they are not too many. */
  #mayRead(host: string): boolean {
    const now = performance.now();
    const known = this.#ofHosts.get(host);
    const bucket = known ?? new TokenBucket(BEACONS_OF_HOST, now);
    if (!known) this.#ofHosts.set(host, bucket);
    return bucket.tryTake(now) && this.#beacons.tryTake(now) && isAttached(host);
  }
}
