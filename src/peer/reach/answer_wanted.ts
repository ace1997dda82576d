import * as v from "valibot";
import { getLogger } from "@logtape/logtape";
import { timeoutSignal } from "../../async/deadline.ts";
import { LruMap } from "../../async/lru_map.ts";
import { Tally } from "../../async/tally.ts";
import { TokenBucket } from "../../async/token_bucket.ts";
import { Fault, messageOf } from "../../fault.ts";
import { answerTlsOver } from "../../trust/tls/tls_over.ts";
import type { PinnedTls } from "../../trust/tls/pinned_tls.ts";
import { type Address, Connection, formatAddress } from "../../wire/connection.ts";
import type { Message } from "../../wire/codec.ts";
import { groupOf, isInScope } from "../../wire/ip_address.ts";
import { MEET_MS, Wanted, type WantedNotice, type Way } from "../../wire/protocol.ts";
import { inTheClear, type Socket, type Transport } from "../../wire/transport.ts";
import { canChoosePort } from "./local_port.ts";
import { meetAtRelay, punch, relayOf } from "./meet.ts";

const log = getLogger(["shoal", "peer", "reach"]);

/** Wishes being met at one time, in all and of one address. */
const MOST = 64;
const MOST_PER_ADDRESS = 16;
/**
 * Wishes met in the long run: a bootstrap that makes them up has nobody called more often. A peer that
 * fetches wants each way once, and again now and then while a better one is missing.
 */
const RATE = { rate: 5, burst: 100 };
const RATE_PER_ADDRESS = { rate: 0.5, burst: 30 };
/** Addresses that rates are remembered of. */
const REMEMBERED = 1_000;
/** Time for one wish, in milliseconds. */
const WISH_MS = 2 * MEET_MS;

interface AnswerWantedOptions {
  /** The transport from other peers. */
  transport: Transport;
  /** The transport to bootstraps. Default in the clear. */
  swarm?: Transport;
  /** The transport to other peers in a private swarm; undefined in an open one, where calls begin in the clear. */
  members?: Transport;
  /** TLS as this peer, for what a relay passes on. */
  pinned: PinnedTls;
  /** Serves a connection whose other end is the caller. */
  serve: (socket: Socket) => void;
  /** Ends all. */
  signal: AbortSignal;
}

/**
 * Meets the wishes of peers that want to reach this one and can't call it: calls them, punches, or meets
 * them at a relay. A bootstrap tells of them, and is not believed: only so many, so often, and never an
 * address of this network unless the bootstrap is in it.
 */
export class AnswerWanted {
  readonly #options: AnswerWantedOptions;
  readonly #all: TokenBucket;
  readonly #perAddress = new LruMap<string, TokenBucket>(REMEMBERED);
  readonly #underWay = new Tally();
  #running = 0;

  constructor(options: AnswerWantedOptions) {
    this.#options = options;
    this.#all = new TokenBucket(RATE, performance.now());
  }

  /** The ways that this peer has. */
  async ways(): Promise<Way[]> {
    return await canChoosePort() ? ["reverse", "punch", "relay"] : ["reverse", "relay"];
  }

  /** Hears a notice from the bootstrap at that IP address. */
  hear(notice: Message, bootstrap: Address): void {
    const parsed = v.safeParse(Wanted, notice);
    if (!parsed.success) return;
    const { host, ways } = parsed.output;
    const from = formatAddress(bootstrap);
    const why = this.#refusal(host, bootstrap);
    if (why) {
      return log.debug("{from} named {host} as wanting this peer: {why}", { from, host, why });
    }
    const group = groupOf(host) ?? host;
    this.#underWay.add(group);
    this.#running++;
    const each = ways.map((way) => this.#meet(way, parsed.output, bootstrap));
    Promise.allSettled(each).then((results) => {
      this.#underWay.add(group, -1);
      this.#running--;
      for (const [i, result] of results.entries()) {
        if (result.status === "fulfilled") continue;
        const about = { host, way: ways[i], why: messageOf(result.reason) };
        log.debug("{host} wanted this peer, but {way} failed: {why}", about);
      }
    });
  }

  /** The reason why a wish is not met; undefined when it is, and counted. */
  #refusal(host: string, bootstrap: Address): string | undefined {
    if (this.#options.signal.aborted) return "this peer is stopping";
    if (!isInScope(host, bootstrap.host)) return "the address is not in the bootstrap's reach";
    const group = groupOf(host) ?? host;
    if (this.#running >= MOST || this.#underWay.of(group) >= MOST_PER_ADDRESS) return "too many";
    const now = performance.now();
    const own = this.#perAddress.get(group) ?? new TokenBucket(RATE_PER_ADDRESS, now);
    this.#perAddress.set(group, own);
    if (own.wait(1, now) > 0 || this.#all.wait(1, now) > 0) return "too often";
    own.take(1, now);
    this.#all.take(1, now);
  }

  async #meet(way: Way, wish: WantedNotice, bootstrap: Address): Promise<void> {
    const { transport, pinned, swarm = inTheClear, serve } = this.#options;
    const late = () => new Fault("network", "it took too long");
    using ends = timeoutSignal(WISH_MS, late, this.#options);
    const { signal } = ends;
    const at = { transport: swarm, signal };
    switch (way) {
      case "reverse":
        return serve(transport.answerOver(await this.#call(wish, signal)));
      case "punch":
        return serve(
          transport.answerOver(await punch(bootstrap, wish.token, { ...at, expected: wish.host })),
        );
      case "relay": {
        const to = relayOf({ at: bootstrap, relay: wish.relay }, swarm);
        const socket = await meetAtRelay(to, wish.token, at);
        return serve(answerTlsOver(socket, () => pinned.presented()));
      }
    }
  }

  /** Calls the peer that wants this one. In the clear it begins TLS where it wants that, as caller. */
  async #call({ host, port, token }: WantedNotice, signal: AbortSignal): Promise<Socket> {
    if (port === undefined) throw new Fault("network", "it says no port");
    const transport = this.#options.members ?? inTheClear;
    const connection = await Connection.open({ host, port }, { transport, signal });
    await connection.send({ action: "reversed", token });
    return connection.detach();
  }
}
