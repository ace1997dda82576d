/**
 * The choice among announcements of a name: trust on first use, as SSH has it for hosts. Pure: the
 * remembered publishers are passed in, and so are the offers, every signature checked.
 *
 * 1. A content that is asked for by its whole id is taken from any publisher: the id pins it. With a
 *    publisher besides, it must be one announcement of theirs, for that name. The beginning of an id
 *    is enough to choose among what the other rules allow.
 * 2. The remembered publisher's newest version is taken, unless it is older than one that was taken
 *    before. So is, from any publisher, the very content that was taken last.
 * 3. This peer trusts itself, as far as no other publisher is remembered.
 * 4. With none remembered, a single publisher is taken, and will be remembered; several that all
 *    offer the same content are taken, and none of them remembered; else the name is ambiguous.
 * 5. A publisher named by its key is taken in place of all others. The beginning of a key is enough
 *    to choose among those on offer, but not to go against what is remembered: keys that begin alike
 *    can be made.
 * 6. Names are a tree: where no publisher is remembered for a name, that of the nearest folder above
 *    it is, and any other is a stranger.
 */
import { foldersAbove } from "../content/safe_path.ts";
import type { Announcement } from "../wire/protocol.ts";

/** Hex digits of a file or peer id. */
const ID_DIGITS = 64;

/**
 * The reason why a file was taken. `first`: no publisher was remembered for its name, and its own
 * is from then on. `known`: it is the remembered publisher's, or the content that they published
 * last. `own`: this peer's own. `pinned`: asked for by its id. `named`: by its publisher's key,
 * while another is remembered and stays so. `several`: more than one publisher offers that same
 * content, and none is remembered. `none`: it is unsigned.
 */
export type Taken = "first" | "known" | "own" | "pinned" | "named" | "several" | "none";
export const TAKEN = [
  "first",
  "known",
  "own",
  "pinned",
  "named",
  "several",
  "none",
] as const satisfies readonly Taken[];

/** The publisher that is remembered for a name. */
export interface Remembered {
  /** A peer id. */
  publisher: string;
  /** The time of the newest announcement that was taken; 0 before the first. */
  time: number;
  /** The content of that version. */
  id?: string;
  /** The folder above, where the publisher is remembered for that. */
  folder?: string;
}

/** The publisher that counts for a name: remembered for it, or for the nearest folder above it. */
export function rememberedFor(
  name: string,
  get: (name: string) => Remembered | undefined,
): Remembered | undefined {
  const own = get(name);
  if (own) return own;
  for (const folder of foldersAbove(name)) {
    const publisher = get(folder)?.publisher;
    if (publisher !== undefined) return { publisher, time: 0, folder };
  }
}

/** The user's request besides a name. */
export interface Wish {
  /** A file id or its beginning. */
  id?: string;
  /** A peer id or its beginning. */
  publisher?: string;
}

export interface Knowledge {
  /** This peer's id. */
  own: string;
  remembered?: Remembered;
}

interface Offered {
  announcement: Announcement;
}

/**
 * The result of a choice. `lead` is the announcement that counts, `offers` all with its content.
 */
export type Choice<Offer> =
  | { kind: "take"; lead: Offer; offers: Offer[]; taken: Taken }
  /** Nothing fits. */
  | { kind: "nothing" }
  | { kind: "ambiguous"; candidates: Offer[] }
  /** Only others than the remembered publisher offer it. */
  | { kind: "stranger"; remembered: Remembered; offers: Offer[] }
  /** The remembered publisher's newest is older than what was taken before. */
  | { kind: "replay"; remembered: Remembered; offer: Offer };

/** Chooses among the offers for `name`; for a whole id, offers of other names may be among them. */
export function chooseOffer<Offer extends Offered>(
  offers: Offer[],
  { name, id = "", publisher = "" }: Wish & { name: string },
  { own, remembered }: Knowledge,
): Choice<Offer> {
  const fitting = offers.filter(({ announcement: a }) =>
    a.id.startsWith(id) && a.publisher.startsWith(publisher)
  );
  if (fitting.length === 0) return { kind: "nothing" };
  const take = (lead: Offer, taken: Taken): Choice<Offer> => {
    const same = offers.filter((one) => one.announcement.id === lead.announcement.id);
    return { kind: "take", lead, offers: same, taken };
  };
  if (isWhole(id)) {
    if (publisher && !fitting.some(({ announcement }) => isFor(announcement, name))) {
      return { kind: "nothing" };
    }
    const named = fitting.filter(({ announcement }) => isFor(announcement, name));
    const lead = ofRemembered(named, remembered) ?? newest(named.length > 0 ? named : fitting);
    return take(lead, "pinned");
  }
  const versions = id ? fitting : newestOfEach(fitting);
  const trusted = versions.filter((one) => isBy(one, remembered?.publisher));
  if (contentsOf(trusted) > 1) return { kind: "ambiguous", candidates: trusted };
  const theirs = ofRemembered(versions, remembered);
  const mine = versions.find((one) => isBy(one, own));
  if (remembered) {
    const known = remembered.publisher === own ? "own" : "known";
    if (theirs && !isReplay(theirs.announcement, remembered)) return take(theirs, known);
    const same = fitting.filter((one) => one.announcement.id === remembered.id);
    if (same.length > 0) return take(newest(same), "known");
  }
  if (publisher && versions.length > 1) return { kind: "ambiguous", candidates: versions };
  if (remembered && theirs) return { kind: "replay", remembered, offer: theirs };
  if (mine) return take(mine, "own");
  if (remembered) {
    const [named] = versions;
    if (named && isWhole(publisher)) return take(named, "named");
    return { kind: "stranger", remembered, offers: versions };
  }
  const [first, ...others] = versions;
  if (first && others.length === 0) return take(first, "first");
  if (contentsOf(versions) === 1) return take(newest(versions), "several");
  return { kind: "ambiguous", candidates: versions };
}

/**
 * The publisher to remember after a version was fetched and verified: undefined is none. The first
 * publisher stays, and only ever moves on to newer versions.
 */
export function rememberedAfter(
  before: Remembered | undefined,
  { publisher, time, id }: Announcement,
  taken: Taken,
): Remembered | undefined {
  if (!before) return taken === "first" ? { publisher, time, id } : undefined;
  if (before.publisher !== publisher || time <= before.time) return before;
  return { ...before, time, id };
}

/** The standing of a publisher in connection with a name. */
export type Standing = "own" | "trusted" | "other" | "unknown";

/**
 * The standing of a publisher: `other` is not the remembered one; `unknown` is any where none is
 * remembered.
 */
export function standingOf(publisher: string, { own, remembered }: Partial<Knowledge>): Standing {
  if (publisher === own) return "own";
  if (!remembered) return "unknown";
  return publisher === remembered.publisher ? "trusted" : "other";
}

/** True for all digits of an id or key: a beginning can be made to fit. */
export function isWhole(digits: string | undefined): boolean {
  return digits?.length === ID_DIGITS;
}

/** True for an announcement of that name, or of a folder above it. */
function isFor({ kind, name: announced }: Announcement, name: string): boolean {
  return announced === name || kind === "folder" && name.startsWith(`${announced}/`);
}

/** An older version than the one that was taken, unless its content is the same all the same. */
function isReplay({ time, id }: Announcement, remembered: Remembered): boolean {
  return time < remembered.time && id !== remembered.id;
}

function ofRemembered<Offer extends Offered>(offers: Offer[], remembered?: Remembered) {
  const theirs = offers.filter((one) => isBy(one, remembered?.publisher));
  return theirs.length > 0 ? newest(theirs) : undefined;
}

function isBy({ announcement }: Offered, publisher: string | undefined): boolean {
  return announcement.publisher === publisher;
}

/** Of each publisher's versions the newest. */
function newestOfEach<Offer extends Offered>(offers: Offer[]): Offer[] {
  return [...Map.groupBy(offers, (one) => one.announcement.publisher).values()].map(newest);
}

/** The later one; in a tie by what they say, so that the order of the offers is of no account. */
function newest<Offer extends Offered>(offers: Offer[]): Offer {
  return offers.reduce((a, b) => {
    const [x, y] = [a.announcement, b.announcement];
    const tie = x.id + x.publisher >= y.id + y.publisher;
    return x.time > y.time || (x.time === y.time && tie) ? a : b;
  });
}

function contentsOf(offers: Offered[]): number {
  return new Set(offers.map(({ announcement }) => announcement.id)).size;
}
