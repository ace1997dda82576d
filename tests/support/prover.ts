import { Identity } from "../../src/trust/identity.ts";
import { signProof } from "../../src/trust/proof.ts";
import type { Address } from "../../src/wire/address.ts";

/** The identity of peers that tests play, where one will do. */
export const PROVER = await Identity.generate();

/** The request that a peer is greeted with. */
export interface Greeting {
  id: number;
  nonce?: string;
  peer?: string;
  bootstrap?: Address;
}

/** A peer's reply to `hello`, with the proof that it was asked for. */
export async function helloReply(
  { id, nonce, peer, bootstrap }: Greeting,
  identity = PROVER,
): Promise<{ action: "hello"; id: number; protocol: number; agent: string; peer: string }> {
  const proof = nonce === undefined ? {} : await signProof(identity, { nonce, peer, bootstrap });
  return { action: "hello", id, protocol: 1, agent: "test/1", peer: identity.id, ...proof };
}
