/**
 * The name that a caller asks a listener of its swarm for: TLS sends it first, and in the clear (RFC
 * 6066, `server_name`). From it a listener sees that the caller has a key, and which one, before it
 * shows anything itself. In hex, as one label (at most 63 characters, RFC 1035):
 *
 *     nonce   10 random bytes
 *     mac     the first 16 bytes of HMAC-SHA-256(name key, nonce)
 *
 * Whoever overhears a name can say it again, and is then asked for a proof of membership.
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { fromHex, toHex } from "../content/hex.ts";
import { Fault } from "../fault.ts";
import { hmac } from "./hmac.ts";
import { NAME_SUFFIX } from "./swarm_authority.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A key by which names are made and recognised. */
export interface NameKey {
  /** HMAC-SHA-256 key: 32 bytes. */
  nameKey: Bytes;
}

const NONCE_SIZE = 10;
const MAC_SIZE = 16;
const LABEL_LENGTH = 2 * (NONCE_SIZE + MAC_SIZE);
const NAME_LENGTH = `.${NAME_SUFFIX}`.length + LABEL_LENGTH;
const LABEL = /^[0-9a-f]+$/;

/** A name that nobody has asked for yet; with the same `nonce`, of 10 bytes, the same one. */
export async function makeSwarmName(
  { nameKey }: NameKey,
  nonce: Bytes = crypto.getRandomValues(new Uint8Array(NONCE_SIZE)),
): Promise<string> {
  return `${toHex(nonce)}${toHex(await macOf(nameKey, nonce))}.${NAME_SUFFIX}`;
}

/** The first of `keys` that a name was made with. Throws a Fault, which doesn't repeat it, when none was. */
export async function findNameKey<K extends NameKey>(name: string, keys: K[]): Promise<K> {
  const label = name.slice(0, LABEL_LENGTH);
  const isOne = name.length === NAME_LENGTH && name.endsWith(`.${NAME_SUFFIX}`);
  if (isOne && LABEL.test(label)) {
    const bytes = fromHex(label);
    const [nonce, mac] = [bytes.slice(0, NONCE_SIZE), bytes.subarray(NONCE_SIZE)];
    for (const key of keys) if (timingSafeEqual(mac, await macOf(key.nameKey, nonce))) return key;
  }
  throw new Fault("network", "no key of this swarm made the name that was asked for");
}

async function macOf(nameKey: Bytes, nonce: Bytes): Promise<Bytes> {
  return (await hmac(nameKey, nonce)).subarray(0, MAC_SIZE);
}
