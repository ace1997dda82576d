/**
 * The sockets of LAN discovery. A socket of each of the machine's addresses sends: so a datagram leaves
 * by each interface, also where there is no route, and answers come back to it. A socket of each family
 * hears what is said to the group; all peers of a machine share its port.
 */
import { getLogger } from "@logtape/logtape";
import { delay } from "../../async/retry.ts";
import { messageOf } from "../../fault.ts";
import { type OwnAddress, ownAddresses } from "../../wire/attached.ts";
import { isLinkLocal, isLoopback } from "../../wire/ip_address.ts";
import type { Address } from "../../wire/address.ts";
import { closeQuietly } from "../../wire/transport.ts";

const log = getLogger(["shoal", "peer", "lan"]);

/** The UDP port at which peers hear each other. */
export const LAN_PORT = 21_320;
/** The groups: of an organization (RFC 2365), and of a link (RFC 4291). */
const GROUP = { IPv4: "239.255.83.72", IPv6: "ff02::5348" };
/** Most datagrams that a socket is read for in so many milliseconds. */
const READ_AT_ONCE = 100;
const READ_MS = 50;
/** Addresses that are sent from, at most. */
const MOST_SENDERS = 16;

type Bytes = Uint8Array<ArrayBuffer>;

/** A datagram came. `answer` sends one back. */
export type OnDatagram = (bytes: Bytes, from: Address, answer: (bytes: Bytes) => void) => void;

interface Sender {
  own: OwnAddress;
  socket: Deno.DatagramConn;
}

export class Multicast {
  readonly #onDatagram: OnDatagram;
  /** By address. */
  readonly #senders = new Map<string, Sender>();
  readonly #hearers = new Map<OwnAddress["family"], Deno.DatagramConn>();
  readonly #joined = new Set<string>();
  readonly #reading = new Set<Promise<void>>();

  constructor(onDatagram: OnDatagram) {
    this.#onDatagram = onDatagram;
  }

  /**
   * Opens a sender for each address of the machine, and closes those of addresses that are gone; with
   * `hears`, joins the groups. What can't be opened is left out.
   */
  refresh({ hears }: { hears: boolean }): void {
    const wanted = ownAddresses().filter(({ host }) => !isLinkLocal(host)).slice(0, MOST_SENDERS);
    const hosts = new Set(wanted.map(({ host }) => host));
    for (const [host, { socket }] of this.#senders) {
      if (!hosts.has(host)) this.#drop(host, socket);
    }
    for (const own of wanted) {
      if (!this.#senders.has(own.host)) this.#open(own);
      if (hears) this.#join(own);
    }
  }

  /** Sends to the groups, by every interface. */
  async send(bytes: Bytes): Promise<void> {
    await Promise.all(
      Array.from(this.#senders.values(), async ({ own, socket }) => {
        for (const hostname of groupsOf(own)) {
          try {
            await socket.send(bytes, { transport: "udp", hostname, port: LAN_PORT });
            return;
          } catch {
            // Not all versions of the runtime know zones; and an interface may have no multicast.
          }
        }
      }),
    );
  }

  async close(): Promise<void> {
    for (const [host, { socket }] of this.#senders) this.#drop(host, socket);
    for (const socket of this.#hearers.values()) closeQuietly(socket);
    this.#hearers.clear();
    await Promise.all(this.#reading);
  }

  #drop(host: string, socket: Deno.DatagramConn): void {
    this.#senders.delete(host);
    closeQuietly(socket);
    for (const key of this.#joined) if (key.startsWith(`${host} `)) this.#joined.delete(key);
  }

  #open(own: OwnAddress): void {
    try {
      // Without it, the peers of this machine don't hear it.
      const socket = listen({ hostname: own.host, port: 0, loopback: true });
      this.#senders.set(own.host, { own, socket });
      this.#read(socket);
    } catch (error) {
      log.debug("cannot send from {host}: {why}", { host: own.host, why: messageOf(error) });
    }
  }

  #join({ host, family, scope }: OwnAddress): void {
    const key = `${host} ${scope}`;
    if (this.#joined.has(key)) return;
    this.#joined.add(key);
    try {
      const hearer = this.#hearer(family);
      const joined = family === "IPv4"
        ? hearer.joinMulticastV4(GROUP.IPv4, host)
        : hearer.joinMulticastV6(GROUP.IPv6, scope ?? 0);
      // It is already in the group, by another address of the interface; or there is no multicast.
      joined.catch(() => {});
    } catch (error) {
      log.debug("cannot hear at {host}: {why}", { host, why: messageOf(error) });
    }
  }

  #hearer(family: OwnAddress["family"]): Deno.DatagramConn {
    const known = this.#hearers.get(family);
    if (known) return known;
    const hostname = family === "IPv4" ? "0.0.0.0" : "::";
    const socket = listen({ hostname, port: LAN_PORT, reuseAddress: true, loopback: true });
    this.#hearers.set(family, socket);
    this.#read(socket);
    return socket;
  }

  #read(socket: Deno.DatagramConn): void {
    const reading = this.#hear(socket).catch((error) => {
      log.debug("hears no more: {why}", { why: messageOf(error) });
    }).finally(() => this.#reading.delete(reading));
    this.#reading.add(reading);
  }

  async #hear(socket: Deno.DatagramConn): Promise<void> {
    let begun = performance.now();
    let read = 0;
    for await (const [bytes, from] of socket) {
      if (++read > READ_AT_ONCE) {
        // The system drops what comes meanwhile: a flood takes no more of the processor than this.
        await delay(begun + READ_MS - performance.now());
        begun = performance.now();
        read = 0;
      } else if (performance.now() - begun > READ_MS) {
        begun = performance.now();
        read = 0;
      }
      const { hostname, port } = from as Deno.NetAddr;
      this.#onDatagram(
        bytes as Bytes,
        { host: hostname.replace(/^::ffff:/i, ""), port },
        (answer) => {
          socket.send(answer, from).catch(() => {});
        },
      );
    }
  }
}

function listen(options: Omit<Deno.UdpListenOptions, "transport">): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", ...options });
}

function groupsOf({ host, family, scope }: OwnAddress): string[] {
  if (family === "IPv4") return [GROUP.IPv4];
  if (isLoopback(host)) return [];
  return scope === undefined ? [GROUP.IPv6] : [`${GROUP.IPv6}%${scope}`, GROUP.IPv6];
}
