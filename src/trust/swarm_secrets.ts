/**
 * The secrets that are derived from a swarm key, with HKDF-SHA-256 (RFC 5869): no salt, 32 bytes
 * each, told apart by `info`. None of them tells anything of the key, or of another.
 *
 *     "shoal/1 swarm authority"    the private key of the Ed25519 authority (RFC 8032's 32 bytes)
 *     "shoal/1 swarm token"        the HMAC-SHA-256 key by which members prove that they are
 *     "shoal/1 swarm beacon"       the AES-256-GCM key of what members say by multicast
 *     "shoal/1 swarm fingerprint"  its first 8 bytes are the fingerprint, by which members know a swarm
 */
import { toHex } from "../content/hex.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export interface SwarmSecrets {
  /** 32 bytes. */
  authoritySecret: Bytes;
  /** 32 bytes. */
  tokenKey: Bytes;
  /** 32 bytes. */
  beaconSecret: Bytes;
  /** 16 hex digits; not a secret. */
  fingerprint: string;
}

const encoder = new TextEncoder();
const FINGERPRINT_SIZE = 8;

/** Everything that is derived from the 32 bytes of a key. */
export async function deriveSwarmSecrets(secret: Bytes): Promise<SwarmSecrets> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const derive = async (what: string) => {
    const info = encoder.encode(`shoal/1 swarm ${what}`);
    const salt = new Uint8Array();
    return new Uint8Array(
      await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, 256),
    );
  };
  const [authoritySecret, tokenKey, beaconSecret, fingerprint] = await Promise.all([
    derive("authority"),
    derive("token"),
    derive("beacon"),
    derive("fingerprint"),
  ]);
  const shown = toHex(fingerprint.subarray(0, FINGERPRINT_SIZE));
  return { authoritySecret, tokenKey, beaconSecret, fingerprint: shown };
}
