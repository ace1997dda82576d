import { RunMap, type RunRange } from "../../content/run_map.ts";

/** Runs that follow one another in the random order, so that disks seek less: 8 MiB. */
const STRETCH = 32;
/** Rarity is looked at anew at most this often, in milliseconds. */
const SORT_EVERY_MS = 500;
/** Among so many equally rare runs, one is looked for that falls to this peer. */
const LOOK_AHEAD = 256;
/** How long a source that has everything is not asked for what others have too: milliseconds. */
const PATIENCE_MS = 500;
/**
 * At the end, a run that was asked for so long ago is asked of another source too, in milliseconds. The
 * time doubles with each: two sources that stall together hold up nothing for long, and many slow ones
 * are not all sent for the same.
 */
const OVERDUE_MS = 2_000;

export interface RunPickerOptions {
  /** What is there already. The picker adds to it. */
  map: RunMap;
  /** Runs from this one on must not be asked for yet; Infinity when all may, in any order. */
  horizon: () => number;
  /** This peer's id. */
  peer?: string;
  /** From 0 (included) to 1 (excluded). */
  random?: () => number;
  /** Milliseconds from any starting point. */
  now?: () => number;
}

/**
 * Decides which run a source is asked for next: of those that it has and nobody is asked for, one
 * that the fewest sources have, by chance among equals. With a horizon, the first one.
 *
 * When every missing run is being asked for, a run is given to one source more: whoever is quicker
 * brings it, and the other is told to stop.
 */
export class RunPicker<Source> {
  readonly #options: RunPickerOptions;
  readonly #now: () => number;
  readonly #sources = new Map<Source, RunMap>();
  /** Who is asked for a run. */
  readonly #takers = new Map<number, Set<Source>>();
  /** When the last of them was. */
  readonly #takenAt = new Map<number, number>();
  /** Who failed to bring a run, until it is asked for again. */
  readonly #avoid = new Map<number, Source>();
  /** The sources that lack something themselves, as numbers made of their ids. */
  readonly #rivals = new Map<Source, number>();
  readonly #seed: number;
  /** Since when a source has had nothing that falls to this peer. */
  readonly #idleSince = new Map<Source, number>();
  /** How many of the sources that lack something have a run, or will; all others have every run. */
  readonly #partialHolders: Uint8Array;
  /** Runs that were told of as on their way to somebody. */
  readonly #promised: RunMap;
  /** Runs that somebody waits for, by who does. */
  readonly #preferred = new Map<object, RunRange>();
  /** Missing runs, rarest first; some of them may be done since. */
  #order: number[];
  #sorted = true;
  #sortedAt = -Infinity;

  constructor(options: RunPickerOptions) {
    const { map, horizon, random = Math.random } = options;
    this.#options = options;
    this.#seed = seedOf(options.peer ?? "");
    this.#now = options.now ?? (() => performance.now());
    this.#partialHolders = new Uint8Array(map.runs);
    this.#promised = new RunMap(map.runs);
    const missing = Array.from({ length: map.runs }, (_, run) => run).filter((run) =>
      !map.has(run)
    );
    this.#order = horizon() === Infinity ? shuffled(missing, random) : missing;
  }

  /** Runs that are not there yet. */
  get missing(): number {
    const { map } = this.#options;
    return map.runs - map.count;
  }

  /** Anything may be taken from now on: those who began alike needn't go on alike. */
  unordered(): void {
    this.#order = shuffled(this.#order, this.#options.random ?? Math.random);
    this.#sorted = false;
  }

  /** These runs come before others, for as long as a reader waits for them. */
  prefer(reader: object, runs: RunRange | undefined): void {
    if (runs) this.#preferred.set(reader, runs);
    else this.#preferred.delete(reader);
  }

  /** What each of its sources has. */
  get maps(): RunMap[] {
    return [...this.#sources.values()];
  }

  /**
   * A source that has these runs; the map may grow, see {@link gained}. `peer` is its peer id, if it
   * has one.
   */
  add(source: Source, map: RunMap, peer?: string): void {
    this.remove(source);
    this.#sources.set(source, map);
    if (!map.complete && peer !== undefined) this.#rivals.set(source, seedOf(peer));
    if (!map.complete) this.#count(map, 1);
  }

  /** A source that can't be asked any more. What it was asked for is free for others. */
  remove(source: Source): void {
    const map = this.#sources.get(source);
    if (!map) return;
    this.#sources.delete(source);
    this.#rivals.delete(source);
    this.#idleSince.delete(source);
    if (!map.complete) this.#count(map, -1);
    for (const [run, takers] of this.#takers) if (takers.has(source)) this.release(run, source);
  }

  /** A source has a run more; its map says so already. */
  gained(source: Source, run: number): void {
    const map = this.#sources.get(source);
    if (!map) return;
    if (this.#partialHolders[run] < 255) this.#partialHolders[run]++;
    // From now on it counts with those that have everything.
    if (map.complete) this.#count(map, -1);
    this.#sorted = false;
  }

  /** Somebody else is being sent a run, and will soon have it: it is less rare than it seems. */
  promised(run: number): void {
    if (this.#promised.add(run) && this.#partialHolders[run] < 255) this.#partialHolders[run]++;
    this.#sorted = false;
  }

  /**
   * What this source is to be asked for: a run, and with it those that follow, up to `most` together,
   * where nothing speaks against it. Undefined when there is none now.
   */
  take(source: Source, most = 1): RunRange | undefined {
    const first = this.#takeOne(source);
    if (first === undefined) return;
    let end = first + 1;
    // What is rare is asked for on condition, which is of one run.
    const last = this.isRare(first, source) ? end : first + most;
    while (end < last && this.#follows(end, source)) this.#give(end++, source);
    return { first, end };
  }

  #takeOne(source: Source): number | undefined {
    const map = this.#sources.get(source);
    if (!map || this.missing === 0) return;
    this.#sort();
    const run = this.#findPreferred(source, map) ?? this.#find(source, map) ??
      this.#findTaken(source, map);
    if (run !== undefined) this.#give(run, source);
    return run;
  }

  #give(run: number, source: Source): void {
    const takers = this.#takers.get(run);
    if (takers) takers.add(source);
    else this.#takers.set(run, new Set([source]));
    this.#takenAt.set(run, this.#now());
    if (this.#avoid.get(run) !== source) this.#avoid.delete(run);
  }

  /** True when a run can be had with the one before it, and is no less rare. */
  #follows(run: number, source: Source): boolean {
    const { map, horizon } = this.#options;
    return run < Math.min(map.runs, horizon()) && !map.has(run) && !this.#takers.has(run) &&
      this.#sources.get(source)!.has(run) && this.#avoid.get(run) !== source &&
      this.#partialHolders[run] === this.#partialHolders[run - 1];
  }

  /** True for what only those have who have everything, while others lack something too. */
  isRare(run: number, source: Source): boolean {
    const complete = this.#sources.get(source)?.complete ?? false;
    return complete && this.#rivals.size > 0 && this.#partialHolders[run] === 0;
  }

  /** A run is there, verified and written. Returns who else is still being asked for it. */
  done(run: number): Source[] {
    this.#options.map.add(run);
    const takers = [...this.#takers.get(run) ?? []];
    this.#takers.delete(run);
    this.#takenAt.delete(run);
    this.#avoid.delete(run);
    return takers;
  }

  /** A source did not bring a run; with `failed`, others are asked for it first. */
  release(run: number, source: Source, failed = false): void {
    const takers = this.#takers.get(run);
    if (!takers?.delete(source)) return;
    if (takers.size === 0) this.#takers.delete(run);
    if (failed) this.#avoid.set(run, source);
    // It went out of the order when it was taken for the first time, and leads it now.
    if (this.#options.horizon() === Infinity) return void this.#order.unshift(run);
    const after = this.#order.findIndex((other) => other > run);
    this.#order.splice(after < 0 ? this.#order.length : after, 0, run);
  }

  /** A run that is waited for. It stays in the order, which passes over what is taken. */
  #findPreferred(source: Source, map: RunMap): number | undefined {
    for (const { first, end } of this.#preferred.values()) {
      for (let run = first; run < end; run++) {
        if (this.#options.map.has(run) || this.#takers.has(run) || !map.has(run)) continue;
        if (this.#avoid.get(run) === source && this.#othersHave(run, source)) continue;
        return run;
      }
    }
  }

  /**
   * Of the first runs in the order that nobody is asked for, the rarest; among equals one that falls
   * to this peer. Peers who lack the same rare runs would otherwise all ask for the same few.
   */
  #find(source: Source, map: RunMap): number | undefined {
    const { map: there, horizon } = this.#options;
    const end = horizon();
    let best: { at: number; holders: number; ours: boolean } | undefined;
    let seen = 0;
    for (let at = 0; at < this.#order.length && seen < LOOK_AHEAD; at++) {
      const run = this.#order[at];
      if (there.has(run) || this.#takers.has(run)) {
        this.#order.splice(at--, 1);
        continue;
      }
      if (run >= end) {
        if (end !== Infinity) return;
        continue;
      }
      if (!map.has(run)) continue;
      if (this.#avoid.get(run) === source && this.#othersHave(run, source)) continue;
      if (end !== Infinity) return this.#order.splice(at, 1)[0];
      seen++;
      const holders = this.#partialHolders[run];
      const ours = this.#fallsToUs(run);
      const better = !best || holders < best.holders ||
        holders === best.holders && ours && !best.ours;
      if (better) best = { at, holders, ours };
      if (ours && holders === 0) break;
    }
    if (!best || !this.#mayTake(source, map, best.holders)) return;
    return this.#order.splice(best.at, 1)[0];
  }

  /**
   * From a source that has everything, what others have or will have is left alone for a while: they
   * can be asked for it soon, and such a source is what all wait for who lack what nobody else has.
   */
  #mayTake(source: Source, map: RunMap, holders: number): boolean {
    if (holders === 0 || !map.complete || this.#rivals.size === 0) {
      this.#idleSince.delete(source);
      return true;
    }
    const since = this.#idleSince.get(source) ?? this.#now();
    this.#idleSince.set(source, since);
    return this.#now() - since >= PATIENCE_MS;
  }

  /** Each run falls to one of those who lack something, by their ids: all of them agree on whom. */
  #fallsToUs(run: number): boolean {
    const ours = weigh(run, this.#seed);
    for (const seed of this.#rivals.values()) if (weigh(run, seed) > ours) return false;
    return true;
  }

  #othersHave(run: number, source: Source): boolean {
    for (const [other, map] of this.#sources) if (other !== source && map.has(run)) return true;
    return false;
  }

  /** In the endgame, a run that others are asked for already, as few of them as can be. */
  #findTaken(source: Source, map: RunMap): number | undefined {
    if (this.#takers.size < this.missing) return;
    let best: { run: number; others: number } | undefined;
    for (const [run, takers] of this.#takers) {
      const others = takers.size;
      if (best && best.others <= others || takers.has(source) || !map.has(run)) continue;
      const since = this.#now() - this.#takenAt.get(run)!;
      if (since >= OVERDUE_MS * 2 ** (others - 1)) best = { run, others };
    }
    return best?.run;
  }

  #count(map: RunMap, by: 1 | -1): void {
    for (let run = 0; run < map.runs; run++) {
      if (map.has(run)) {
        this.#partialHolders[run] = Math.min(255, Math.max(0, this.#partialHolders[run] + by));
      }
    }
    this.#sorted = false;
  }

  /** Puts the rarest first; equals stay as they are, in their random order. */
  #sort(): void {
    if (this.#sorted || this.#options.horizon() !== Infinity) return;
    if (this.#now() - this.#sortedAt < SORT_EVERY_MS) return;
    const buckets: number[][] = [];
    for (const run of this.#order) (buckets[this.#partialHolders[run]] ??= []).push(run);
    this.#order = buckets.flat();
    this.#sorted = true;
    this.#sortedAt = this.#now();
  }
}

/** The runs in random order, a stretch at a time. */
function shuffled(runs: number[], random: () => number): number[] {
  const stretches: number[][] = [];
  for (let at = 0; at < runs.length; at += STRETCH) stretches.push(runs.slice(at, at + STRETCH));
  for (let last = stretches.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [stretches[last], stretches[other]] = [stretches[other], stretches[last]];
  }
  return stretches.flat();
}

/** A number of a peer id: its first 32 bits. */
function seedOf(peer: string): number {
  return Number.parseInt(peer.slice(0, 8), 16) || 0;
}

/** A number between 0 and 2^32 that looks random for each run and peer (the mixing of MurmurHash3). */
function weigh(run: number, seed: number): number {
  let hash = Math.imul(run ^ seed, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
