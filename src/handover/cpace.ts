/**
 * CPace, a key exchange in which a short secret is worth one guess for each try: ristretto255 with
 * SHA-512, initiator and responder, as draft-irtf-cfrg-cpace-21 has it. Its test vectors are this
 * file's tests.
 */
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Point = InstanceType<typeof ristretto255.Point>;

const encoder = new TextEncoder();
const DSI = encoder.encode("CPaceRistretto255");
const DSI_ISK = encoder.encode("CPaceRistretto255_ISK");
/** Bytes of SHA-512's input block, which the secret and the padding fill. */
const BLOCK = 128;
/** Bytes of an encoded point and of a scalar. */
export const POINT_SIZE = 32;

/** The inputs of an exchange, which both parties have. */
interface Context {
  /** The short secret. */
  secret: Bytes;
  /** Identifies protocol and channel. */
  channel: Bytes;
  /** 16 random bytes, fresh for each exchange. */
  session: Bytes;
}

/** One party's share, and the scalar behind it. */
export interface KeyShare {
  scalar: bigint;
  /** {@link POINT_SIZE} bytes, to be sent. */
  point: Bytes;
}

/** A share and what its party said about itself with it. */
interface Said {
  point: Bytes;
  associated: Bytes;
}

/** A fresh share. `random` gives that many random bytes. */
export function newShare(
  context: Context,
  random: (size: number) => Bytes = (size) => crypto.getRandomValues(new Uint8Array(size)),
): KeyShare {
  // The group's order is a little above 2^252: 252 random bits are as good as uniform.
  const bytes = random(POINT_SIZE);
  bytes[POINT_SIZE - 1]! &= 0x0f;
  const scalar = ristretto255.Point.Fn.fromBytes(bytes);
  return { scalar, point: new Uint8Array(generatorOf(context).multiply(scalar).toBytes()) };
}

/**
 * The key that both parties have if their secrets are the same: 64 bytes. Throws an Error where the
 * other's share is no point of the group, or the neutral element.
 */
export function sharedKey(
  { session }: Pick<Context, "session">,
  scalar: bigint,
  { initiator, responder, other }: { initiator: Said; responder: Said; other: Bytes },
): Bytes {
  const theirs = ristretto255.Point.fromBytes(other);
  if (theirs.equals(ristretto255.Point.ZERO)) throw new Error("the share is the neutral element");
  const secret = theirs.multiply(scalar).toBytes();
  return new Uint8Array(sha512(concatenate(
    withLengths(DSI_ISK, session, secret),
    withLengths(initiator.point, initiator.associated),
    withLengths(responder.point, responder.associated),
  )));
}

/** The generator that stands for a secret in one exchange. */
export function generatorOf({ secret, channel, session }: Context): Point {
  const padding = Math.max(
    0,
    BLOCK - 1 - withLengths(secret).length - withLengths(DSI).length,
  );
  const text = withLengths(DSI, secret, new Uint8Array(padding), channel, session);
  return ristretto255_hasher.deriveToCurve!(sha512(text));
}

/** All parts one after another, each with its length before it (LEB128). */
function withLengths(...parts: Uint8Array[]): Uint8Array {
  return concatenate(...parts.flatMap((part) => [lengthOf(part.length), part]));
}

function lengthOf(length: number): Uint8Array {
  const bytes: number[] = [];
  for (; length > 0x7f; length >>>= 7) bytes.push(length & 0x7f | 0x80);
  return Uint8Array.of(...bytes, length);
}

function concatenate(...parts: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
