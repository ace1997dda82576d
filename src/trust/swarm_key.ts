/**
 * The key of a private swarm: a secret of 256 random bits that all its members have. As text, to be
 * kept in a file:
 *
 *     shoal swarm key 1
 *     key <64 hex digits>
 *     old <64 hex digits> until 2026-01-31T09:05:00Z
 *
 * The first line is the version. `old` lines, at most {@link OLD_CAP}, are earlier keys that are
 * still good until the time they name, latest key first. Empty lines and those that begin with `#`
 * say nothing. Error messages name lines by number: their text may be a secret.
 */
import { fromHex, toHex } from "../content/hex.ts";
import { Fault } from "../fault.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** The first line of a key's text. */
const SWARM_KEY_VERSION = "shoal swarm key 1";
/** Most earlier keys that a key carries. */
export const OLD_CAP = 8;
/** Most characters in a key's text. */
export const SWARM_KEY_TEXT_CAP = 4_096;

const SECRET_SIZE = 32;
/** The latest time that a key's text can name. */
const LATEST = Date.parse("9999-12-31T23:59:59Z");
const NOTE = "# Keep this secret: anyone who can read it is a member of the swarm.";
const HEX = "[0-9a-f]{64}";
const KEY_LINE = new RegExp(`^key\\s+(${HEX})$`);
const OLD_LINE = new RegExp(
  `^old\\s+(${HEX})\\s+until\\s+(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ)$`,
);

/** An earlier key. */
interface OldSecret {
  secret: Bytes;
  /** The first moment at which it is no longer good, in whole seconds' milliseconds since 1970. */
  until: number;
}

export interface SwarmKey {
  /** 32 bytes. */
  secret: Bytes;
  /** Latest key first. */
  old: OldSecret[];
}

/** A fresh key. */
export function newSwarmKey(): SwarmKey {
  return { secret: crypto.getRandomValues(new Uint8Array(SECRET_SIZE)), old: [] };
}

/**
 * A new key that carries `old` on until a time, and whatever `old` itself still carries at `now`; both
 * in milliseconds since 1970. Throws a `usage` Fault when that are too many, or for too long.
 */
export function rotateSwarmKey(old: SwarmKey, { until, now }: { until: number; now: number }) {
  const carried = [
    { secret: old.secret, until: Math.ceil(until / 1000) * 1000 },
    ...old.old.filter((one) => now < one.until),
  ];
  if (!(until <= LATEST)) throw new Fault("usage", "it can't be carried on beyond the year 9999");
  if (carried.length > OLD_CAP) {
    throw new Fault("usage", `it carries ${OLD_CAP} earlier keys already, the most there can be`);
  }
  return { ...newSwarmKey(), old: carried } satisfies SwarmKey;
}

/** The text of a key, with its secrets. */
export function formatSwarmKey({ secret, old }: SwarmKey): string {
  const lines = old.map((one) => `old ${toHex(one.secret)} until ${formatUntil(one.until)}`);
  return [SWARM_KEY_VERSION, NOTE, `key ${toHex(secret)}`, ...lines, ""].join("\n");
}

/** The key that a text stands for. Throws a `usage` Fault that says what is wrong with the text. */
export function parseSwarmKey(text: string): SwarmKey {
  const [version = "", ...lines] = text.split(/\r?\n/);
  if (version !== SWARM_KEY_VERSION) {
    const later = /^shoal swarm key \d+$/.test(version);
    throw new Fault("usage", later ? "it is of a later version of Shoal" : "it is not a swarm key");
  }
  let secret: Bytes | undefined;
  const old: OldSecret[] = [];
  for (const [index, line] of lines.entries()) {
    const words = line.trim();
    if (words === "" || words.startsWith("#")) continue;
    const [, key] = KEY_LINE.exec(words) ?? [];
    const [, earlier, time = ""] = OLD_LINE.exec(words) ?? [];
    const until = Date.parse(time);
    if (key && !secret) secret = fromHex(key);
    else if (earlier && formatUntil(until) === time && old.length < OLD_CAP) {
      old.push({ secret: fromHex(earlier), until });
    } else throw new Fault("usage", `it is damaged in line ${index + 2}`);
  }
  if (!secret) throw new Fault("usage", "it is damaged, there is no key in it");
  return { secret, old };
}

/** A time as it stands in a key's text; nothing a text can hold when it isn't one. */
function formatUntil(time: number): string {
  return Number.isNaN(time) ? "" : new Date(time).toISOString().replace(".000Z", "Z");
}
