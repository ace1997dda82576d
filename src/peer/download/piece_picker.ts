import { Condition } from "../../async/condition.ts";
import { PieceMap, type PieceRange } from "../../content/piece_map.ts";
import { StalledSources } from "./stalled_sources.ts";

/**
 * Pieces that follow one another in the random order, so that disks seek less: 8 MiB at most, and less of a
 * small file, so that peers that begin together do not all begin with the same.
 */
const STRETCH = 32;
/** Stretches that a file has, at least, where it has so many pieces. */
const STRETCHES = 32;
/** Rarity is looked at anew at most this often, in milliseconds. */
const SORT_EVERY_MS = 500;
/** Among so many equally rare pieces, one is looked for that falls to this peer. */
const LOOK_AHEAD = 256;
/** The time for which a source that has everything is not asked for what others have too: milliseconds. */
const PATIENCE_MS = 500;

export interface PiecePickerOptions<Source> {
  /** The pieces that are there already; the picker notices what is added to it. */
  map: PieceMap;
  /** Pieces from this one on must not be asked for yet; Infinity when all may, in any order. */
  horizon: () => number;
  /** True when a source brought nothing for so many milliseconds. Default never. */
  isIdle?: (source: Source, ms: number) => boolean;
  /** This peer's id. */
  peer?: string;
  /** From 0 (included) to 1 (excluded). */
  random?: () => number;
  /** Milliseconds from any starting point. */
  now?: () => number;
}

/**
 * Decides which piece a source is asked for next: of those that it has and no source is asked for, one
 * that the fewest sources have, by chance among equals. With a horizon, the first one.
 *
 * When every missing piece is being asked for, a piece is given to one source more: the quicker one
 * brings it, and the other is told to stop.
 */
export class PiecePicker<Source> {
  /** Notified when there may be more to take than before, from any source. */
  readonly freed = new Condition();
  readonly #options: PiecePickerOptions<Source>;
  readonly #now: () => number;
  readonly #sources = new Map<Source, PieceMap>();
  /** The sources that are asked for a piece. */
  readonly #asked = new Map<number, Set<Source>>();
  readonly #stalled: StalledSources<Source>;
  /** The time when the last of them was asked for a piece. */
  readonly #takenAt = new Map<number, number>();
  /** The source that failed to bring a piece, until it is asked for again. */
  readonly #avoid = new Map<number, Source>();
  /** The sources that lack something themselves, as numbers made of their ids. */
  readonly #rivals = new Map<Source, number>();
  readonly #seed: number;
  /** Since when a source has had nothing that falls to this peer. */
  readonly #idleSince = new Map<Source, number>();
  /** The number of the sources that lack something and have a piece, or will; all others have every piece. */
  readonly #copies: Uint8Array;
  /** Pieces that were told of as on their way to another peer. */
  readonly #promised: PieceMap;
  /** Pieces that a reader waits for, by reader. */
  readonly #preferred = new Map<object, PieceRange>();
  /** Missing pieces, rarest first; some of them may be done since. */
  #order: number[];
  #sorted = true;
  /** Everything before this piece is there. */
  #firstMissing = 0;
  #sortedAt = -Infinity;

  constructor(options: PiecePickerOptions<Source>) {
    const { map, horizon, random = Math.random } = options;
    this.#options = options;
    this.#seed = seedOf(options.peer ?? "");
    this.#now = options.now ?? (() => performance.now());
    this.#stalled = new StalledSources({ isIdle: options.isIdle, now: this.#now });
    this.#copies = new Uint8Array(map.pieces);
    this.#promised = new PieceMap(map.pieces);
    const missing = Array.from({ length: map.pieces }, (_, piece) => piece).filter((piece) =>
      !map.has(piece)
    );
    this.#order = horizon() === Infinity ? shuffled(missing, random) : missing;
    map.onAdded((piece) => {
      for (const source of this.#asked.get(piece) ?? []) this.#stalled.hold(source, -1);
      this.#asked.delete(piece);
      this.#takenAt.delete(piece);
      this.#avoid.delete(piece);
    });
  }

  /** The number of pieces that are not there yet. */
  get missing(): number {
    const { map } = this.#options;
    return map.pieces - map.count;
  }

  /** True while a piece is missing that may be fetched now. */
  get wants(): boolean {
    const { map, horizon } = this.#options;
    while (map.has(this.#firstMissing)) this.#firstMissing++;
    return this.#firstMissing < Math.min(map.pieces, horizon());
  }

  /** Lets anything be taken from now on: peers that began alike need not continue alike. */
  unordered(): void {
    this.#order = shuffled(this.#order, this.#options.random ?? Math.random);
    this.#sorted = false;
    this.freed.notifyAll();
  }

  /** These pieces come before others, for as long as a reader waits for them. */
  prefer(reader: object, pieces: PieceRange | undefined): void {
    if (pieces) this.#preferred.set(reader, pieces);
    else this.#preferred.delete(reader);
    this.freed.notifyAll();
  }

  /** The number of sources. */
  get sources(): number {
    return this.#sources.size;
  }

  /** The map of each source. */
  get maps(): PieceMap[] {
    return [...this.#sources.values()];
  }

  /**
   * A source that has these pieces; the map may grow, see {@link gained}. `peer` is its peer id, if it
   * has one.
   */
  add(source: Source, map: PieceMap, peer?: string): void {
    this.remove(source);
    this.#sources.set(source, map);
    if (!map.complete && peer !== undefined) this.#rivals.set(source, seedOf(peer));
    if (!map.complete) this.#count(map, 1);
  }

  /** Forgets a source that can't be asked any more. What it was asked for is free for others. */
  remove(source: Source): void {
    const map = this.#sources.get(source);
    if (!map) return;
    this.#sources.delete(source);
    this.#rivals.delete(source);
    this.#idleSince.delete(source);
    if (!map.complete) this.#count(map, -1);
    for (const [piece, asked] of this.#asked) if (asked.has(source)) this.release(piece, source);
    this.freed.notifyAll();
  }

  /** Notes that a source has a piece more; its map says so already. */
  gained(source: Source, piece: number): void {
    const map = this.#sources.get(source);
    if (!map) return;
    this.#countCopy(piece, 1);
    // From now on it counts with those that have everything.
    if (map.complete) this.#count(map, -1);
    this.#sorted = false;
  }

  /** Somebody else is being sent a piece, and will soon have it: it is less rare than it seems. */
  promised(piece: number): void {
    if (this.#promised.add(piece)) this.#countCopy(piece, 1);
    this.#sorted = false;
  }

  /**
   * Takes what this source is to be asked for: a piece, and with it those that follow, up to `most` together,
   * where nothing speaks against it. Undefined when there is none now.
   */
  take(source: Source, most = 1): PieceRange | undefined {
    const first = this.#takeOne(source);
    if (first === undefined) return;
    let end = first + 1;
    // What is rare is asked for on condition, which is of one piece.
    const last = this.isRare(first, source) ? end : first + most;
    while (end < last && this.#follows(end, source)) this.#give(end++, source);
    return { first, end };
  }

  #takeOne(source: Source): number | undefined {
    const map = this.#sources.get(source);
    if (!map || this.missing === 0 || this.#stalled.has(source)) return;
    this.#sort();
    const piece = this.#findPreferred(source, map) ?? this.#find(source, map) ??
      this.#findTaken(source, map);
    if (piece !== undefined) this.#give(piece, source);
    return piece;
  }

  #give(piece: number, source: Source): void {
    const asked = this.#asked.get(piece);
    if (asked) asked.add(source);
    else this.#asked.set(piece, new Set([source]));
    this.#stalled.hold(source, 1);
    this.#takenAt.set(piece, this.#now());
    if (this.#avoid.get(piece) !== source) this.#avoid.delete(piece);
  }

  /** True when a piece can be had with the one before it, and is no less rare. */
  #follows(piece: number, source: Source): boolean {
    const { map, horizon } = this.#options;
    return piece < Math.min(map.pieces, horizon()) && !map.has(piece) && !this.#asked.has(piece) &&
      this.#sources.get(source)!.has(piece) && this.#avoid.get(piece) !== source &&
      this.#copies[piece] === this.#copies[piece - 1];
  }

  /** True for what only those have who have everything, while others lack something too. */
  isRare(piece: number, source: Source): boolean {
    const complete = this.#sources.get(source)?.complete ?? false;
    return complete && this.#rivals.size > 0 && this.#copies[piece] === 0;
  }

  /** Notes that a source did not bring a piece; with `failed`, others are asked for it first. */
  release(piece: number, source: Source, failed = false): void {
    const asked = this.#asked.get(piece);
    if (!asked?.delete(source)) return;
    this.#stalled.hold(source, -1);
    this.freed.notifyAll();
    if (asked.size === 0) this.#asked.delete(piece);
    if (failed) this.#avoid.set(piece, source);
    // It went out of the order when it was taken for the first time, and leads it now.
    if (this.#options.horizon() === Infinity) return void this.#order.unshift(piece);
    const after = this.#order.findIndex((other) => other > piece);
    this.#order.splice(after < 0 ? this.#order.length : after, 0, piece);
  }

  /** A piece that is waited for. It stays in the order, which passes over what is taken. */
  #findPreferred(source: Source, map: PieceMap): number | undefined {
    for (const { first, end } of this.#preferred.values()) {
      for (let piece = first; piece < end; piece++) {
        if (this.#options.map.has(piece) || this.#asked.has(piece) || !map.has(piece)) continue;
        if (this.#avoid.get(piece) === source && this.#othersHave(piece, source)) continue;
        return piece;
      }
    }
  }

  /**
   * Of the first pieces in the order that no source is asked for, the rarest; among equals one that falls
   * to this peer. Peers that lack the same rare pieces would otherwise all ask for the same few.
   */
  #find(source: Source, map: PieceMap): number | undefined {
    const { map: there, horizon } = this.#options;
    const end = horizon();
    let best: { at: number; copies: number; ours: boolean } | undefined;
    let seen = 0;
    for (let at = 0; at < this.#order.length && seen < LOOK_AHEAD; at++) {
      const piece = this.#order[at]!;
      if (there.has(piece) || this.#asked.has(piece)) {
        this.#order.splice(at--, 1);
        continue;
      }
      if (piece >= end) {
        if (end !== Infinity) return;
        continue;
      }
      if (!map.has(piece)) continue;
      if (this.#avoid.get(piece) === source && this.#othersHave(piece, source)) continue;
      if (end !== Infinity) return this.#order.splice(at, 1)[0];
      seen++;
      const copies = this.#copiesOf(piece);
      const ours = this.#fallsToUs(piece);
      const better = !best || copies < best.copies ||
        copies === best.copies && ours && !best.ours;
      if (better) best = { at, copies, ours };
      if (ours && copies === 0) break;
    }
    if (!best || !this.#mayTake(source, map, best.copies)) return;
    return this.#order.splice(best.at, 1)[0];
  }

  /**
   * From a source that has everything, what others have or will have is left alone for a while: they
   * can be asked for it soon, and such a source is what all wait for that lack what no other has.
   */
  #mayTake(source: Source, map: PieceMap, copies: number): boolean {
    if (copies === 0 || !map.complete || this.#rivals.size === 0) {
      this.#idleSince.delete(source);
      return true;
    }
    const since = this.#idleSince.get(source) ?? this.#now();
    this.#idleSince.set(source, since);
    return this.#now() - since >= PATIENCE_MS;
  }

  /** Each piece falls to one of those that lack something, by their ids: all of them agree on whom. */
  #fallsToUs(piece: number): boolean {
    const ours = weigh(piece, this.#seed);
    for (const seed of this.#rivals.values()) if (weigh(piece, seed) > ours) return false;
    return true;
  }

  #othersHave(piece: number, source: Source): boolean {
    for (const [other, map] of this.#sources) if (other !== source && map.has(piece)) return true;
    return false;
  }

  /** In the endgame, a piece that others are asked for already, as few of them as can be. */
  #findTaken(source: Source, map: PieceMap): number | undefined {
    if (this.#asked.size < this.missing) return;
    let best: { piece: number; others: number } | undefined;
    for (const [piece, asked] of this.#asked) {
      if (asked.has(source) || !map.has(piece)) continue;
      const others = this.#stalled.othersOverdue(asked, this.#takenAt.get(piece)!);
      if (others === undefined || best && best.others <= others) continue;
      best = { piece, others };
    }
    return best?.piece;
  }

  #count(map: PieceMap, by: 1 | -1): void {
    for (let piece = 0; piece < map.pieces; piece++) {
      if (map.has(piece)) this.#countCopy(piece, by);
    }
    this.#sorted = false;
  }

  /** The count stays between 0 and 255. */
  #countCopy(piece: number, by: 1 | -1): void {
    this.#copies[piece] = Math.min(255, Math.max(0, this.#copiesOf(piece) + by));
  }

  #copiesOf(piece: number): number {
    return this.#copies[piece] ?? 0;
  }

  /** Puts the rarest first; equals stay as they are, in their random order. */
  #sort(): void {
    if (this.#sorted || this.#options.horizon() !== Infinity) return;
    if (this.#now() - this.#sortedAt < SORT_EVERY_MS) return;
    const buckets: number[][] = [];
    for (const piece of this.#order) (buckets[this.#copiesOf(piece)] ??= []).push(piece);
    this.#order = buckets.flat();
    this.#sorted = true;
    this.#sortedAt = this.#now();
  }
}

/** The pieces in random order, a stretch at a time. */
function shuffled(pieces: number[], random: () => number): number[] {
  const stretches: number[][] = [];
  const length = Math.max(1, Math.min(STRETCH, Math.floor(pieces.length / STRETCHES)));
  for (let at = 0; at < pieces.length; at += length) {
    stretches.push(pieces.slice(at, at + length));
  }
  for (let last = stretches.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [stretches[last], stretches[other]] = [stretches[other]!, stretches[last]!];
  }
  return stretches.flat();
}

/** A number of a peer id: its first 32 bits. */
function seedOf(peer: string): number {
  return Number.parseInt(peer.slice(0, 8), 16) || 0;
}

/** A number between 0 and 2^32 that looks random for each piece and peer (the mixing of MurmurHash3). */
function weigh(piece: number, seed: number): number {
  let hash = Math.imul(piece ^ seed, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
