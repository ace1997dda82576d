import type { UiApi } from "../peer/api/ui_api.ts";
import type { Clock } from "../async/clock.ts";
import type { PartialStatus, PeerStatus, SharedFile, Transfer } from "../peer/api/peer_api.ts";
import type { Job, Jobs } from "./http/jobs.ts";
import { ChangeLog, type LoggedChanges } from "./change_log.ts";
import { RatesLog, type RatesTold } from "./rates_log.ts";

/** Interval of looking at the status while there are listeners, in milliseconds. */
const SAMPLE_MS = 200;
/** Most shares in one change; the next has the others. */
const SHARES_CAP = 500;

/** A status without what changes by itself, or is sent bit by bit. */
type StatusSummary = Omit<PeerStatus, "shares" | "transfers" | "partials" | "uptime"> & {
  /** The time when the peer started, in milliseconds since 1970. */
  started: number;
};

/** The versions that a listener has seen. */
export interface Seen {
  /** The last change that it knows. */
  version: number;
  /** The version up to which it knows of removed names. */
  whole: number;
}

const NOTHING: Seen = { version: 0, whole: -1 };

/** The changes of a list: what was added, changed or removed. */
interface ListChange<Key, Value> extends LoggedChanges<Key, Value> {
  /** True when everything known before is void. */
  reset: boolean;
}

/** The differences from what a listener knows. */
interface StatusChange {
  /** The versions for the next request. */
  seen: Seen;
  /** The fields that are different. */
  status?: Partial<StatusSummary>;
  /** By name. */
  shares?: ListChange<string, SharedFile>;
  /** By number. */
  transfers?: ListChange<number, Transfer>;
  /** By id. */
  partials?: ListChange<string, PartialStatus>;
  /** By number. */
  jobs?: ListChange<number, Job>;
  /** The seconds that are over since, of those in which something moved. */
  rates?: RatesTold;
}

type Field = [name: string, value: unknown];

/**
 * The peer's status as a row of changes. It is sampled while there are listeners; each asks for the change
 * since what it saw last, so a slow one gets fewer and larger ones, and nothing is queued for it.
 */
export class StatusFeed {
  readonly #api: Pick<UiApi, "status" | "history">;
  readonly #clock: Clock;
  readonly #work: Jobs;
  #version = 0;
  readonly #fields = new ChangeLog<string, Field>(([name]) => name);
  readonly #shares = new ChangeLog<string, SharedFile>(({ name }) => name, sameShare);
  readonly #transfers = new ChangeLog<number, Transfer>(({ transfer }) => transfer);
  readonly #partials = new ChangeLog<string, PartialStatus>(({ id }) => id);
  readonly #jobs = new ChangeLog<number, Job>(({ job }) => job, (a, b) => a === b);
  readonly #rates = new RatesLog();
  #started: number | undefined;
  #listeners = 0;
  #stopTimer: (() => void) | undefined;
  readonly #woken = new Set<() => void>();

  constructor(api: Pick<UiApi, "status" | "history">, jobs: Jobs, clock: Clock) {
    this.#api = api;
    this.#work = jobs;
    this.#clock = clock;
  }

  get listeners(): number {
    return this.#listeners;
  }

  /** Begins to look, for as long as there are listeners. Returns what ends that. */
  async listen(): Promise<() => void> {
    if (this.#listeners++ === 0) {
      await this.#sample();
      this.#again();
    } else if (this.#started === undefined) await this.#sample();
    let listening = true;
    return () => {
      if (!listening) return;
      listening = false;
      if (--this.#listeners === 0) this.#stopTimer?.();
    };
  }

  /** Changes since `seen`; undefined when there are none. */
  since(seen: Seen = NOTHING): StatusChange | undefined {
    const version = this.#version;
    if (seen.version === version) return;
    const forgotten = Math.max(
      ...[this.#shares, this.#transfers, this.#partials, this.#jobs].map((log) => log.forgotten),
    );
    const reset = seen.whole < forgotten || seen.whole < 0 || seen.version > version;
    const from = reset ? 0 : seen.version;
    const { upTo, ...shares } = this.#shares.since(from, { cap: SHARES_CAP, version });
    const { set: fields } = this.#fields.since(from, { version });
    const { set: transfers, gone: ended } = this.#transfers.since(from, { version });
    const { set: partials, gone: whole } = this.#partials.since(from, { version });
    return {
      seen: { version: upTo, whole: reset ? version : Math.max(seen.whole, upTo) },
      status: fields.length > 0 ? Object.fromEntries(fields) : undefined,
      shares: unlessSame({ reset, ...shares }),
      transfers: unlessSame({ reset, set: transfers, gone: ended }),
      partials: unlessSame({ reset, set: partials, gone: whole }),
      jobs: this.#jobsSince({ reset, from, version }),
      rates: this.#rates.since(from),
    };
  }

  #jobsSince({ reset, from, version }: { reset: boolean; from: number; version: number }) {
    const { set, gone } = this.#jobs.since(from, { version });
    return unlessSame({ reset, set, gone });
  }

  /** Resolves at the next change, or after `ms`. */
  changed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        cancel();
        this.#woken.delete(wake);
        resolve();
      };
      const cancel = this.#clock.after(ms, wake);
      this.#woken.add(wake);
    });
  }

  /** Wakes all waits for a change. */
  wake(): void {
    for (const wake of [...this.#woken]) wake();
  }

  #again(): void {
    this.#stopTimer = this.#clock.after(SAMPLE_MS, async () => {
      const before = this.#version;
      await this.#sample();
      if (this.#version !== before) this.wake();
      if (this.#listeners > 0) this.#again();
    });
  }

  async #sample(): Promise<void> {
    const { shares, transfers, partials, uptime, ...status } = await this.#api.status();
    const history = await this.#api.history();
    this.#started ??= Math.round(Date.now() - uptime * 1000);
    const next = () => ++this.#version;
    this.#shares.put(shares, next);
    this.#transfers.put(transfers, next);
    this.#partials.put(partials, next);
    this.#jobs.put(this.#work.list(), next);
    this.#rates.put(history, next);
    this.#fields.put(Object.entries({ ...status, started: this.#started }), next);
  }
}

function unlessSame<Key, Value>(
  change: ListChange<Key, Value>,
): ListChange<Key, Value> | undefined {
  return change.reset || change.set.length > 0 || change.gone.length > 0 ? change : undefined;
}

function sameShare(a: SharedFile, b: SharedFile): boolean {
  const keys = Object.keys(b) as (keyof SharedFile)[];
  return keys.length === Object.keys(a).length && keys.every((key) => a[key] === b[key]);
}
