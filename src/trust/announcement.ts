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
 * Only the last part varies in length, so no two announcements have the same bytes.
 */
import { fromHex, toHex } from "../content/hex.ts";
import type { Announcement } from "../wire/protocol.ts";
import { type Identity, verify } from "./identity.ts";

/** What a publisher says, before it is signed. */
export type Unsigned = Omit<Announcement, "publisher" | "signature">;

const encoder = new TextEncoder();
const CONTEXT = encoder.encode("shoal/1 announcement\0");

/** The announcement, by and with the signature of `identity`. */
export async function signAnnouncement(
  identity: Identity,
  { name, id, size, mtime, time }: Unsigned,
): Promise<Announcement> {
  const publisher = identity.id;
  const bytes = signedBytes({ name, id, size, mtime, time, publisher });
  const signature = toHex(await identity.sign(bytes));
  return { name, id, size, mtime, time, publisher, signature };
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
  const bytes = new Uint8Array(CONTEXT.length + 32 + 3 * 8 + 32 + name.length);
  const view = new DataView(bytes.buffer);
  let at = 0;
  const put = (part: Uint8Array) => {
    bytes.set(part, at);
    at += part.length;
  };
  put(CONTEXT);
  put(fromHex(of.id));
  for (const number of [of.size, of.mtime, of.time]) {
    view.setBigUint64(at, BigInt(number));
    at += 8;
  }
  put(fromHex(of.publisher));
  put(name);
  return bytes;
}
