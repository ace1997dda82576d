/**
 * A peer's side of one bootstrap: asks it for peers and files, and keeps this peer listed there. A
 * bootstrap is not trusted: it can keep things to itself, but whatever it makes up is dropped.
 */
import { anyOf } from "../../async/any_of.ts";
import * as v from "valibot";
import { Fault, messageOf } from "../../fault.ts";
import { abortable, delay } from "../../async/retry.ts";
import { type Answer, type Caller, Refusal } from "../../wire/caller.ts";
import { decodePayload, type Outgoing } from "../../wire/codec.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import { isInScope } from "../../wire/ip_address.ts";
import {
  type Announcement,
  FileRecord,
  Files,
  Found,
  FoundReply,
  type Holding,
  LIST_CAP,
  PeerRecord,
  Peers,
  Reaching,
  SourceRecord,
  SourceRecords,
  type Way,
} from "../../wire/protocol.ts";
import { listLegacyPeers } from "../../legacy/legacy_bootstrap.ts";
import type { Transport } from "../../wire/transport.ts";
import type { AskOptions, Directory, Query } from "./directory.ts";
import { genuine } from "./genuine.ts";
import { retryAfter } from "./retry_after.ts";
import { type Greeted, handshake, HANDSHAKE_MS } from "./handshake.ts";
import { ListBudget, type ReceivedBatch } from "./list_budget.ts";
import { deadline } from "../../async/deadline.ts";
import type { BootstrapStatus } from "../api/peer_api.ts";
import { type MaintainOptions, Registration, type RegistrationOptions } from "./registration.ts";

/** The budget of a list of peers: three times what a bootstrap has room for. */
const PEERS_BUDGET = { items: 60_000, ms: 60_000 };
/** The budget of a list of files: three times what a bootstrap has room for, at the rate that it grants. */
const FILES_BUDGET = { items: 3_000_000, ms: 300_000 };
/**
 * Time for one question, from sending it to the last byte of its answer, in milliseconds: at worst 1 MiB
 * at 17 KB/s. A bootstrap gives up after the same time (bootstrap/limits.ts).
 */
const ANSWER_MS = 60_000;
/** Time that a request waits for a busy bootstrap, in milliseconds, all pauses together. */
const BUSY_MS = 30_000;
/**
 * Time for which a bootstrap whose handshake timed out in silence is not tried again, in
 * milliseconds: a caller with several requests waits once.
 */
const SILENCE_MEMORY_MS = 10_000;
/** Time for which a legacy bootstrap is taken for one, in milliseconds; then comes a new handshake. */
const LEGACY_MEMORY_MS = 30_000;

const FoundList = v.pipe(v.array(Found), v.maxLength(LIST_CAP));
const PeerList = v.pipe(v.array(PeerRecord), v.maxLength(LIST_CAP));
const SourceList = v.pipe(v.array(SourceRecord), v.maxLength(LIST_CAP));
const FileList = v.pipe(v.array(FileRecord), v.maxLength(LIST_CAP));

export type { MaintainOptions };

export interface BootstrapClientOptions extends RegistrationOptions {
  /** A clock that never goes back, in milliseconds. @default performance.now */
  now?: () => number;
  /** Time that a request waits for a busy bootstrap, in milliseconds. @default 30_000 */
  busyMs?: number;
  /** Time for one answer, to its last byte, in milliseconds. @default 60_000 */
  answerMs?: number;
}

/** Asking needs no registration. All methods that ask throw `network` Faults. */
export class BootstrapClient implements Directory {
  readonly address: Address;
  readonly #registration: Registration;
  readonly #handshakeMs: number;
  readonly #transport: Transport | undefined;
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #busyMs: number;
  readonly #answerMs: number;
  readonly #closing = new AbortController();
  /** The connection for requests, once there was one. */
  #link: Promise<Greeted> | undefined;
  #legacyUntil = 0;
  /** The registry that its last hello named. */
  #greeted: string | undefined;
  /** The IP address at which it answered last. */
  #remote = "";
  /** The failure of the last handshake, when its time passed in silence. */
  #silence: { error: unknown; until: number } | undefined;

  constructor(address: Address, options: BootstrapClientOptions = {}) {
    this.address = address;
    this.#registration = new Registration(address, options);
    this.#handshakeMs = options.handshakeMs ?? HANDSHAKE_MS;
    this.#transport = options.transport;
    this.#now = options.now ?? (() => performance.now());
    this.#random = options.random ?? Math.random;
    this.#busyMs = options.busyMs ?? BUSY_MS;
    this.#answerMs = options.answerMs ?? ANSWER_MS;
  }

  /** The state of the registration; `idle` while there is none. */
  get status(): BootstrapStatus {
    return this.#registration.status;
  }

  /** The address that its connection leads to, while this peer is registered there. */
  get dialled(): Address | undefined {
    return this.#registration.dialled;
  }

  /** The id of the registry that it shares with others; undefined for none, or before it said hello. */
  get registry(): string | undefined {
    return this.#greeted ?? this.#registration.registry;
  }

  /** Finds announcements, with at most 50 sources each. A legacy bootstrap knows of no files. */
  async find(query: Query, options: AskOptions = {}): Promise<Found[]> {
    const { name, file, publisher, versions } = query;
    const request = { action: "find", name, file, publisher, versions };
    const answer = await this.#ask(request, FoundReply, options);
    if (!answer) return [];
    const found = this.#decode(FoundList, answer.payload);
    return (await genuine(query, found)).map((one) => ({
      ...one,
      sources: one.sources.filter(({ address }) => isInScope(address, this.#remote)),
    }));
  }

  /**
   * Has a registered peer told that this one wants to reach it. Returns the ways that it was told of, and
   * the IP address of the bootstrap. `relay` is the member that relays, where the bootstrap doesn't.
   */
  async reach(
    { peer, token, ways, port }: { peer: string; token: string; ways: Way[]; port?: number },
    { signal }: AskOptions = {},
  ): Promise<{ ways: Way[]; at: Address; relay?: Address }> {
    const request = { action: "reach", peer, token, ways, port };
    const answer = await this.#ask(request, Reaching, { signal });
    const at = { host: this.#remote, port: this.address.port };
    return { ways: answer?.reply.ways ?? [], at, relay: answer?.reply.relay };
  }

  /** The legacy peers that are listed there, as far as it may name them. */
  async legacyPeers(options: AskOptions = {}): Promise<PeerRecord[]> {
    const peers = await this.getPeers(options);
    return peers.filter(({ peer, address }) => !peer && isInScope(address, this.#remote));
  }

  /** All peers that are listed there, within {@link PEERS_BUDGET}. */
  async getPeers(options: AskOptions = {}): Promise<PeerRecord[]> {
    const budget = new ListBudget(String(this), PEERS_BUDGET);
    const batches = budget.batches(async (cursor) => {
      const answer = await this.#ask({ action: "get_peers", cursor }, Peers, options);
      if (answer) return this.#batch(PeerList, answer);
      const { peers, remote } = await listLegacyPeers(this.address, options.signal);
      this.#remote = remote.host;
      return { items: peers };
    });
    return (await Array.fromAsync(batches)).flat();
  }

  /** All peers that have a content of that name, within {@link PEERS_BUDGET}. */
  async listSources(name: string, options: AskOptions = {}): Promise<SourceRecord[]> {
    const budget = new ListBudget(String(this), PEERS_BUDGET);
    const batches = budget.batches(async (cursor) => {
      const request = { action: "list_sources", name, cursor };
      const answer = await this.#ask(request, SourceRecords, options);
      return answer && this.#batch(SourceList, answer);
    });
    const sources = (await Array.fromAsync(batches)).flat();
    return sources.filter(({ address }) => isInScope(address, this.#remote));
  }

  /** All that is offered under names that fit the glob (default all), in the order of names. */
  async *listFiles(
    pattern?: string,
    options: AskOptions = {},
  ): AsyncGenerator<FileRecord, void, void> {
    const budget = new ListBudget(String(this), FILES_BUDGET);
    const batches = budget.batches(async (cursor) => {
      const answer = await this.#ask({ action: "list_files", pattern, cursor }, Files, options);
      return answer && this.#batch(FileList, answer);
    });
    for await (const files of batches) yield* files;
  }

  /**
   * Keeps this peer registered and everything it has announced, through any number of failures,
   * until the signal is aborted. Never rejects; {@link status} tells how it stands.
   */
  maintain(options: MaintainOptions): Promise<void> {
    return this.#registration.maintain(options);
  }

  /**
   * Announces more, after {@link maintain} began. Resolves when the bootstrap has heard, or will hear
   * with the next registration; never rejects.
   */
  announce(announcements: Announcement[]): Promise<void> {
    return this.#registration.announce(announcements);
  }

  /** As {@link announce}, for what this peer no longer has. */
  withdraw(holdings: Holding[]): Promise<void> {
    return this.#registration.withdraw(holdings);
  }

  /** Ends all asking. A registration ends by its own signal. */
  close(): void {
    this.#closing.abort(new Fault("network", `the connection to ${this} was closed`));
    this.#drop(this.#link);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  toString(): string {
    return formatAddress(this.address);
  }

  /**
   * As {@link #askOnce}. Comes back as late as a busy bootstrap says, until that would take too long;
   * then throws its Refusal.
   */
  async #ask<S extends v.GenericSchema>(
    message: Outgoing,
    schema: S,
    { signal, waitsForBusy = true }: AskOptions,
  ): Promise<Answer<v.InferOutput<S>> | null> {
    for (let left = waitsForBusy ? this.#busyMs : 0;;) {
      try {
        return await this.#askOnce(message, schema, signal);
      } catch (error) {
        const pause = retryAfter(error, this.#random);
        if (pause === undefined || pause > left) throw error;
        left -= pause;
        await delay(pause, anyOf(this.#closing.signal, signal));
      }
    }
  }

  /**
   * Asks over the connection that is open, or a new one; once more over a new one when the open one
   * breaks, which may have been dead for long. Null when there is a legacy bootstrap.
   */
  async #askOnce<S extends v.GenericSchema>(
    message: Outgoing,
    schema: S,
    signal?: AbortSignal,
  ): Promise<Answer<v.InferOutput<S>> | null> {
    for (let reopened = false;; reopened = true) {
      // The first question goes with the handshake, which saves a round trip.
      let asked: Promise<Answer<v.InferOutput<S>>> | undefined;
      const link = this.#open((caller) => {
        const answer = caller.request(message, schema);
        answer.catch(() => {}); // until it is awaited below
        asked = answer;
      });
      const greeted = await abortable(link, signal);
      if (greeted.kind === "legacy") return null;
      const { caller } = greeted;
      this.#remote = caller.connection.remote.host;
      const late = new Fault("network", `${this} took too long to answer`);
      using _timer = deadline(this.#answerMs, () => caller.close(late));
      try {
        return await abortable(asked ?? caller.request(message, schema), signal);
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof Refusal && !caller.connection.closed) throw error;
        this.#drop(link);
        // What fails over a new connection would fail, and take as long, over another.
        if (reopened || asked || error === late) throw error;
      }
    }
  }

  /** The connection that is there, or a new one, which `onConnected` is called with. */
  #open(onConnected: (caller: Caller) => void): Promise<Greeted> {
    const { signal } = this.#closing;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#legacyUntil > 0 && this.#now() >= this.#legacyUntil) this.#drop(this.#link);
    if (this.#link) return this.#link;
    const begun = this.#now();
    if (this.#silence && begun < this.#silence.until) return Promise.reject(this.#silence.error);
    const ms = this.#handshakeMs;
    const link = handshake(this.address, {
      ms,
      transport: this.#transport,
      signal,
      onConnected,
    });
    this.#link = link;
    link.then((answer) => {
      if (answer.kind !== "shoal") return;
      this.#greeted = answer.registry?.id;
      // A bootstrap that closes an idle connection is noticed at once: no half of it is left behind.
      answer.caller.listen(() => {});
      void answer.caller.ended.then(() => this.#drop(link));
    }, () => {});
    link.then(
      ({ kind }) => this.#legacyUntil = kind === "legacy" ? this.#now() + LEGACY_MEMORY_MS : 0,
      (error) => {
        this.#drop(link);
        const now = this.#now();
        if (now - begun >= ms) this.#silence = { error, until: now + SILENCE_MEMORY_MS };
      },
    );
    return link;
  }

  /** Closes a connection, and forgets it unless there is a newer one. */
  #drop(link: Promise<Greeted> | undefined): void {
    if (this.#link === link) this.#link = undefined;
    link?.then((greeted) => greeted.kind === "shoal" && greeted.caller.close(), () => {});
  }

  #batch<T>(
    schema: v.GenericSchema<unknown, T[]>,
    { reply, payload }: Answer<{ cursor?: string }>,
  ): ReceivedBatch<T> {
    return { items: this.#decode(schema, payload), cursor: reply.cursor };
  }

  #decode<S extends v.GenericSchema>(schema: S, payload: Uint8Array): v.InferOutput<S> {
    try {
      return decodePayload(schema, payload);
    } catch (cause) {
      throw new Fault("network", `${this} sent a ${messageOf(cause)}`, { cause });
    }
  }
}
