/**
 * Beacons: what peers say by multicast, that they are there, and that they look for others. In an open swarm it
 * is a line of JSON. In a private one that JSON is sealed with a key that members alone have
 * (AES-256-GCM): one zero byte, 12 bytes of nonce, and the sealed bytes.
 */
import * as v from "valibot";
import { PeerId, Port } from "../../wire/protocol.ts";

/** Most bytes in a beacon. */
export const BEACON_CAP = 512;
/** Every beacon is sealed at this length, so that it tells nothing by it. */
const SEALED_LENGTH = 160;
const NONCE_SIZE = 12;
const ALGORITHM = "AES-GCM";

const Beacon = v.object({
  shoal: v.literal(1),
  /** True when the sender wants others to answer. */
  ask: v.optional(v.boolean()),
  peer: v.optional(PeerId),
  /** Where it listens; undefined for one that doesn't. */
  port: v.optional(Port),
});
export type Beacon = v.InferOutput<typeof Beacon>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

type Bytes = Uint8Array<ArrayBuffer>;

/** Writes and reads the beacons of one swarm. */
export class BeaconCodec {
  readonly #keys: (() => CryptoKey[]) | undefined;

  /** `keys` are those of a private swarm that are good now, latest first. Default an open swarm. */
  constructor(keys?: () => CryptoKey[]) {
    this.#keys = keys;
  }

  /** The datagrams that say it, one for each key. */
  async encode(beacon: Omit<Beacon, "shoal">): Promise<Bytes[]> {
    const text = JSON.stringify({ shoal: 1, ...beacon });
    if (!this.#keys) return [encoder.encode(text)];
    return await Promise.all(
      this.#keys().map(async (key) => {
        const iv = crypto.getRandomValues(new Uint8Array(NONCE_SIZE));
        const plain = encoder.encode(text.padEnd(SEALED_LENGTH));
        const sealed = await crypto.subtle.encrypt({ name: ALGORITHM, iv }, key, plain);
        return new Uint8Array([0, ...iv, ...new Uint8Array(sealed)]);
      }),
    );
  }

  /** Reads what a datagram says; undefined for one that is of no member of this swarm, or no beacon. */
  async decode(datagram: Bytes): Promise<Beacon | undefined> {
    if (datagram.length > BEACON_CAP) return;
    const text = await this.#open(datagram);
    if (!text) return;
    try {
      const parsed = v.safeParse(Beacon, JSON.parse(decoder.decode(text)));
      return parsed.success ? parsed.output : undefined;
    } catch {
      return undefined;
    }
  }

  async #open(datagram: Bytes): Promise<Bytes | undefined> {
    if (!this.#keys) return datagram[0] === 0 ? undefined : datagram;
    if (datagram[0] !== 0) return;
    const iv = datagram.slice(1, 1 + NONCE_SIZE);
    const sealed = datagram.slice(1 + NONCE_SIZE);
    for (const key of this.#keys()) {
      try {
        const opened = await crypto.subtle.decrypt({ name: ALGORITHM, iv }, key, sealed);
        return new Uint8Array(opened);
      } catch {
        // Of another key, or swarm.
      }
    }
  }
}
