/**
 * Publishes what a registry in memory holds: in the order of its changes, in small batches, each
 * repeated until Redis took it. When Redis was emptied, or more has changed than is worth
 * remembering, everything is published anew under new ordinals; what lies there under the old ones
 * counts no more and goes by itself.
 */
import { Buffer } from "node:buffer";
import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { Condition } from "../../async/condition.ts";
import { Backoff, delay } from "../../async/retry.ts";
import { within } from "../../async/deadline.ts";
import type { Announcement, PeerRecord } from "../../wire/protocol.ts";
import type { Entry } from "../file_index.ts";
import type { RegistryListener } from "../memory_registry.ts";
import { latestTime } from "../../trust/announcement.ts";
import { encodeAnnouncement, encodePeer, nameNumber, sourcesKey } from "./records.ts";
import { LinkError, type RedisLink } from "./redis_link.ts";
import { SCRIPTS } from "./scripts.ts";

const log = getLogger(["shoal", "bootstrap", "registry"]);

/** Time for which a bucket of peers stays without being renewed, in milliseconds. */
const BUCKET_MS = 60_000;
/** Changes in one batch: Redis is busy with them for 2 to 3 ms. */
const BATCH = 64;
/** Bytes of a batch. */
const BATCH_BYTES = 65_536;
/** Peers of a bucket: so few that Redis packs them tightly. */
const SLOTS = 32;
/** Numbers of buckets that are taken at a time. */
const NUMBERS = 4;
/** Buckets that are renewed in one go. */
const RENEWED = 200;
/** Changes that wait; when there are more, everything is published anew. */
const MAX_WAITING = 100_000;
/** The pause after Redis took nothing, in milliseconds: at first, and at most. */
const PAUSE = { first: 250, longest: 10_000 };

const enum Op {
  Release,
  Unreached,
  Reached,
  Peer,
  Gone,
}

/** A peer of this bootstrap. */
interface Published {
  record: PeerRecord;
  holdings: ReadonlyMap<string, Entry>;
  /** Its ordinal, of this epoch or an earlier one. */
  ordinal: string;
  epoch: number;
  isGone: boolean;
  /** True while a change of its record waits. */
  isQueued: boolean;
}

type Change = { op: "peer"; of: Published } | { op: "gone"; of: Published } | {
  op: "hold" | "release";
  of: Published;
  announcement: Announcement;
};

export interface PublisherOptions {
  link: RedisLink;
  token: string;
  /** Time for which a bucket stays, in milliseconds. @default BUCKET_MS */
  bucketMs?: number;
}

export class Publisher implements RegistryListener {
  readonly #link: RedisLink;
  readonly #token: string;
  readonly #bucketMs: number;
  readonly #peers = new Map<PeerRecord, Published>();
  #waiting: Change[] = [];
  /** The changes that remain when all is published anew. */
  #walk: Iterator<Change> | undefined;
  /** The batch that Redis has not taken yet, and how many of the waiting changes are in it. */
  #batch: { blobs: Buffer[]; taken: number } | undefined;
  #epoch = 1;
  /** Numbers of buckets with peers of this bootstrap, and how many they are. */
  readonly #buckets = new Map<number, number>();
  /** Numbers of empty buckets, in the order of their use. */
  #numbers: number[] = [];
  #highest = 0;
  /** The bucket being filled, and its next slot. */
  #bucket = 0;
  #slot = SLOTS;
  #enqueued = 0;
  #done = 0;
  /** Waits until a change was published, by its number. */
  #awaiting: { number: number; resolve: () => void }[] = [];
  /** Notified when there is something to publish. */
  readonly #changed = new Condition();
  readonly #stopped = new AbortController();
  readonly #running: Promise<void>;

  constructor({ link, token, bucketMs = BUCKET_MS }: PublisherOptions) {
    this.#link = link;
    this.#token = token;
    this.#bucketMs = bucketMs;
    this.#running = this.#run();
  }

  /** True when Redis has all that this bootstrap holds, but for what changed just now. */
  get isComplete(): boolean {
    return this.#walk === undefined && this.#link.state.writable;
  }

  /** Changes that wait. */
  get backlog(): number {
    return this.#waiting.length;
  }

  listed(record: PeerRecord, holdings: ReadonlyMap<string, Entry>): void {
    let of = this.#peers.get(record);
    if (!of) {
      of = { record, holdings, ordinal: "", epoch: 0, isGone: false, isQueued: false };
      this.#peers.set(record, of);
    }
    if (of.isQueued) return;
    of.isQueued = true;
    this.#enqueue({ op: "peer", of });
  }

  reached(record: PeerRecord): void {
    const of = this.#peers.get(record);
    for (const { announcement } of of?.holdings.values() ?? []) {
      this.#enqueue({ op: "hold", of: of!, announcement });
    }
  }

  gone(record: PeerRecord): void {
    const of = this.#peers.get(record);
    if (!of) return;
    of.isGone = true;
    this.#enqueue({ op: "gone", of });
    if (of.holdings.size === 0) this.#peers.delete(record);
  }

  held(record: PeerRecord, announcement: Announcement): void {
    const of = this.#peers.get(record);
    if (of) this.#enqueue({ op: "hold", of, announcement });
  }

  released(record: PeerRecord, announcement: Announcement): void {
    const of = this.#peers.get(record);
    if (!of) return;
    this.#enqueue({ op: "release", of, announcement });
    if (of.isGone && of.holdings.size === 0) this.#peers.delete(record);
  }

  /** Publishes everything anew, under new ordinals. */
  restart(): void {
    this.#epoch++;
    this.#buckets.clear();
    this.#numbers = [];
    this.#slot = SLOTS;
    this.#waiting = [];
    this.#batch = undefined;
    for (const of of this.#peers.values()) of.isQueued = false;
    this.#done = this.#enqueued;
    this.#settle();
    this.#walk = this.#all();
    this.#changed.notifyAll();
  }

  /** Waits, at most for `ms`, until Redis has what has changed so far. True when it has. */
  async flushed(ms: number): Promise<boolean> {
    const number = this.#enqueued;
    if (this.#done < number && this.#link.state.writable) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#awaiting.push({ number, resolve });
      await within(promise, ms);
    }
    return this.#done >= number;
  }

  /** Renews all buckets. What is not there any more is published anew. Throws a {@link LinkError}. */
  async renew(): Promise<void> {
    const all = Array.from(this.#buckets.keys(), String);
    for (let at = 0; at < all.length; at += RENEWED) {
      const epoch = this.#epoch;
      const some = all.slice(at, at + RENEWED);
      const own = await this.#link.run(SCRIPTS.renew, this.#token, String(this.#bucketMs), ...some);
      // One whose last peer left meanwhile is not missing.
      const expected = some.filter((number) => this.#buckets.has(Number(number))).length;
      if (Number(own) < expected && epoch === this.#epoch) return this.restart();
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    this.#done = this.#enqueued;
    this.#settle();
  }

  *#all(): Generator<Change> {
    for (const of of this.#peers.values()) {
      if (of.isGone) continue;
      yield { op: "peer", of };
      for (const { announcement } of of.holdings.values()) yield { op: "hold", of, announcement };
    }
  }

  #enqueue(change: Change): void {
    if (this.#waiting.length >= MAX_WAITING) return this.restart();
    this.#waiting.push(change);
    this.#enqueued++;
    this.#changed.notifyAll();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped;
    const backoff = new Backoff(PAUSE);
    while (!signal.aborted) {
      if (this.#waiting.length === 0 && !this.#walk) {
        await this.#changed.wait(signal).catch(() => {});
        continue;
      }
      try {
        await this.#flush();
        backoff.reset();
      } catch (error) {
        if (!(error instanceof LinkError)) log.error("{error}", { error: messageOf(error) });
        else if (error.kind === "unsure") this.restart();
        // Nobody waits for what can't be told now.
        for (const { resolve } of this.#awaiting.splice(0)) resolve();
        const isAway = !this.#link.state.there;
        await delay(isAway ? PAUSE.first : backoff.next(), signal).catch(() => {});
      }
    }
  }

  /** Publishes one batch. Throws a {@link LinkError}; then the same batch comes again. */
  async #flush(): Promise<void> {
    const epoch = this.#epoch;
    if (this.#numbers.length <= BATCH / SLOTS) await this.#takeNumbers();
    if (epoch !== this.#epoch) return;
    const { blobs, taken } = this.#batch ??= this.#nextBatch();
    try {
      if (blobs.length > 0) await this.#publish(Buffer.concat(blobs));
    } catch (error) {
      if (!(error instanceof LinkError) || error.kind !== "failed") throw error;
      await this.#publishEach(blobs);
    }
    if (epoch !== this.#epoch) return;
    this.#batch = undefined;
    this.#waiting.splice(0, taken);
    this.#done += taken;
    this.#settle();
  }

  async #publish(changes: Buffer): Promise<void> {
    const args = [this.#token, String(this.#bucketMs), String(latestTime())];
    await this.#link.run(SCRIPTS.publish, ...args, changes);
  }

  /** Publishes changes one by one: one that Redis can't take holds up no other. */
  async #publishEach(changes: Buffer[]): Promise<void> {
    for (const change of changes) {
      try {
        await this.#publish(change);
      } catch (error) {
        if (!(error instanceof LinkError) || error.kind !== "failed") throw error;
        log.warn("the registry can't take a change: {why}", { why: error.message });
      }
    }
  }

  #nextBatch(): { blobs: Buffer[]; taken: number } {
    const blobs: Buffer[] = [];
    let size = 0;
    let taken = 0;
    const add = (change: Change) => {
      const blob = this.#encode(change);
      if (blob) size += blobs[blobs.push(blob) - 1]!.length;
    };
    // What changes now goes first, and leaves half of the room for what is published anew.
    const share = this.#walk ? BATCH / 2 : BATCH;
    while (taken < this.#waiting.length && blobs.length < share && size < BATCH_BYTES) {
      add(this.#waiting[taken++]!);
    }
    while (this.#walk && blobs.length < BATCH && size < BATCH_BYTES) {
      const { done, value } = this.#walk.next();
      if (done) this.#walk = undefined;
      else add(value);
    }
    return { blobs, taken };
  }

  async #takeNumbers(): Promise<void> {
    const highest = String(this.#highest);
    const epoch = this.#epoch;
    const last = Number(await this.#link.run(SCRIPTS.number, highest, String(NUMBERS)));
    if (epoch !== this.#epoch) return;
    this.#highest = last;
    for (let n = NUMBERS - 1; n >= 0; n--) this.#numbers.push(last - n);
  }

  #settle(): void {
    const { true: ready = [], false: waiting = [] } = Object.groupBy(
      this.#awaiting,
      ({ number }) => `${number <= this.#done}` as const,
    );
    this.#awaiting = waiting;
    for (const { resolve } of ready) resolve();
  }

  /** The bytes of a change; undefined when there is nothing to tell any more. */
  #encode(change: Change): Buffer | undefined {
    const { of } = change;
    if (change.op === "peer") {
      of.isQueued = false;
      if (of.isGone) return;
      if (of.epoch !== this.#epoch) this.#assign(of);
      const record = of.record.peer === undefined
        ? of.record
        : { ...of.record, files: of.holdings.size };
      return Buffer.concat([...this.#head(Op.Peer, of), ...long(encodePeer(record))]);
    }
    if (of.epoch !== this.#epoch) return;
    if (change.op === "gone") {
      const bucket = Number(of.ordinal.slice(0, -2));
      const left = (this.#buckets.get(bucket) ?? 1) - 1;
      if (left > 0) this.#buckets.set(bucket, left);
      else this.#buckets.delete(bucket);
      return Buffer.concat(this.#head(Op.Gone, of));
    }
    const { announcement } = change;
    const op = change.op === "release"
      ? Op.Release
      : of.record.reachable
      ? Op.Reached
      : Op.Unreached;
    if (op !== Op.Release && of.isGone) return;
    const encoded = encodeAnnouncement(announcement);
    return Buffer.concat([
      ...this.#head(op, of),
      Buffer.from(sourcesKey(encoded)),
      ...short(nameNumber(announcement.name)),
      ...long(encoded),
    ]);
  }

  #head(op: Op, { ordinal }: Published): Buffer[] {
    return [Buffer.of(op), ...short(ordinal)];
  }

  #assign(of: Published): void {
    if (this.#slot === SLOTS) {
      this.#bucket = this.#numbers.shift()!;
      this.#slot = 0;
    }
    of.ordinal = `${this.#bucket}${String(this.#slot++).padStart(2, "0")}`;
    of.epoch = this.#epoch;
    this.#buckets.set(this.#bucket, (this.#buckets.get(this.#bucket) ?? 0) + 1);
  }
}

function short(text: string): Buffer[] {
  return [Buffer.of(text.length), Buffer.from(text)];
}

function long(bytes: Buffer): Buffer[] {
  return [Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes];
}
