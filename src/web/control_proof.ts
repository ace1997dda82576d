/**
 * Mutual proof: the two ends of the control endpoint show each other that they know its token,
 * which itself is never sent: after a crash, any program may get the port. Before each request:
 *
 *     client  GET /api/v1/hello?nonce=C
 *     peer    {"nonce":S,"proof":HMAC(token, "shoal control/1 hello" C S)}
 *     client  Authorization: Shoal C S HMAC(token, "shoal control/1 request" C S method path)
 *     peer    X-Shoal-Proof: HMAC(token, "shoal control/1 answer" C S)
 *
 * Parts are separated by zero bytes. A client sends no request to an endpoint whose proof is wrong,
 * and takes no answer without one: that may come over another connection. S is good once, for a
 * short time.
 */
import { Buffer } from "node:buffer";
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** For how long a peer's nonce can be used, in milliseconds. */
const NONCE_MS = 30_000;

/** 256 random bits as hex digits: a client's nonce. */
export function newNonce(): string {
  return randomBytes(32).toString("hex");
}

type Proof = "hello" | "request" | "answer";

/** A proof of the token over some text, in hex. */
export function proofOf(token: string, kind: Proof, ...parts: string[]): string {
  return mac(Buffer.from(token, "hex"), `shoal control/1 ${kind}`, ...parts);
}

/** Compares in constant time. */
export function isSame(a: string, b: string): boolean {
  const [one, other] = [Buffer.from(a), Buffer.from(b)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function mac(key: Uint8Array, ...parts: string[]): string {
  return createHmac("sha256", key).update(parts.join("\0")).digest("hex");
}

interface ControlProofsOptions {
  /** Milliseconds from any starting point; never goes back. Default the process's. */
  now?: () => number;
}

/** The peer's end. Nothing is kept for clients that haven't proved themselves. */
export class ControlProofs {
  readonly #token: string;
  readonly #now: () => number;
  /** Marks nonces as this peer's own. */
  readonly #secret = randomBytes(32);
  /** Nonces that were used, and when they end; in the order of their use. */
  readonly #used = new Map<string, number>();

  constructor(token: string, { now = () => performance.now() }: ControlProofsOptions = {}) {
    this.#token = token;
    this.#now = now;
  }

  /** The answer to a client's nonce. */
  hello(nonce: string): { nonce: string; proof: string } {
    const text = `${newNonce()}.${Math.ceil(this.#now() + NONCE_MS)}`;
    const own = `${text}.${mac(this.#secret, text)}`;
    return { nonce: own, proof: proofOf(this.#token, "hello", nonce, own) };
  }

  /** The proof for the answer to a request with this Authorization; undefined where it isn't valid. */
  check(authorization: string, method: string, path: string): string | undefined {
    const parts = /^Shoal ([0-9a-f]{64}) ([0-9a-f]{64}\.(\d{1,15})\.[0-9a-f]{64}) ([0-9a-f]{64})$/
      .exec(authorization);
    if (!parts) return;
    const [, nonce = "", own = "", ends, proof = ""] = parts;
    const [text, mark = ""] = [own.slice(0, own.lastIndexOf(".")), own.split(".")[2]];
    if (!isSame(mark, mac(this.#secret, text)) || this.#now() >= Number(ends)) return;
    if (!isSame(proof, proofOf(this.#token, "request", nonce, own, method, path))) return;
    if (this.#used.has(own)) return;
    for (const [old, end] of this.#used) {
      if (this.#now() < end) break;
      this.#used.delete(old);
    }
    // It can't be used longer than this, whenever it was made.
    this.#used.set(own, this.#now() + NONCE_MS);
    return proofOf(this.#token, "answer", nonce, own);
  }
}
