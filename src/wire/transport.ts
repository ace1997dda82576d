/**
 * Transports of connections. There are two: in the clear, which is here, and among the members of a
 * private swarm (trust/tls/private_transport.ts), which is only loaded where there is a swarm key.
 */
import { Fault, messageOf } from "../fault.ts";
import type { Message } from "./codec.ts";
import { type Address, formatAddress } from "./address.ts";
import { atOnce, dial } from "./dial.ts";
import { EVERYWHERE, wildcardHost } from "./wildcard_host.ts";

/** The part of a socket that a connection needs. */
export type Socket =
  & Pick<Deno.Conn, "read" | "write" | "close" | "remoteAddr" | "localAddr">
  & {
    /** True for TLS, where the transport has both. */
    readonly encrypted?: boolean;
    /** The TCP connection below, where this is all that has read from it. */
    readonly tcp?: Deno.TcpConn;
  };

/** Writes all bytes to a socket. */
export async function writeAll(to: Pick<Socket, "write">, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await to.write(bytes.subarray(at));
}

/** Closes what may be closed already. */
export function closeQuietly(conn: { close(): void } | undefined): void {
  try {
    conn?.close();
  } catch {
    // It was closed already.
  }
}

/** The part of a connection that a transport needs to let it into its swarm. */
export interface Channel {
  /** True once either end has closed, or an error has. */
  readonly closed: boolean;
  /** Aborts, with a Fault, when `closed` becomes true. */
  readonly closing: AbortSignal;
  /** The next message, or null when the other end has closed. */
  read(): Promise<Message | null>;
  send(message: Message): Promise<void>;
  close(reason?: Fault): void;
}

export interface Transport {
  /** True when outsiders are kept out, and the legacy dialect with them. */
  readonly secured: boolean;
  /** True when others are called in TLS alone, so that the id of each must be known. */
  readonly encrypts?: boolean;
  /**
   * Connects, and has the other end's certificate checked where there are any: it must be one of
   * `peers`, where that can be told. Throws the signal's reason, an {@link OtherSwarm}, or what the
   * system says.
   */
  connect(
    address: Address,
    signal: AbortSignal,
    peers?: ReadonlySet<string>,
  ): Promise<Socket>;
  /**
   * Makes a connection that is open already, whichever end opened it, one of its caller: as
   * {@link connect} does. The socket is its own from now on.
   */
  callOver(socket: Socket, signal: AbortSignal, peers?: ReadonlySet<string>): Promise<Socket>;
  /** As {@link callOver}, for the callee: as one that a listener accepted. */
  answerOver(socket: Socket): Socket;
  /** Listens. Throws a `network` Fault that names the address when that can't be done. */
  listen(address: Address, options?: ListenOptions): TransportListener;
  /** The caller's part in what comes before all messages. Throws an {@link OtherSwarm}. */
  join(connection: Channel): Promise<void>;
  /** The callee's. Throws a Fault when the other end must not be told anything. */
  admit(connection: Channel): Promise<void>;
}

export interface ListenOptions {
  /** Much will be sent there, so speed matters. Default false. */
  bulk?: boolean;
}

export interface TransportListener {
  /** The address it listens at: the port is a real one. */
  readonly address: Address;
  /** The next connection; nothing has been read from it yet. Rejects when closed. */
  accept(): Promise<Socket>;
  /** Resolves when nothing is left of it. */
  close(): Promise<void>;
}

/** The two ends are not of one swarm: one lacks the key, or has another one. */
export class OtherSwarm extends Fault {
  /** The trouble, with the other end as `it`. */
  readonly why: string;

  constructor(other: string, why: string, options?: ErrorOptions) {
    super("network", `Cannot talk to ${other}: ${why}`, options);
    this.why = why;
  }
}

/** TCP as it is. */
export const inTheClear: Transport = {
  secured: false,
  connect: (address, signal) => dial(address, signal),
  callOver: (socket) => Promise.resolve(socket),
  answerOver: (socket) => socket,
  listen(address) {
    const listener = listenOn(address, ({ host, port }) => Deno.listen({ hostname: host, port }));
    return {
      address: { host: listener.addr.hostname, port: listener.addr.port },
      accept: async () => atOnce(await listener.accept()),
      close: () => Promise.resolve(listener.close()),
    };
  },
  join: () => Promise.resolve(),
  admit: () => Promise.resolve(),
};

/**
 * Returns what `listen` does. Throws its Fault, or a `network` one that names the address and the
 * reason.
 */
export function listenOn<L>(address: Address, listen: (address: Address) => L): L {
  try {
    return listen(address.host === EVERYWHERE ? { ...address, host: wildcardHost() } : address);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const why = cause instanceof Deno.errors.AddrInUse
      ? "the port is in use"
      : messageOf(cause).toLowerCase();
    throw new Fault("network", `Cannot listen on ${formatAddress(address)}: ${why}`, {
      cause,
      next: "choose another --port, or 0 for any that is free, and an address of this machine",
    });
  }
}
