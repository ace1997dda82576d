import { Fault, messageOf } from "../../fault.ts";
import { deadline } from "../../async/deadline.ts";
import { Backoff, type BackoffOptions, delay } from "../../async/retry.ts";
import { WrongPeer } from "../../trust/call_peer.ts";
import { Refusal } from "../../wire/caller.ts";
import { groupOf } from "../../wire/ip_address.ts";
import { LEAST_RATE } from "../../wire/protocol.ts";
import { AddressBook } from "../reach/address_book.ts";
import { isLie, type Source } from "./source.ts";

/** Sources that began to be connected lately, at a time. */
const HALF_OPEN = 8;
/** For how long a source counts as one of them, in milliseconds. */
const HALF_OPEN_MS = 1_000;
/** The time for a source to be connected and to say what it has, in milliseconds. */
const OPENING_MS = 15_000;
/** Sources that are remembered. */
const KNOWN_SOURCES = 1_000;
/** Sources used at a time. */
const MOST_SOURCES = 32;
/** A source that brought nothing for so long gives its place to one not yet tried, in milliseconds. */
const CONTEST_MS = 3_000;
/** A source that brought nothing for so long may have gone elsewhere, in milliseconds. */
const STALLED_MS = 3_000;
/** Times that a source is followed to another address. */
const MOST_MOVES = 8;
/** Times in a row that a source may fail before it has to be found again. */
const FAILURES = 4;
/** Times that the only source may send wrong content before it is given up for good. */
const STRIKES = 3;
/** Pauses after a source refused to serve the content, in milliseconds: it may have it later. */
const REFUSED_MS = { first: 2_000, longest: 300_000 };

/**
 * Where a source stands: to be tried, being connected, in use, pausing after a failure, given up until
 * it is found again, given up for good.
 */
export type State = "waiting" | "trying" | "connected" | "resting" | "lost" | "banned";

interface Candidate<S> {
  source: S;
  state: State;
  /** The network that its address is in. */
  group: string;
  /** Times that it was tried. */
  tries: number;
  /** In a row. */
  failures: number;
  /** Pauses after refusals to serve this content. */
  refusals: Backoff;
  /** The time when it may be tried again after one, by performance.now(). */
  refusedUntil: number;
  /** Times that it sent wrong content while it was the only source. */
  strikes: number;
  /** True when it failed for what it sent, the last time. */
  wrong: boolean;
  /** True once it was connected. */
  reached: boolean;
  /** True when it was never reached, and failed. */
  unreached: boolean;
  /** The step that may help with its last failure. */
  next?: string;
  /** Its last failure, in words; it stays when the source is back. */
  reason?: string;
  /** The right bytes that it had brought when it was last tried. */
  before: number;
  /** The time when it last brought something, or was tried, and the bytes that had come by then. */
  useful: { at: number; arrived: number };
  /** Ends its use, when its place is needed for another or it takes too long to open. */
  ending: AbortController;
  /** Its place was needed. */
  displaced: boolean;
  /** Another address of it became known since it was tried. */
  isElsewhere: boolean;
  /** Times that it was followed to another address. */
  moves: number;
}

type PoolSource = Pick<Source, "receipt" | "key" | "arrived" | "close" | "isSame" | "adopt">;

interface SourcePoolOptions<S> {
  /** Connects a source and uses it until nothing is left to fetch. Throws what ended it. */
  use: (source: S, onConnected: () => void, signal: AbortSignal) => Promise<void>;
  /** Ends everything. */
  signal: AbortSignal;
  /** The time when each source may be tried again. Default one of its own. */
  book?: AddressBook;
  /** Of that one. */
  backoff?: BackoffOptions;
}

/**
 * The sources of one download: tried in parallel, dropped when they lie, tried again when they fail. While
 * others wait that were not yet tried, a place is only held by bringing something.
 */
export class SourcePool<S extends PoolSource = Source> {
  readonly #options: SourcePoolOptions<S>;
  readonly #book: AddressBook;
  readonly #candidates = new Map<string, Candidate<S>>();
  readonly #working = new Set<Promise<void>>();

  constructor(options: SourcePoolOptions<S>) {
    this.#options = options;
    this.#book = options.book ?? new AddressBook(options.backoff);
  }

  /** Every source that is known, in the order in which they were named. */
  get all(): S[] {
    return [...this.#candidates.values()].map(({ source }) => source);
  }

  get connected(): S[] {
    return this.#in("connected").map(({ source }) => source);
  }

  /** The number of sources that are connected, or being connected. */
  get inUse(): number {
    return this.#in("trying", "connected").length;
  }

  /** Bytes of content that came from all sources. */
  get arrived(): number {
    let bytes = 0;
    for (const { source } of this.#candidates.values()) bytes += source.arrived;
    return bytes;
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

  /** True when sources are connected, and none of them brought anything lately. */
  isStalled(): boolean {
    const { connected } = this;
    return connected.length > 0 && connected.every((source) => this.isIdle(source, STALLED_MS));
  }

  /** True when none of the sources was ever reached, nor brought anything before, and all failed. */
  get isUnreached(): boolean {
    const candidates = [...this.#candidates.values()];
    return candidates.length > 0 && candidates.every(({ unreached }) => unreached);
  }

  /** The steps that may help with the sources that could not be reached. */
  get next(): string | undefined {
    return this.#candidates.values().find(({ next }) => next !== undefined)?.next;
  }

  /** The last failure of each source that failed. */
  get reasons(): string[] {
    return [...this.#candidates.values()].flatMap(({ reason }) => reason ?? []);
  }

  /** Adds sources that were found: new ones are tried, and lost ones again after their pause. */
  add(sources: S[]): void {
    for (const source of sources) {
      const known = this.#known(source);
      if (known?.source.adopt?.(source)) known.isElsewhere = true;
      if (!known) this.#remember(source);
      else if (known.state === "lost") {
        known.state = "resting";
        this.#track(this.#rest(known));
      }
    }
    this.#fill();
  }

  /** Lets sources that wait contest the places of those that bring nothing. To be called now and then. */
  tick(): void {
    const now = performance.now();
    for (const { source, useful } of this.#candidates.values()) {
      const least = LEAST_RATE * (now - useful.at) / 1_000;
      if (source.arrived === useful.arrived || source.arrived - useful.arrived < least) continue;
      useful.at = now;
      useful.arrived = source.arrived;
    }
    for (const candidate of this.#in("trying", "connected")) this.#follow(candidate);
    this.#fill();
  }

  /** Calls a source anew that is silent, and is at another address by now: a few times, as others say so. */
  #follow(candidate: Candidate<S>): void {
    const { isElsewhere, state, source } = candidate;
    const silentMs = state === "trying" ? STALLED_MS / 2 : STALLED_MS;
    if (!isElsewhere || candidate.moves >= MOST_MOVES || !this.isIdle(source, silentMs)) return;
    candidate.moves++;
    candidate.isElsewhere = false;
    candidate.ending.abort(new Fault("network", "it is at another address now"));
    source.close();
  }

  /** True when a source brought nothing for so many milliseconds, as of the last {@link tick}. */
  isIdle(source: S, ms: number): boolean {
    const candidate = this.#candidates.get(keyOf(source));
    return candidate !== undefined && performance.now() - candidate.useful.at >= ms;
  }

  /** Resolves when no source is being asked any more. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working);
  }

  /** The candidate that is the same peer. */
  #known(source: S): Candidate<S> | undefined {
    const known = this.#candidates.get(keyOf(source));
    if (known || !source.isSame) return known;
    return this.#candidates.values().find((one) => one.source.isSame?.(source));
  }

  #in(...states: State[]): Candidate<S>[] {
    return [...this.#candidates.values()].filter(({ state }) => states.includes(state));
  }

  #remember(source: S): void {
    const group = networkOf(source.receipt.address);
    if (this.#candidates.size >= KNOWN_SOURCES && !this.#makeRoom(group)) return;
    this.#candidates.set(keyOf(source), {
      source,
      state: "waiting",
      group,
      tries: 0,
      failures: 0,
      refusals: new Backoff(REFUSED_MS),
      refusedUntil: 0,
      strikes: 0,
      wrong: false,
      reached: false,
      unreached: false,
      before: 0,
      useful: { at: 0, arrived: 0 },
      ending: new AbortController(),
      displaced: false,
      isElsewhere: false,
      moves: 0,
    });
  }

  /** Forgets a source of the network that names most of them; false when `group` is no smaller. */
  #makeRoom(group: string): boolean {
    const sizes = new Map<string, number>();
    for (const { group } of this.#candidates.values()) {
      sizes.set(group, (sizes.get(group) ?? 0) + 1);
    }
    const [largest, size] = [...sizes].reduce((a, b) => b[1] > a[1] ? b : a);
    if (size <= (sizes.get(group) ?? 0) + 1) return false;
    for (const [key, { state, source, group }] of this.#candidates) {
      if (group !== largest || source.receipt.bytes > 0) continue;
      if (state === "waiting" || state === "lost") return this.#candidates.delete(key);
    }
    return false;
  }

  /**
   * Tries sources that wait: those first that were tried less, and then those of networks with fewer
   * places, so that neither the dead nor the many of one network keep out the others.
   */
  #fill(): void {
    const { signal } = this.#options;
    while (!signal.aborted) {
      const now = performance.now();
      const busy = this.#in("trying", "connected");
      const opening = busy.filter(({ state, useful: { at } }) =>
        state === "trying" && now - at < HALF_OPEN_MS
      );
      if (opening.length >= HALF_OPEN) return;
      const next = this.#next(busy);
      if (!next) return;
      if (busy.length >= MOST_SOURCES) return this.#contest(next, busy, now);
      next.state = "trying";
      this.#track(this.#work(next));
    }
  }

  #next(busy: Candidate<S>[]): Candidate<S> | undefined {
    const places = (group: string) => busy.filter((other) => other.group === group).length;
    let best: { candidate: Candidate<S>; places: number } | undefined;
    for (const candidate of this.#candidates.values()) {
      const { state, tries, group, source } = candidate;
      if (state !== "waiting" || best && tries > best.candidate.tries) continue;
      if (this.#book.pauseMs(keyOf(source), { anew: tries === 0 }) > 0) continue;
      const held = places(group);
      if (!best || tries < best.candidate.tries || held < best.places) {
        best = { candidate, places: held };
      }
    }
    return best?.candidate;
  }

  /** Closes the source that brought nothing for longest, if that is long: its place is needed. */
  #contest(next: Candidate<S>, busy: Candidate<S>[], now: number): void {
    if (next.tries > 0 || busy.some(({ displaced }) => displaced)) return;
    const idlest = busy.reduce((a, b) => b.useful.at < a.useful.at ? b : a);
    if (now - idlest.useful.at < CONTEST_MS) return;
    idlest.displaced = true;
    idlest.ending.abort(new Fault("network", "its place was needed for another source"));
    idlest.source.close();
  }

  #track(task: Promise<void>): void {
    const work = task.finally(() => {
      this.#working.delete(work);
      this.#fill();
    });
    this.#working.add(work);
  }

  /** Uses a source once, and pauses after it failed. */
  async #work(candidate: Candidate<S>): Promise<void> {
    const { signal, use } = this.#options;
    const { source, source: { receipt } } = candidate;
    candidate.tries++;
    candidate.before = receipt.bytes;
    candidate.displaced = false;
    candidate.isElsewhere = false;
    candidate.useful = { at: performance.now(), arrived: source.arrived };
    const ending = candidate.ending = new AbortController();
    using opening = deadline(OPENING_MS, () => {
      ending.abort(new Fault("network", `${receipt.address} did not say what it has`));
      source.close();
    });
    try {
      await use(source, () => {
        opening[Symbol.dispose]();
        candidate.state = "connected";
        candidate.unreached = false;
        candidate.reached = true;
        candidate.useful.at = performance.now();
        // Not sooner: until it is back, what it was dropped for is why it is not here.
        receipt.dropped = undefined;
        this.#fill();
      }, AbortSignal.any([signal, ending.signal]));
      return;
    } catch (error) {
      if (receipt.bytes > candidate.before) {
        candidate.failures = 0;
        candidate.refusals.reset();
        this.#book.brought(keyOf(source));
      }
      candidate.state = this.#after(candidate, error);
      candidate.wrong = isLie(error);
      candidate.unreached = !candidate.wrong && !candidate.reached && !(error instanceof Refusal) &&
        !this.#book.hasBrought(keyOf(source));
      candidate.next = error instanceof Fault ? error.next : undefined;
      // An end that we made ourselves is no reason.
      if (candidate.wrong || !signal.aborted && !candidate.displaced) this.#note(candidate, error);
    } finally {
      source.close();
    }
    if (candidate.state !== "resting" || signal.aborted) return;
    this.#fill();
    await this.#rest(candidate);
  }

  /** Waits until a source may be tried again. */
  async #rest(candidate: Candidate<S>): Promise<void> {
    const { refusedUntil, source } = candidate;
    const pause = Math.max(
      this.#book.pauseMs(keyOf(source)),
      refusedUntil - performance.now(),
    );
    if (pause > 0) await delay(pause, this.#options.signal).catch(() => {});
    candidate.state = "waiting";
  }

  /** Keeps why a source is dropped. That it no longer shares a file says less than why it stopped. */
  #note(candidate: Candidate<S>, error: unknown): void {
    const gone = error instanceof Refusal && error.code === "not_shared";
    if (!gone || !candidate.reason) candidate.reason = messageOf(error);
    candidate.source.receipt.dropped = candidate.reason;
  }

  /** Where a source stands after a failure, of which the book is told. */
  #after(candidate: Candidate<S>, error: unknown): State {
    const { signal } = this.#options;
    const key = keyOf(candidate.source);
    const wrong = isLie(error);
    if (wrong) {
      this.#book.failed(key);
      // At the end, the others were quicker to mend it than this one's requests to end.
      const others = this.#in("waiting", "trying", "connected", "resting").length > 1;
      const over = others || signal.aborted;
      return over || ++candidate.strikes === STRIKES ? "banned" : "resting";
    }
    if (signal.aborted) return "resting";
    const refused = error instanceof Refusal && error.code !== "busy";
    if (refused || error instanceof WrongPeer) {
      candidate.refusedUntil = performance.now() + candidate.refusals.next();
      return "lost";
    }
    const retryAfter = error instanceof Refusal ? error.retryAfter : undefined;
    this.#book.failed(key, { retryAfter });
    return ++candidate.failures >= FAILURES ? "lost" : "resting";
  }
}

function keyOf({ key, receipt }: PoolSource): string {
  return key ?? receipt.address;
}

/** The network that the sources at an address are counted under: each of this machine's stands for itself. */
function networkOf(address: string): string {
  const host = address.replace(/:\d+$/, "").replace(/^\[(.*)\]$/, "$1");
  return groupOf(host) ?? address;
}
