/**
 * Proof of membership: the two ends of a TLS connection prove to each other that they have a swarm
 * key, before anything else is said. Proofs are HMAC-SHA-256 with a token key over nonces that both
 * ends chose, so that none is good for a second connection:
 *
 *     caller  {"action":"join","nonce":C,"proofs":[HMAC("shoal/1 join\0" C), …]}     one for each key
 *     callee  {"action":"member","nonce":S,"proof":HMAC("shoal/1 member\0" C S)}     with one of them
 *     caller  {"action":"joined","proof":HMAC("shoal/1 joined\0" C S)}               with the same
 *
 * A callee that gets something else closes without a word.
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import * as v from "valibot";
import { fromHex, toHex } from "../content/hex.ts";
import { Fault } from "../fault.ts";
import { parseAs } from "../wire/codec.ts";
import type { Channel } from "../wire/transport.ts";
import { hmac } from "./hmac.ts";
import { newNonce } from "./nonce.ts";
import { OLD_CAP } from "./swarm_key.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A key by which membership is proven. */
export interface Token {
  /** HMAC-SHA-256 key: 32 bytes. */
  tokenKey: Bytes;
}

const hex32 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const Join = v.object({
  action: v.literal("join"),
  nonce: hex32,
  proofs: v.pipe(v.array(hex32), v.minLength(1), v.maxLength(1 + OLD_CAP)),
});
const Member = v.object({ action: v.literal("member"), nonce: hex32, proof: hex32 });
const Joined = v.object({ action: v.literal("joined"), proof: hex32 });

const encoder = new TextEncoder();

/**
 * The caller's side. Returns the token that both ends have. Throws a Fault when the connection breaks,
 * which is how a callee refuses, or when the callee proves nothing.
 */
export async function join<T extends Token>(connection: Channel, tokens: T[]): Promise<T> {
  const nonce = newNonce();
  const proofs = await Promise.all(tokens.map((one) => prove(one, "join", [nonce])));
  await connection.send({ action: "join", nonce, proofs });
  const member = parseAs(Member, await next(connection), "proof of membership");
  const nonces = [nonce, member.nonce];
  for (const token of tokens) {
    if (!isEqual(member.proof, await prove(token, "member", nonces))) continue;
    await connection.send({ action: "joined", proof: await prove(token, "joined", nonces) });
    return token;
  }
  throw new Fault("network", `${connection} could not prove that it has the swarm key`);
}

/**
 * The callee's side. `tokens` are in the order of preference. Returns the token that both ends have.
 * Throws a Fault when the caller has none of them; nothing was sent then that an outsider can read
 * anything from.
 */
export async function admit<T extends Token>(connection: Channel, tokens: T[]): Promise<T> {
  const { nonce: theirs, proofs } = parseAs(Join, await next(connection), "proof of membership");
  for (const token of tokens) {
    const expected = await prove(token, "join", [theirs]);
    if (!proofs.some((proof) => isEqual(proof, expected))) continue;
    const nonces = [theirs, newNonce()];
    const proof = await prove(token, "member", nonces);
    await connection.send({ action: "member", nonce: nonces[1], proof });
    const joined = parseAs(Joined, await next(connection), "proof of membership");
    if (isEqual(joined.proof, await prove(token, "joined", nonces))) return token;
    break;
  }
  throw new Fault("network", `${connection} could not prove that it has the swarm key`);
}

async function next(connection: Channel): Promise<unknown> {
  const message = await connection.read();
  if (!message) throw new Fault("network", `${connection} closed the connection`);
  return message;
}

/** A proof, in hex: `what` it says, over `nonces` in hex. */
export async function prove({ tokenKey }: Token, what: string, nonces: string[]): Promise<string> {
  const said = encoder.encode(`shoal/1 ${what}\0`);
  const parts = [...said, ...nonces.flatMap((one) => [...fromHex(one)])];
  return toHex(await hmac(tokenKey, new Uint8Array(parts)));
}

function isEqual(a: string, b: string): boolean {
  return timingSafeEqual(fromHex(a), fromHex(b));
}
