import type { Clock } from "../peer/rate_limiter.ts";
import type { PeerApi, PeerStatus, SharedFile } from "../peer/peer_api.ts";

/** How often the status is looked at while somebody listens, in milliseconds. */
const SAMPLE_MS = 200;
/** Most shares in one change; the next has the others. */
const SHARES_CAP = 500;
/** Names that were unshared and are remembered, for those who are behind. */
const GONE_CAP = 1_000;

/** A status without what changes by itself, or is told bit by bit. */
export type StatusSummary = Omit<PeerStatus, "shares" | "uptime"> & {
  /** When the peer started, in milliseconds since 1970. */
  started: number;
};

/** How far a listener is. */
export interface Seen {
  /** The last change that it knows. */
  version: number;
  /** What it knows of names holds nothing that went before this version. */
  whole: number;
}

const NOTHING: Seen = { version: 0, whole: -1 };

/** What is different from what a listener knows. */
export interface StatusChange {
  /** What to ask with next. */
  seen: Seen;
  status?: StatusSummary;
  shares?: {
    /** True when everything known before is void. */
    reset: boolean;
    set: SharedFile[];
    gone: string[];
  };
}

/**
 * The peer's status as a row of changes. It is sampled while anybody listens; each asks for the change
 * since what it saw last, so a slow one gets fewer and larger ones, and nothing is queued for it.
 */
export class StatusFeed {
  readonly #api: Pick<PeerApi, "status">;
  readonly #clock: Clock;
  #version = 0;
  #summary: { text: string; value: StatusSummary; version: number } | undefined;
  /** What changed last stands last. */
  readonly #shares = new Map<string, { share: SharedFile; version: number }>();
  readonly #gone = new Map<string, number>();
  /** Up to this version, it isn't known any more what went. */
  #forgotten = -1;
  #started: number | undefined;
  #listeners = 0;
  #stopTimer: (() => void) | undefined;
  readonly #woken = new Set<() => void>();

  constructor(api: Pick<PeerApi, "status">, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  get listeners(): number {
    return this.#listeners;
  }

  /** Begins to look, for as long as somebody listens. Returns what ends that. */
  async listen(): Promise<() => void> {
    if (this.#listeners++ === 0) {
      await this.#sample();
      this.#again();
    } else if (!this.#summary) await this.#sample();
    let listening = true;
    return () => {
      if (!listening) return;
      listening = false;
      if (--this.#listeners === 0) this.#stopTimer?.();
    };
  }

  /** What changed since `seen`; undefined when nothing did. */
  since(seen: Seen = NOTHING): StatusChange | undefined {
    if (seen.version === this.#version) return;
    const reset = seen.whole < this.#forgotten || seen.whole < 0 || seen.version > this.#version;
    const from = reset ? 0 : seen.version;
    const set: SharedFile[] = [];
    let upTo = this.#version;
    for (const { share, version } of this.#shares.values()) {
      if (version <= from) continue;
      set.push(share);
      if (set.length < SHARES_CAP) continue;
      upTo = version;
      break;
    }
    const within = (version: number) => version > from && version <= upTo;
    const gone = [...this.#gone].filter(([, version]) => within(version)).map(([name]) => name);
    return {
      seen: { version: upTo, whole: reset ? this.#version : Math.max(seen.whole, upTo) },
      status: within(this.#summary?.version ?? 0) ? this.#summary?.value : undefined,
      shares: set.length > 0 || gone.length > 0 || reset ? { reset, set, gone } : undefined,
    };
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

  /** Wakes all who wait for a change. */
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
    const { shares, uptime, ...status } = await this.#api.status();
    this.#started ??= Math.round(Date.now() - uptime * 1000);
    const seen = new Set<string>();
    for (const share of shares) {
      seen.add(share.name);
      const before = this.#shares.get(share.name);
      if (before && sameShare(before.share, share)) continue;
      this.#shares.delete(share.name);
      this.#gone.delete(share.name);
      this.#shares.set(share.name, { share, version: ++this.#version });
    }
    if (seen.size < this.#shares.size) this.#forget(seen);
    const value = { ...status, started: this.#started };
    const text = JSON.stringify(value);
    if (text !== this.#summary?.text) this.#summary = { text, value, version: ++this.#version };
  }

  #forget(present: Set<string>): void {
    for (const name of [...this.#shares.keys()].filter((name) => !present.has(name))) {
      this.#shares.delete(name);
      this.#gone.set(name, ++this.#version);
    }
    for (const [name, version] of this.#gone) {
      if (this.#gone.size <= GONE_CAP) break;
      this.#gone.delete(name);
      this.#forgotten = version;
    }
  }
}

function sameShare(a: SharedFile, b: SharedFile): boolean {
  const keys = Object.keys(b) as (keyof SharedFile)[];
  return keys.length === Object.keys(a).length && keys.every((key) => a[key] === b[key]);
}
