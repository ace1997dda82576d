/**
 * Connections among the members of a private swarm: TLS 1.3, in which the listener has a
 * certificate of the swarm's authority; inside it, a proof of membership in both directions. An
 * outsider gets no further than the TLS handshake.
 */
import { Fault, messageOf } from "../../fault.ts";
import { type Address, formatAddress } from "../../wire/address.ts";
import { dial } from "../../wire/dial.ts";
import { HANDSHAKE_MS } from "../../wire/protocol.ts";
import {
  type Channel,
  type ListenOptions,
  OtherSwarm,
  type Socket,
  type Transport,
  type TransportListener,
} from "../../wire/transport.ts";
import { atTime } from "../at_time.ts";
import { admit, join, type Token } from "../membership.ts";
import { PrivateListener } from "./private_listener.ts";
import type { Presented } from "./certificates.ts";
import { startTls } from "./start_tls.ts";
import { answerTlsOver, callTlsOver } from "./tls_over.ts";
import { present, SwarmAuthority } from "./swarm_authority.ts";
import type { SwarmKey } from "../swarm_key.ts";
import { deriveSwarmSecrets, type SwarmSecrets } from "../swarm_secrets.ts";
import { deadline } from "../../async/deadline.ts";

/** One key, ready for use. */
interface Credential extends Token {
  authority: SwarmAuthority;
  beaconKey: CryptoKey;
  /** The first moment at which it is no longer good. */
  until: number;
}

interface PrivateTransportOptions {
  /** Milliseconds since 1970. @default Date.now */
  now?: () => number;
  /** Time for a caller to prove that it is a member, in milliseconds. @default HANDSHAKE_MS */
  handshakeMs?: number;
}

export class PrivateTransport implements Transport {
  readonly secured = true;
  /** The fingerprint of the swarm, by which its members know it; not a secret. */
  readonly fingerprint: string;
  /** Latest key first. */
  readonly #credentials: Credential[];
  readonly #now: () => number;
  readonly #handshakeMs: number;
  readonly #presented: Presented;

  private constructor(
    fingerprint: string,
    credentials: Credential[],
    presented: Presented,
    { now = Date.now, handshakeMs = HANDSHAKE_MS }: PrivateTransportOptions,
  ) {
    this.fingerprint = fingerprint;
    this.#credentials = credentials;
    this.#now = now;
    this.#handshakeMs = handshakeMs;
    this.#presented = presented;
  }

  /** The transport of a swarm key. */
  static async of(
    { secret, old }: SwarmKey,
    options: PrivateTransportOptions = {},
  ): Promise<PrivateTransport> {
    const secrets = await deriveSwarmSecrets(secret);
    const credentials = [await credentialOf(secrets, Infinity)];
    for (const one of old) {
      credentials.push(await credentialOf(await deriveSwarmSecrets(one.secret), one.until));
    }
    const presented = await present(credentials.map(({ authority }) => authority));
    return new PrivateTransport(secrets.fingerprint, credentials, presented, options);
  }

  /** The keys of what members say by multicast that are good now, latest first. */
  get beaconKeys(): CryptoKey[] {
    return this.#good().map(({ beaconKey }) => beaconKey);
  }

  async connect(address: Address, signal: AbortSignal): Promise<Socket> {
    const tcp = await dial(address, signal);
    return await this.#inSwarm(
      formatAddress(address),
      signal,
      startTls(tcp, this.#trusted, signal),
    );
  }

  async callOver(socket: Socket, signal: AbortSignal): Promise<Socket> {
    // What this peer accepted, and what a member called, is in TLS already.
    if (socket.encrypted) return socket;
    const { hostname, port } = socket.remoteAddr as Deno.NetAddr;
    const name = formatAddress({ host: hostname, port });
    return await this.#inSwarm(name, signal, callTlsOver(socket, this.#trusted, signal));
  }

  answerOver(socket: Socket): Socket {
    if (socket.encrypted) return socket;
    return answerTlsOver(socket, () => Promise.resolve(this.#presented));
  }

  /** The certificates of which a callee must have one. */
  get #trusted(): string[] {
    return this.#good().map(({ authority }) => authority.certificate);
  }

  async #inSwarm<S>(other: string, signal: AbortSignal, handshake: Promise<S>): Promise<S> {
    try {
      return await handshake;
    } catch (cause) {
      signal.throwIfAborted();
      const why = handshakeFailure(cause);
      if (why) throw new OtherSwarm(other, why, { cause });
      throw cause;
    }
  }

  listen(address: Address, { bulk = false }: ListenOptions = {}): TransportListener {
    return new PrivateListener(address, { bulk, presented: this.#presented });
  }

  async join(connection: Channel): Promise<void> {
    try {
      const { until } = await join(connection, this.#good());
      this.#endAt(until, connection);
    } catch (cause) {
      throw new OtherSwarm(String(connection), joinFailure(cause, connection), { cause });
    }
  }

  /** Admits a member, within the handshake's time. Nothing is sent to others. */
  async admit(connection: Channel): Promise<void> {
    const late = new Fault("network", `${connection} did not prove that it is a member in time`);
    using _timer = deadline(this.#handshakeMs, () => connection.close(late));
    const { until } = await admit(connection, this.#good());
    this.#endAt(until, connection);
  }

  /** Those that are good at this moment, latest first. */
  #good(): Credential[] {
    const now = this.#now();
    return this.#credentials.filter(({ until }) => now < until);
  }

  /** Closes the connection of a member with an old key when that key ends. */
  #endAt(until: number, connection: Channel): void {
    if (until === Infinity) return;
    const ended = new Fault("network", `${connection} has a swarm key that is no longer good`);
    atTime(until, () => connection.close(ended), { now: this.#now, signal: connection.closing });
  }
}

async function credentialOf(
  { authoritySecret, tokenKey, beaconSecret }: SwarmSecrets,
  until: number,
): Promise<Credential> {
  const uses: KeyUsage[] = ["encrypt", "decrypt"];
  const beaconKey = await crypto.subtle.importKey("raw", beaconSecret, "AES-GCM", false, uses);
  return { authority: await SwarmAuthority.from(authoritySecret), beaconKey, tokenKey, until };
}

/**
 * The meaning of a failed handshake, for a message about the other end; undefined where it has
 * none.
 */
function handshakeFailure(error: unknown): string | undefined {
  const text = messageOf(error);
  if (/InvalidContentType|corrupt message/.test(text)) {
    return "it is open, and this peer has a swarm key";
  }
  if (/received fatal alert|invalid peer certificate/.test(text)) {
    return "it belongs to another swarm, its key is not this peer's";
  }
  if (error instanceof Deno.errors.UnexpectedEof || error instanceof Deno.errors.ConnectionReset) {
    return "it closed the connection at the TLS handshake; it may be open, while this peer has a " +
      "swarm key";
  }
}

function joinFailure(error: unknown, { closed }: Channel): string {
  const text = messageOf(error);
  return closed || / closed the connection/.test(text)
    ? "it does not accept this peer's swarm key"
    : `its certificate is the swarm's, but ${text.replace(/^\S+ /, "it ")}`;
}
