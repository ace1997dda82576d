import { Fault, messageOf } from "../../fault.ts";
import { Backoff, type BackoffOptions, delay } from "../../async/retry.ts";
import { Refusal } from "../../wire/caller.ts";
import type { Source } from "./source.ts";

/** Connections being opened at a time. */
const HALF_OPEN = 8;
/** Sources that are remembered: whoever names more has made them up. */
const KNOWN_SOURCES = 1_000;
/** Sources used at a time. */
const MOST_SOURCES = 32;
/** Times in a row that a source may fail before it has to be found again. */
const FAILURES = 4;
/** Times that the only source may send wrong content before it is given up for good. */
const STRIKES = 3;

/**
 * Where a source stands: to be tried, being connected, in use, pausing after a failure, given up until
 * it is found again, given up for good.
 */
export type State = "waiting" | "trying" | "connected" | "resting" | "lost" | "banned";

interface Candidate<S> {
  source: S;
  state: State;
  backoff: Backoff;
  /** In a row. */
  failures: number;
  /** Times that it sent wrong content while it was the only source. */
  strikes: number;
  /** True when it failed for what it sent, the last time. */
  wrong: boolean;
  /** What its last failure was, in words; it stays when the source is back. */
  reason?: string;
  /** True when it brought nothing, the last time. */
  useless: boolean;
  /** What it had brought when it was last connected: bytes. */
  before: number;
}

interface SourcePoolOptions<S> {
  /** Uses a connected source until nothing is left to fetch. Throws what ended it. */
  use: (source: S, onConnected: () => void) => Promise<void>;
  /** Ends everything. */
  signal: AbortSignal;
  backoff?: BackoffOptions;
}

/** The sources of one download: tried in parallel, dropped when they lie, tried again when they fail. */
export class SourcePool<S extends Pick<Source, "receipt" | "close"> = Source> {
  readonly #options: SourcePoolOptions<S>;
  readonly #candidates = new Map<string, Candidate<S>>();
  readonly #working = new Set<Promise<void>>();

  constructor(options: SourcePoolOptions<S>) {
    this.#options = options;
  }

  /** Every source that was ever named, in that order. */
  get all(): S[] {
    return [...this.#candidates.values()].map(({ source }) => source);
  }

  get connected(): S[] {
    return this.#in("connected");
  }

  /** True while there is a connected source that brings something, or never failed to. */
  get hopeful(): boolean {
    for (const { state, source, useless, before } of this.#candidates.values()) {
      if (state === "connected" && (!useless || source.receipt.bytes > before)) return true;
    }
    return false;
  }

  /** Where each of them stands, those in use first. */
  get states(): { source: S; state: State }[] {
    const all = [...this.#candidates.values()];
    return [
      ...all.filter(({ state }) => state === "connected"),
      ...all.filter(({ state }) => state !== "connected"),
    ];
  }

  /** True when every source that is known was given up for what it sent. */
  get onlyLiars(): boolean {
    return this.#candidates.size > 0 && this.#in("banned").length === this.#candidates.size;
  }

  /** True when what every source sent last was wrong, be it given up for it or not yet. */
  get allWrong(): boolean {
    const candidates = [...this.#candidates.values()];
    return candidates.length > 0 && candidates.every(({ wrong }) => wrong);
  }

  /** What the last failure of each source was that failed. */
  get reasons(): string[] {
    return [...this.#candidates.values()].flatMap(({ reason }) => reason ?? []);
  }

  /** Sources that were found: new ones are tried, and lost ones again. */
  add(sources: S[]): void {
    for (const source of sources) {
      const { address } = source.receipt;
      const known = this.#candidates.get(address);
      if (!known) {
        if (this.#candidates.size >= KNOWN_SOURCES) continue;
        const backoff = new Backoff(this.#options.backoff);
        this.#candidates.set(address, {
          ...{ source, state: "waiting", backoff, failures: 0, strikes: 0 },
          ...{ wrong: false, useless: false, before: 0 },
        });
      } else if (known.state === "lost") {
        known.state = "waiting";
        known.failures = 0;
        known.backoff.reset();
      }
    }
    this.#fill();
  }

  /** Resolves when nobody is being asked any more. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  #in(...states: State[]): S[] {
    return [...this.#candidates.values()].filter(({ state }) => states.includes(state))
      .map(({ source }) => source);
  }

  /** Tries who waits, those who failed less first, so that the dead don't keep out the living. */
  #fill(): void {
    const waiting = [...this.#candidates.values()].filter(({ state }) => state === "waiting")
      .sort((a, b) => a.failures - b.failures);
    for (const candidate of waiting) {
      if (this.#options.signal.aborted || this.#in("trying").length >= HALF_OPEN) return;
      if (this.#in("trying", "connected").length >= MOST_SOURCES) return;
      candidate.state = "trying";
      const work = this.#work(candidate).finally(() => {
        this.#working.delete(work);
        this.#fill();
      });
      this.#working.add(work);
    }
  }

  /** Uses a source once, and pauses after it failed. */
  async #work(candidate: Candidate<S>): Promise<void> {
    const { signal, use } = this.#options;
    const { source, backoff } = candidate;
    candidate.before = source.receipt.bytes;
    try {
      await use(source, () => {
        candidate.state = "connected";
        // Not sooner: until it is back, what it was dropped for is why it is not here.
        source.receipt.dropped = undefined;
        this.#fill();
      });
      return;
    } catch (error) {
      candidate.useless = source.receipt.bytes === candidate.before;
      if (!candidate.useless) {
        candidate.failures = 0;
        backoff.reset();
      }
      candidate.state = this.#after(candidate, error);
      candidate.wrong = error instanceof Fault && error.kind === "integrity";
      // An end that we made ourselves is no reason.
      if (candidate.wrong || !signal.aborted) this.#note(candidate, error);
    } finally {
      source.close();
    }
    if (candidate.state !== "resting" || signal.aborted) return;
    this.#fill();
    await delay(backoff.next(), signal).catch(() => {});
    candidate.state = "waiting";
  }

  /** Keeps why a source is dropped. That it no longer shares a file says less than why it stopped. */
  #note(candidate: Candidate<S>, error: unknown): void {
    const gone = error instanceof Refusal && error.code === "not_shared";
    if (!gone || !candidate.reason) candidate.reason = messageOf(error);
    candidate.source.receipt.dropped = candidate.reason;
  }

  /** Where a source stands after a failure. */
  #after(candidate: Candidate<S>, error: unknown): State {
    const wrong = error instanceof Fault && error.kind === "integrity";
    if (wrong) {
      // At the end, the others were quicker to mend it than this one's requests to end.
      const others = this.#in("waiting", "trying", "connected", "resting").length > 1;
      const over = others || this.#options.signal.aborted;
      return over || ++candidate.strikes === STRIKES ? "banned" : "resting";
    }
    if (this.#options.signal.aborted) return "resting";
    const hopeless = error instanceof Refusal && error.code !== "busy";
    return hopeless || ++candidate.failures === FAILURES ? "lost" : "resting";
  }
}
