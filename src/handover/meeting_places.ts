import { MemoryRegistry } from "../bootstrap/memory_registry.ts";
import { BootstrapServer } from "../bootstrap/server.ts";
import { Fault } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { EVERYWHERE } from "../wire/wildcard_host.ts";
import { LanRoom } from "./lan_room.ts";
import { ownHosts } from "./own_hosts.ts";
import { OwnRoom } from "./room.ts";

/** Peers that the sender's own bootstrap has room for: the receivers in its network. */
const MOST_PEERS = 1_000;

interface MeetingOptions {
  bootstraps: Address[];
  /** The time at which they close, by Date.now(). */
  until: number;
  /** Be found in the same network, too. */
  lan: boolean;
  signal: AbortSignal;
}

/**
 * The rooms of one number in which a sender meets receivers: at a bootstrap, where one answers, and in the
 * same network, at a small bootstrap of the sender's own.
 */
export class MeetingPlaces implements AsyncDisposable {
  readonly rooms: OwnRoom[];
  /** Where peers are brought together: the bootstraps with these rooms. */
  readonly bootstraps: Address[];
  readonly #stack: AsyncDisposableStack;

  private constructor(rooms: OwnRoom[], bootstraps: Address[], stack: AsyncDisposableStack) {
    this.rooms = rooms;
    this.bootstraps = bootstraps;
    this.#stack = stack;
  }

  /** Throws a `network` Fault when no bootstrap answers, and it is not to be found in its network. */
  static async open({ bootstraps, until, lan, signal }: MeetingOptions): Promise<MeetingPlaces> {
    await using stack = new AsyncDisposableStack();
    const rooms: OwnRoom[] = [];
    const places: Address[] = [];
    const adopt = (room: OwnRoom, bootstrap: Address) => {
      rooms.push(stack.adopt(room, () => room.close()));
      places.push(bootstrap);
    };
    try {
      const room = await OwnRoom.open(bootstraps, { until, signal });
      adopt(room, room.bootstrap);
    } catch (error) {
      if (!lan || !(error instanceof Fault) || error.kind !== "network") throw error;
    }
    if (lan) {
      const registry = new MemoryRegistry({ maxPeers: MOST_PEERS });
      const server = stack.use(BootstrapServer.start({ host: EVERYWHERE, port: 0, registry }));
      const { port } = server.address;
      const [host = "127.0.0.1"] = ownHosts(rooms[0]?.localHost);
      const wanted = rooms[0]?.number;
      const room = await OwnRoom.open([{ host: "127.0.0.1", port }], { until, wanted, signal });
      adopt(room, { host, port });
      stack.use(await LanRoom.open(room.number, port));
    }
    return new MeetingPlaces(rooms, places, stack.move());
  }

  get number(): number {
    return this.rooms[0]!.number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
