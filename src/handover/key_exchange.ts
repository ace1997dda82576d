/**
 * The exchange between sender and receiver in a room. It ends with the sender's offer
 * in the receiver's hands, if both have the same secret. The receiver confirms its key first, so a
 * guess is seen before anything can be learned from it.
 *
 *     receiver  {sid, y}
 *     sender    {y}
 *     receiver  {confirm}
 *     sender    {confirm, iv, box}    or {wrong: true}
 *
 * Each is JSON, with bytes in hex. The keys are derived with HKDF-SHA-256 from CPace's: one to
 * confirm for each side, and one for the box, which is AES-256-GCM.
 */
import * as v from "valibot";
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { fromHex, toHex } from "../content/hex.ts";
import { Fault } from "../fault.ts";
import { Announcement, BLOB_CAP, FileSize, Host, PeerId, Port, Time } from "../wire/protocol.ts";
import { type KeyShare, newShare, POINT_SIZE, sharedKey } from "./cpace.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
const RECEIVER = encoder.encode("receiver");
const SENDER = encoder.encode("sender");
const SESSION_SIZE = 16;
const IV_SIZE = 12;
/** Most addresses in an offer: those of a machine with a few networks. */
export const ADDRESSES_CAP = 8;

const hex = (bytes: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`)));
const Opening = v.object({ sid: hex(SESSION_SIZE), y: hex(POINT_SIZE) });
const Reply = v.object({ y: hex(POINT_SIZE) });
const Confirmation = v.object({ confirm: hex(32) });
const Verdict = v.union([
  v.object({ wrong: v.literal(true) }),
  v.object({
    confirm: hex(32),
    iv: hex(IV_SIZE),
    box: v.pipe(v.string(), v.regex(/^(?:[0-9a-f]{2}){16,2000}$/)),
  }),
]);

/** A sender's offer: a private swarm of its own, and how to get there. */
export const HandoverOffer = v.object({
  /** The key of that swarm: 32 bytes. */
  swarm: hex(32),
  /** The sender's peer id: all that is offered is signed by it. */
  peer: PeerId,
  /** Announces the list of what is offered (offer_list.ts). */
  list: Announcement,
  /** Addresses at which the sender may be reached. */
  at: v.pipe(
    v.array(v.object({ host: Host, port: Port })),
    v.minLength(1),
    v.maxLength(ADDRESSES_CAP),
  ),
  /** The number of receivers; undefined for any. */
  to: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  /** Bytes of all that is offered. */
  size: FileSize,
  /** The time after which the sender is gone. */
  until: Time,
});
export type HandoverOffer = v.InferOutput<typeof HandoverOffer>;

/** The two ends don't have the same secret, or one of them isn't what it claims to be. */
export class WrongWords extends Error {
  override readonly name = "WrongWords";
}

interface Keys {
  receiver: Bytes;
  sender: Bytes;
  box: Bytes;
}

/** The receiver's end. Its methods are called in their order, each with what the sender said. */
export class ReceivingEnd {
  readonly #session = crypto.getRandomValues(new Uint8Array(SESSION_SIZE));
  readonly #share: KeyShare;
  #keys: Keys | undefined;

  constructor(room: number, secret: string) {
    this.#share = newShare(contextOf(room, secret, this.#session));
  }

  open(): string {
    return JSON.stringify({ sid: toHex(this.#session), y: toHex(this.#share.point) });
  }

  /** Throws {@link WrongWords} for what is no share. */
  async confirm(blob: string): Promise<string> {
    const theirs = fromHex(parse(Reply, blob).y);
    this.#keys = await deriveKeys(this.#session, this.#share, theirs, {
      receiver: this.#share.point,
      sender: theirs,
    });
    return JSON.stringify({ confirm: toHex(this.#keys.receiver) });
  }

  /** The offer. Throws {@link WrongWords}. */
  async accept(blob: string): Promise<HandoverOffer> {
    const verdict = parse(Verdict, blob);
    if ("wrong" in verdict) throw new WrongWords("the sender has other words");
    if (!timingSafeEqual(fromHex(verdict.confirm), this.#keys!.sender)) {
      throw new WrongWords("the other end does not have the words");
    }
    try {
      const key = await boxKey(this.#keys!.box, "decrypt");
      const algorithm = { name: "AES-GCM", iv: fromHex(verdict.iv) };
      const opened = await crypto.subtle.decrypt(algorithm, key, fromHex(verdict.box));
      return v.parse(HandoverOffer, JSON.parse(decoder.decode(opened)));
    } catch (cause) {
      throw new WrongWords("the offer can't be read", { cause });
    }
  }
}

/** The sender's end, one for each guest. */
export class SendingEnd {
  readonly #room: number;
  readonly #secret: string;
  #keys: Keys | undefined;

  constructor(room: number, secret: string) {
    this.#room = room;
    this.#secret = secret;
  }

  /** Throws {@link WrongWords} for what is no share. */
  async reply(blob: string): Promise<string> {
    const opening = parse(Opening, blob);
    const session = fromHex(opening.sid);
    const theirs = fromHex(opening.y);
    const share = newShare(contextOf(this.#room, this.#secret, session));
    this.#keys = await deriveKeys(session, share, theirs, {
      receiver: theirs,
      sender: share.point,
    });
    return JSON.stringify({ y: toHex(share.point) });
  }

  /** The offer for a guest that has the secret. Throws {@link WrongWords}. */
  async offer(blob: string, offer: HandoverOffer): Promise<string> {
    const { confirm } = parse(Confirmation, blob);
    if (!this.#keys || !timingSafeEqual(fromHex(confirm), this.#keys.receiver)) {
      throw new WrongWords("the guest does not have the words");
    }
    const iv = crypto.getRandomValues(new Uint8Array(IV_SIZE));
    const key = await boxKey(this.#keys.box, "encrypt");
    const text = encoder.encode(JSON.stringify(offer));
    const box = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, text));
    return JSON.stringify({
      confirm: toHex(this.#keys.sender),
      iv: toHex(iv),
      box: toHex(box),
    });
  }
}

/** The sender's answer to a guest that has other words. */
export const WRONG = JSON.stringify({ wrong: true });

function contextOf(room: number, secret: string, session: Bytes) {
  return {
    secret: encoder.encode(secret),
    channel: encoder.encode(`shoal/1 hand-over ${room}`),
    session,
  };
}

async function deriveKeys(
  session: Bytes,
  { scalar }: KeyShare,
  other: Bytes,
  { receiver, sender }: { receiver: Bytes; sender: Bytes },
): Promise<Keys> {
  let shared: Bytes;
  try {
    shared = sharedKey({ session }, scalar, {
      initiator: { point: receiver, associated: RECEIVER },
      responder: { point: sender, associated: SENDER },
      other,
    });
  } catch (cause) {
    throw new WrongWords("the other end sent no share", { cause });
  }
  const key = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveBits"]);
  const derive = async (what: string) => {
    const info = encoder.encode(`shoal/1 hand-over ${what}`);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, 256));
  };
  const [confirmsReceiver, confirmsSender, box] = await Promise.all([
    derive("receiver confirms"),
    derive("sender confirms"),
    derive("box"),
  ]);
  return { receiver: confirmsReceiver, sender: confirmsSender, box };
}

async function boxKey(key: Bytes, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return await crypto.subtle.importKey("raw", key, "AES-GCM", false, [usage]);
}

/** Throws {@link WrongWords}: what breaks the rules is a wrong try. */
function parse<S extends v.GenericSchema>(schema: S, blob: string): v.InferOutput<S> {
  try {
    if (blob.length > BLOB_CAP) throw new Fault("network", "it is too long");
    return v.parse(schema, JSON.parse(blob));
  } catch (cause) {
    throw new WrongWords("the other end broke the rules", { cause });
  }
}
