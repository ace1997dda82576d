/**
 * Keeps this peer listed at one bootstrap, for as long as it is asked to: registers, announces,
 * sends heartbeats, and begins anew whenever the bootstrap was away.
 */
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { abortable, Backoff, delay } from "../../async/retry.ts";
import type { Identity } from "../../trust/identity.ts";
import { signRegistration } from "../../trust/registration.ts";
import { AGENT } from "../../version.ts";
import type { Caller } from "../../wire/caller.ts";
import type { Message } from "../../wire/codec.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import {
  type Announcement,
  HEARTBEAT_MS,
  type Holding,
  type Labels,
  Listed,
  Ok,
  Registered,
  type Way,
} from "../../wire/protocol.ts";
import { registerAtLegacy } from "../../legacy/legacy_bootstrap.ts";
import type { Transport } from "../../wire/transport.ts";
import { type AnnouncementList, Announcer } from "./announcer.ts";
import { retryAfter } from "./retry_after.ts";
import type { Homes } from "./homes.ts";
import { handshake } from "./handshake.ts";
import type { BootstrapStatus } from "../api/peer_api.ts";
import { deadline } from "../../async/deadline.ts";

const log = getLogger(["shoal", "peer", "registration"]);

/** Time for a goodbye, in milliseconds. */
const GOODBYE_MS = 1_000;
/** Time after a registration at which the result of the call back is asked for, in milliseconds. */
const CALLED_BACK_MS = 2_000;

export interface MaintainOptions {
  identity: Identity;
  /** The port that this peer listens on. */
  port: number;
  /** The address for the bootstrap to list in place of the one that it sees. */
  advertise?: Address;
  /** The labels to be listed with. Default none. */
  labels?: Labels;
  /** The ways in which this peer can be reached besides being called. Default none. */
  ways?: Way[];
  /** True when this peer relays for others of a private swarm. */
  relay?: boolean;
  /** Hears what a bootstrap at that IP address says by itself. */
  onNotice?: (notice: Message, bootstrap: Address) => void;
  /** Everything this peer has, at the time of the call. */
  announcements: () => AnnouncementList;
  /** Ends it, with a goodbye. */
  signal: AbortSignal;
}

export interface RegistrationOptions {
  /** From 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
  /** Between heartbeats, in milliseconds, before jitter. @default HEARTBEAT_MS */
  heartbeatMs?: number;
  /** The first pause after a failure, in milliseconds. @default 1_000 */
  retryMs?: number;
  /** Time for each of the two first messages, in milliseconds. @default 5_000 */
  handshakeMs?: number;
  /** Longest pause for which all announcements wait, in milliseconds. @default 60_000 */
  longestPauseMs?: number;
  /** The transport of the connection. Default in the clear. */
  transport?: Transport;
  /** Of bootstraps that share a registry, the one to be registered with. Default this one. */
  homes?: Homes<unknown>;
  /** Hears of each change of state. */
  onStatus?: (status: BootstrapStatus) => void;
}

export class Registration {
  readonly #address: Address;
  readonly #options: RegistrationOptions;
  readonly #random: () => number;
  #status: BootstrapStatus;
  #dialled: Address | undefined;
  #registry: string | undefined;
  /** While registered. */
  #announcer: Announcer | undefined;

  constructor(address: Address, options: RegistrationOptions = {}) {
    this.#address = address;
    this.#options = options;
    this.#random = options.random ?? Math.random;
    this.#status = { address: formatAddress(address), state: "idle" };
  }

  get status(): BootstrapStatus {
    return this.#status;
  }

  /**
   * The address that the connection to the bootstrap leads to, as an IP address, from registering
   * on.
   */
  get dialled(): Address | undefined {
    return this.#dialled;
  }

  /** The id of the registry that it shares with others, by its last hello. */
  get registry(): string | undefined {
    return this.#registry;
  }

  /** Sends at once what is new, if this peer is registered; else it goes with all the others later. */
  async announce(announcements: Announcement[]): Promise<void> {
    await this.#announcer?.announce(announcements);
  }

  /** As {@link announce}, for what this peer has no longer. */
  async withdraw(holdings: Holding[]): Promise<void> {
    await this.#announcer?.withdraw(holdings);
  }

  /** Resolves when the signal is aborted and the bootstrap was told so. Never rejects. */
  async maintain(options: MaintainOptions): Promise<void> {
    const { signal } = options;
    const backoff = new Backoff({ first: this.#options.retryMs, random: this.#random });
    this.#become({ state: "connecting" });
    while (!signal.aborted) {
      try {
        await this.#stay(options, backoff);
      } catch (error) {
        if (signal.aborted) break;
        this.#become({ state: "away", error: messageOf(error) });
        const pause = Math.max(backoff.next(), retryAfter(error, this.#random) ?? 0);
        await delay(pause, signal).catch(() => {});
      }
    }
    this.#become({ state: "idle" });
  }

  /** Registers and stays so until something fails. Returns early from a legacy bootstrap. */
  async #stay(options: MaintainOptions, backoff: Backoff): Promise<void> {
    const { identity, signal } = options;
    const greeted = await handshake(this.#address, {
      peer: identity.id,
      ms: this.#options.handshakeMs,
      transport: this.#options.transport,
      signal,
    });
    if (greeted.kind === "legacy") {
      const said = await registerAtLegacy(this.#address, options);
      this.#become({ state: "legacy", listed: formatAddress(said) });
      backoff.reset();
      // Then comes a new handshake: by that time it may have become a Shoal bootstrap.
      return await this.#pause(signal);
    }
    const { caller, nonce } = greeted;
    const { homes } = this.#options;
    this.#registry = greeted.registry?.id;
    if (homes && this.#registry !== undefined && !homes.take(this.#registry, this)) {
      caller.close();
      backoff.reset();
      this.#become({ state: "standby" });
      // Then comes a new handshake.
      return await homes.free(this.#registry, signal);
    }
    const broken = new AbortController();
    try {
      const listed = await abortable(this.#register(caller, nonce, options), signal);
      backoff.reset();
      this.#become({ state: "registered", listed });
      this.#announcer = new Announcer(caller, {
        random: this.#random,
        all: options.announcements,
        longestPauseMs: this.#options.longestPauseMs,
        onRefused: (error) => this.#become({ ...this.#status, error }),
        onBroken: (error) => broken.abort(error),
      });
      void this.#announcer.announce(options.announcements());
      // A bootstrap that closes is noticed now, not at the next heartbeat.
      caller.listen((notice) => options.onNotice?.(notice, caller.connection.remote));
      void caller.ended.then((error) => broken.abort(error));
      await this.#beat(caller, options, AbortSignal.any([signal, broken.signal]));
    } finally {
      this.#announcer?.stop();
      this.#announcer = undefined;
      this.#dialled = undefined;
      homes?.release(this);
      if (signal.aborted) await sayGoodbye(caller);
      caller.close();
    }
  }

  async #register(
    caller: Caller,
    nonce: string,
    { identity, port, advertise, labels, ways, relay }: MaintainOptions,
  ): Promise<string> {
    // It may call back before it answers.
    const dialled = this.#dialled = caller.connection.remote;
    const claim = await signRegistration(identity, nonce, { port, dialled, advertise });
    const request = { action: "register", ...claim, agent: AGENT, labels, ways, relay };
    const { reply } = await caller.request(request, Registered);
    return formatAddress({ host: reply.address, port: reply.port });
  }

  /** Sends heartbeats until the signal is aborted or one isn't answered. */
  async #beat(caller: Caller, { advertise }: MaintainOptions, signal: AbortSignal): Promise<never> {
    for (let next = CALLED_BACK_MS;; next = this.#options.heartbeatMs ?? HEARTBEAT_MS) {
      await this.#pause(signal, Math.min(next, this.#options.heartbeatMs ?? HEARTBEAT_MS));
      const { reply } = await abortable(caller.request({ action: "heartbeat" }, Listed), signal);
      const { address: host, port, reachable } = reply;
      if (host === undefined || port === undefined) continue;
      this.#hear(formatAddress({ host, port }), reachable ?? undefined, advertise);
    }
  }

  /** Notes the address that the bootstrap lists, and whether it could call this peer there. */
  #hear(listed: string, reachable: boolean | undefined, advertise: Address | undefined): void {
    const before = this.#status;
    if (before.listed === listed && before.reachable === reachable) return;
    this.#become({ ...before, listed, reachable });
    const context = { bootstrap: before.address, listed };
    if (reachable === false) {
      const hint = advertise ? `, nor at ${formatAddress(advertise)}` : "";
      const what =
        `{bootstrap} can't reach this peer at {listed}${hint}: others can't fetch from it`;
      log.warn(what, context);
    } else if (before.listed !== listed) {
      log.info("{bootstrap} lists this peer as {listed}", context);
    }
  }

  /** Some time, 20 % more or less, so that peers don't all speak at once. Default a heartbeat's. */
  async #pause(
    signal: AbortSignal,
    ms = this.#options.heartbeatMs ?? HEARTBEAT_MS,
  ): Promise<void> {
    const jitter = 0.8 + 0.4 * this.#random();
    await delay(ms * jitter, signal);
  }

  #become(status: Omit<BootstrapStatus, "address">): void {
    const { address, state } = this.#status;
    this.#status = { ...status, address };
    const { listed, error } = status;
    if (status.state === "away" && state !== "away") {
      log.warn("{error}; it is asked again until it answers", { bootstrap: address, error });
    }
    if (listed && status.state !== state) {
      log.info("registered with {bootstrap} as {listed}", { bootstrap: address, listed });
    }
    this.#options.onStatus?.(this.#status);
  }
}

async function sayGoodbye(caller: Caller): Promise<void> {
  using _timer = deadline(GOODBYE_MS, () => caller.close());
  await caller.request({ action: "goodbye" }, Ok).catch(() => {});
}
