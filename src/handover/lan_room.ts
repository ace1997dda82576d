/**
 * Rooms in the same network, found without a bootstrap: a sender answers those that look for its room's
 * number by multicast. Beacons are sealed with a key that follows from the number, so nobody else sees
 * more of them than that they are there.
 */
import { deadline } from "../async/deadline.ts";
import { delay } from "../async/retry.ts";
import { TokenBucket } from "../async/token_bucket.ts";
import { BeaconCodec } from "../peer/lan/beacon.ts";
import { Multicast } from "../peer/lan/multicast.ts";
import type { Address } from "../wire/address.ts";
import { isAttached } from "../wire/attached.ts";

/** Time for a sender to answer, in milliseconds. */
const ANSWER_MS = 600;
/** Times that it is asked in that time: a datagram may be lost. */
const ASKS = 3;
/** The interval at which the machine's addresses are looked at, in milliseconds. */
const LOOK_MS = 2_000;
/** Beacons that are read. */
const BEACONS = { rate: 50, burst: 100 };

/** Answers those that look for a room, until it is disposed of. */
export class LanRoom implements AsyncDisposable {
  readonly #multicast: Multicast;
  readonly #looking: ReturnType<typeof setInterval>;

  private constructor(multicast: Multicast) {
    this.#multicast = multicast;
    this.#multicast.refresh({ hears: true });
    this.#looking = setInterval(() => this.#multicast.refresh({ hears: true }), LOOK_MS);
  }

  /** `port` is where the room is to be entered, on this machine. */
  static async open(room: number, port: number): Promise<LanRoom> {
    const codec = await codecOf(room);
    const [here] = await codec.encode({ port });
    const read = new TokenBucket(BEACONS, performance.now());
    const multicast = new Multicast(async (bytes, { host }, answer) => {
      if (!read.tryTake(performance.now()) || !isAttached(host)) return;
      if ((await codec.decode(bytes))?.ask) answer(here!);
    });
    return new LanRoom(multicast);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#looking);
    await this.#multicast.close();
  }
}

/** Where a room of that number may be entered in this network; undefined when nobody answers. */
export async function findLanRoom(
  room: number,
  signal: AbortSignal,
): Promise<Address | undefined> {
  const codec = await codecOf(room);
  const read = new TokenBucket(BEACONS, performance.now());
  const found = Promise.withResolvers<Address | undefined>();
  const multicast = new Multicast(async (bytes, { host }) => {
    if (!read.tryTake(performance.now()) || !isAttached(host)) return;
    const beacon = await codec.decode(bytes);
    if (beacon?.port !== undefined) found.resolve({ host, port: beacon.port });
  });
  using _timer = deadline(ANSWER_MS, () => found.resolve(undefined));
  try {
    multicast.refresh({ hears: false });
    const [looking] = await codec.encode({ ask: true });
    for (let asks = 0; asks < ASKS; asks++) {
      await multicast.send(looking!);
      const pause = delay(ANSWER_MS / ASKS, signal);
      if (await Promise.race([found.promise, pause])) break;
    }
    return await found.promise;
  } finally {
    await multicast.close();
  }
}

async function codecOf(room: number): Promise<BeaconCodec> {
  const text = new TextEncoder().encode(`shoal/1 hand-over room ${room} in this network`);
  const bytes = await crypto.subtle.digest("SHA-256", text);
  const key = await crypto.subtle.importKey("raw", bytes, "AES-GCM", false, [
    "encrypt",
    "decrypt",
  ]);
  return new BeaconCodec(() => [key]);
}
