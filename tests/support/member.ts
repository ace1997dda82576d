import "reflect-metadata";
import { assertEquals } from "@std/assert";
import { Listener } from "../../src/peer/serve/listener.ts";
import { PrivateTransport } from "../../src/trust/tls/private_transport.ts";
import { type SwarmKey } from "../../src/trust/swarm_key.ts";
import { answer } from "../../src/wire/answerer.ts";
import { Caller } from "../../src/wire/caller.ts";
import { type Address, Connection } from "../../src/wire/connection.ts";
import { PeerHello, PeerRequest } from "../../src/wire/protocol.ts";
import type { Transport } from "../../src/wire/transport.ts";

/** The id that every member says. */
export const PEER = "ab".repeat(32);
/** Any free port of this machine. */
export const ANYWHERE: Address = { host: "127.0.0.1", port: 0 };
/** The time of all clocks here, unless they are told another. */
export const NOW = Date.parse("2026-01-31T09:05:00Z");

/** A listener that answers `hello`, and a clock of its own. */
export class Member implements AsyncDisposable {
  readonly transport: Transport;
  readonly listener: Listener;
  served = 0;

  private constructor(transport: Transport, bulk: boolean) {
    this.transport = bulk ? transport : slow(transport);
    this.listener = new Listener(ANYWHERE, (connection) => this.#serve(connection), {
      connection: { transport: this.transport },
    });
  }

  static async create(
    key: SwarmKey,
    { now = () => NOW, handshakeMs, bulk = false }: {
      now?: () => number;
      handshakeMs?: number;
      bulk?: boolean;
    } = {},
  ): Promise<Member> {
    return new Member(await PrivateTransport.of(key, { now, handshakeMs }), bulk);
  }

  get address(): Address {
    return this.listener.address;
  }

  async greet({ address }: { address: Address }): Promise<Caller> {
    const { transport } = this;
    const { caller, hello } = await Caller.open(address, PeerHello, { agent: "test", transport });
    assertEquals(hello.peer, PEER);
    return caller;
  }

  async meets(other: Member): Promise<void> {
    (await this.greet(other)).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listener.stop();
  }

  #serve(connection: Connection): Promise<void> {
    this.served++;
    return answer<PeerRequest>(connection, {
      requests: PeerRequest,
      legacy: () => Promise.reject(new Error("the legacy dialect is off")),
      answer: ({ id }) => ({
        message: { action: "hello", id, protocol: 1, agent: "test", peer: PEER },
      }),
    });
  }
}

/** The same, but that it listens through the gate. */
function slow(transport: Transport): Transport {
  return {
    secured: transport.secured,
    connect: (address, signal) => transport.connect(address, signal),
    callOver: (socket, signal) => transport.callOver(socket, signal),
    answerOver: (socket) => transport.answerOver(socket),
    listen: (address) => transport.listen(address),
    join: (connection) => transport.join(connection),
    admit: (connection) => transport.admit(connection),
  };
}
