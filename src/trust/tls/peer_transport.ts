/**
 * Connections between the peers of an open swarm. A listener takes both kinds: in the clear, and TLS,
 * which it tells by the first byte. A peer that encrypts calls others in TLS alone, in which the callee
 * proves its id.
 */
import type { Address } from "../../wire/address.ts";
import { atOnce, dial } from "../../wire/dial.ts";
import {
  listenOn,
  type Socket,
  type Transport,
  type TransportListener,
} from "../../wire/transport.ts";
import { Gate } from "./gate.ts";
import type { Identity } from "../identity.ts";
import { LoopbackTls } from "./loopback_tls.ts";
import { PinnedTls } from "./pinned_tls.ts";
import { answerTlsOver } from "./tls_over.ts";

/** The first byte of a TLS record with a handshake; no message begins with it. */
const TLS_HANDSHAKE = 0x16;

export class PeerTransport implements Transport {
  readonly secured = false;
  /** True if others are called in TLS alone. */
  readonly encrypts: boolean;
  /** TLS that is pinned to ids. */
  readonly pinned: PinnedTls;

  constructor(identity: Identity, { encrypt }: { encrypt: boolean }) {
    this.pinned = new PinnedTls(identity);
    this.encrypts = encrypt;
  }

  async connect(
    address: Address,
    signal: AbortSignal,
    peers: ReadonlySet<string> = new Set(),
  ): Promise<Socket> {
    if (!this.encrypts) return await dial(address, signal);
    const connect = async () => {
      const tcp = await dial(address, signal);
      return Object.assign(tcp, { tcp });
    };
    return await this.pinned.call(connect, peers, signal);
  }

  async callOver(
    socket: Socket,
    signal: AbortSignal,
    peers: ReadonlySet<string> = new Set(),
  ): Promise<Socket> {
    if (!this.encrypts) return socket;
    return await this.pinned.call(() => Promise.resolve(socket), peers, signal);
  }

  answerOver(socket: Socket): Socket {
    return new EitherSocket(
      socket,
      (first) => answerTlsOver(socket, () => this.pinned.presented(), first),
    );
  }

  listen(address: Address): TransportListener {
    return new PeerListener(address, async () => new LoopbackTls(await this.pinned.presented()));
  }

  join(): Promise<void> {
    return Promise.resolve();
  }

  admit(): Promise<void> {
    return Promise.resolve();
  }
}

class PeerListener implements TransportListener {
  readonly address: Address;
  readonly #listener: Deno.TcpListener;
  readonly #openInside: () => Promise<LoopbackTls>;
  /** Once a caller spoke TLS. */
  #inside: Promise<LoopbackTls> | undefined;
  readonly #gates = new Set<Gate>();

  constructor(address: Address, openInside: () => Promise<LoopbackTls>) {
    const listen = ({ host, port }: Address) => Deno.listen({ hostname: host, port });
    this.#listener = listenOn(address, listen);
    const { hostname, port } = this.#listener.addr;
    this.address = { host: hostname, port };
    this.#openInside = openInside;
  }

  async accept(): Promise<Socket> {
    const conn = atOnce(await this.#listener.accept());
    return new EitherSocket(conn, (first) => {
      const inside = this.#inside ??= this.#openInside();
      inside.catch(() => this.#inside = undefined);
      const gate = new Gate(conn, async () => (await inside).enter(), first);
      this.#gates.add(gate);
      gate.ended.finally(() => this.#gates.delete(gate));
      return gate;
    });
  }

  async close(): Promise<void> {
    this.#listener.close();
    const inside = this.#inside?.then((one) => one.close());
    for (const gate of this.#gates) gate.abort();
    await Promise.allSettled([inside, ...[...this.#gates].map(({ ended }) => ended)]);
  }
}

/** A socket in the clear, until its caller's first byte is that of TLS. */
class EitherSocket implements Socket {
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
  readonly #toGate: (first: Uint8Array<ArrayBuffer>) => Gate;
  #socket: Socket;
  #known = false;

  constructor(conn: Socket, toGate: (first: Uint8Array<ArrayBuffer>) => Gate) {
    this.remoteAddr = conn.remoteAddr;
    this.localAddr = conn.localAddr;
    this.#socket = conn;
    this.#toGate = toGate;
  }

  get encrypted(): boolean {
    return this.#socket instanceof Gate;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const n = await this.#socket.read(into);
    if (this.#known || n === null) return n;
    this.#known = true;
    if (into[0] !== TLS_HANDSHAKE) return n;
    const gate = this.#socket = this.#toGate(into.slice(0, n));
    return await gate.read(into);
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.close();
  }
}
