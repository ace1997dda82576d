/**
 * Signed announcements. What is signed is, without separators:
 *
 *     "shoal/1 announcement" and a zero byte
 *     file id    32 bytes
 *     size       u64, big-endian
 *     mtime      u64, big-endian
 *     time       u64, big-endian
 *     publisher  32 bytes
 *     name       UTF-8, to the end
 *
 * For a folder it begins with "shoal/1 folder" and a zero byte, and before the name stand
 *
 *     entries    u64, big-endian
 *     bytes      u64, big-endian
 *
 * Only the last part varies in length, so no two announcements have the same bytes.
 */
import { fromHex, toHex } from "../content/hex.ts";
import { RELEASED } from "../version.ts";
import type { Announcement } from "../wire/protocol.ts";
import { type Identity, verify } from "./identity.ts";

/** The content of an announcement before it is signed. */
export type Unsigned = Omit<Announcement, "publisher" | "signature">;

const encoder = new TextEncoder();
const FILE_CONTEXT = encoder.encode("shoal/1 announcement\0");
const FOLDER_CONTEXT = encoder.encode("shoal/1 folder\0");

/** The announcement, by and with the signature of `identity`. */
export async function signAnnouncement(
  identity: Identity,
  unsigned: Unsigned,
): Promise<Announcement> {
  const announcement = { ...unsigned, publisher: identity.id };
  const signature = toHex(await identity.sign(signedBytes(announcement)));
  return { ...announcement, signature };
}

/**
 * Most that a clock may be ahead of another, in milliseconds: a day covers every mistake about time
 * zones.
 */
const AHEAD_MS = 86_400_000;

/**
 * True for a time that is too far ahead for any clock. An announcement of such a time would be the
 * newest of its name for ever, so none is taken. A clock that was never set counts as that of the release.
 */
export function isAhead(time: number, now: number = Date.now()): boolean {
  return time > latestTime(now);
}

/** The latest time that is not too far ahead, in milliseconds since 1970. */
export function latestTime(now: number = Date.now()): number {
  return Math.max(now, RELEASED) + AHEAD_MS;
}

/** True when the publisher that an announcement names has signed all of it. */
export async function verifyAnnouncement(announcement: Announcement): Promise<boolean> {
  // Lone surrogates all become U+FFFD in UTF-8: one signature would cover several names.
  if (!announcement.name.isWellFormed()) return false;
  const { publisher, signature } = announcement;
  return await verify(publisher, fromHex(signature), signedBytes(announcement));
}

function signedBytes(of: Omit<Announcement, "signature">): Uint8Array<ArrayBuffer> {
  const name = encoder.encode(of.name);
  const folder = of.kind === "folder";
  const context = folder ? FOLDER_CONTEXT : FILE_CONTEXT;
  const counts = folder ? [of.entries ?? 0, of.bytes ?? 0] : [];
  const length = context.length + 32 + 3 * 8 + 32 + counts.length * 8 + name.length;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  const putNumbers = (numbers: number[]) => {
    for (const number of numbers) {
      view.setBigUint64(at, BigInt(number));
      at += 8;
    }
  };
  put(context);
  put(fromHex(of.id));
  putNumbers([of.size, of.mtime, of.time]);
  put(fromHex(of.publisher));
  putNumbers(counts);
  put(name);
  return bytes;
}
