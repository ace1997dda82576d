import { Fault, inQuotes } from "../../fault.ts";
import type { Choice, Remembered } from "../../trust/choose_offer.ts";
import type { Candidate } from "../api/peer_api.ts";
import type { Offer } from "../discovery/swarm.ts";

/** Publishers that an error names. */
const NAMED = 3;

/** A choice that leads to nothing. */
export type RefusedChoice = Exclude<Choice<Offer>, { kind: "take" | "nothing" }>;

/**
 * The Fault when nothing on offer for a name is taken. `ambiguous` has the {@link Candidate}s as
 * its cause; the others are `integrity` Faults, and give the next step if that is what the user
 * wants.
 */
export function ambiguousName(name: string, choice: RefusedChoice): Fault {
  switch (choice.kind) {
    case "ambiguous":
      return ambiguous(name, choice.candidates.map(candidateOf));
    case "stranger":
      return stranger(name, choice.remembered, choice.offers);
    case "replay":
      return replay(name, choice.remembered, choice.offer);
  }
}

/** The `ambiguous` Fault for a name that stands for all of these. */
export function ambiguous(name: string, candidates: Candidate[]): Fault {
  const signed = candidates.some(({ publisher }) => publisher);
  return new Fault(
    "ambiguous",
    `Cannot get ${inQuotes(name)}: the name stands for ${candidates.length} different files`,
    { cause: candidates, next: `choose one with ${signed ? "--publisher KEY or " : ""}--id HEX` },
  );
}

/** The fault for a legacy peer's file under a name that a publisher is remembered for. */
export function unsigned(name: string, { publisher }: Remembered, id: string): Fault {
  return new Fault(
    "integrity",
    `Cannot get ${inQuotes(name)}: only legacy peers offer it, which sign nothing, but ` +
      `${short(publisher)} was remembered for it`,
    { next: `to take it all the same, run it again with --id ${id}` },
  );
}

/** The Fault for what only legacy peers say that they have, where that is not enough. */
export function onlyUnsigned(name: string): Fault {
  return new Fault(
    "not_found",
    `Cannot get ${inQuotes(name)}: it is unsigned; a legacy peer claims to have it`,
    {
      next: "to take it unsigned add --unsigned; or pin it with a whole --id or --checksum",
    },
  );
}

export function candidateOf({ announcement, total }: Offer): Candidate {
  const { name, id, size, publisher, time } = announcement;
  return { name, id, size, publisher, time, sources: total };
}

function stranger(name: string, { publisher, folder }: Remembered, offers: Offer[]): Fault {
  const others = offers.map(({ announcement }) => announcement.publisher);
  const more = others.length > NAMED ? ` and ${others.length - NAMED} more` : "";
  const who = others.slice(0, NAMED).map(short).join(", ") + more;
  const key = others.length === 1 ? others[0] : "KEY";
  const words = [`--publisher ${key}`, ...(name.startsWith("-") ? ["--"] : []), quoted(name)];
  return new Fault(
    "integrity",
    `Cannot get ${inQuotes(name)}: ${who} ${others.length === 1 ? "offers" : "offer"} it now, ` +
      `but ${short(publisher)} was remembered for ` +
      (folder === undefined ? "it" : `the folder ${inQuotes(folder)}`),
    { next: `if that is right: shoal peer trust accept ${words.join(" ")}` },
  );
}

function replay(name: string, { publisher, time }: Remembered, { announcement }: Offer): Fault {
  const [offered, taken] = [announcement.time, time].map((ms) => new Date(ms).toISOString());
  return new Fault(
    "integrity",
    `Cannot get ${inQuotes(name)}: the version of ${offered} that is offered is older than the ` +
      `one of ${taken} that was taken from ${short(publisher)} before`,
    { next: `to take it all the same, run it again with --id ${announcement.id}` },
  );
}

function short(id: string): string {
  return id.slice(0, 12);
}

/** A word as a POSIX shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
