/**
 * The sender's side of a hand-over: a peer of a private swarm of its own. The bootstrap of the open swarm
 * has the room in which receivers get the key, and brings those together that can't call each other; it
 * hears of nothing else.
 */
import { toHex } from "../content/hex.ts";
import { Fault, quoted } from "../fault.ts";
import type { SharedFile } from "../peer/api/peer_api.ts";
import { PeerNode } from "../peer/node.ts";
import { parentOf, pathIn } from "../system/paths.ts";
import { newSwarmKey } from "../trust/swarm_key.ts";
import { PrivateTransport } from "../trust/tls/private_transport.ts";
import type { Address } from "../wire/address.ts";
import type { Announcement } from "../wire/protocol.ts";
import { EVERYWHERE } from "../wire/wildcard_host.ts";
import { Condition } from "../async/condition.ts";
import { formatCode, formatLink, newSecret, type Strength } from "./code.ts";
import type { HandoverOffer } from "./key_exchange.ts";
import { GuestBook } from "./guest_book.ts";
import { MeetingPlaces } from "./meeting_places.ts";
import { formatOfferList, OFFER_NAME } from "./offer_list.ts";
import { ownHosts } from "./own_hosts.ts";
import type { SendEvent } from "./send_event.ts";

/** Interval of looking whether all is still as it was offered, in milliseconds. */
const LOOK_MS = 1_000;
/** Time without a byte served after which receivers that began are given up, in milliseconds. */
const QUIET_MS = 60_000;
/** Time for which a code is good unless told otherwise, in milliseconds. */
const FOR_MS = 3_600_000;

export interface SendOptions {
  /** Files and folders: absolute paths, or relative to `cwd`. */
  paths: string[];
  cwd: string;
  /** Where the room may be; the first that answers has it. */
  bootstraps: Address[];
  /** Be found by receivers in the same network, also without a bootstrap. */
  lan: boolean;
  /** The number of receivers; undefined for any. */
  to?: number;
  /** Time for which the code is good, in milliseconds. Default {@link FOR_MS}. */
  forMs?: number;
  /** Default `words`. */
  strength?: Strength;
  /** Most bytes per second that are served. */
  limitUp?: number;
  /** A folder for what belongs to this hand-over alone; it exists, and is removed by its owner. */
  dir: string;
  signal: AbortSignal;
  onEvent: (event: SendEvent) => void;
}

/** The end of a hand-over. */
export interface SendResult {
  /** `done`: all have it. `expired`: the time is over. `given_up`: too many wrong tries. */
  end: "done" | "expired" | "given_up";
  /** Receivers that have verified all of it. */
  received: number;
  /** Guests that had other words. */
  wrong: number;
  /** Bytes that left this machine. */
  bytes: number;
}

/**
 * Hands files over, and resolves when that has ended. Throws a Fault of kind `usage`, `disk`,
 * `network` or, where what is handed over changes meanwhile, `integrity`; and the signal's reason.
 */
export async function send(options: SendOptions): Promise<SendResult> {
  const { dir, bootstraps, lan, to, forMs = FOR_MS, signal, onEvent } = options;
  const key = newSwarmKey();
  const transport = await PrivateTransport.of(key);
  const until = Date.now() + forMs;
  await using places = await MeetingPlaces.open({ bootstraps, until, lan, signal });
  const [room] = places.rooms;
  const receipts = new Receipts();
  const node = await PeerNode.open({
    dir,
    state: pathIn(dir, ".shoal"),
    bootstraps: places.bootstraps,
    host: EVERYWHERE,
    port: 0,
    limitUp: options.limitUp,
    handover: { onReceived: (file, peer) => receipts.add(file, peer) },
  }, transport);
  await using _node = { [Symbol.asyncDispose]: () => node.close() };
  const shares = await shareAll(node, options);
  const list = receipts.list = await shareList(node, dir);
  const port = await node.serve({ resume: false });
  const secret = newSecret(options.strength ?? "words");
  const size = shares.reduce((sum, share) => sum + share.size, 0);
  const at = ownHosts(room!.localHost).map((host) => ({ host, port }));
  const offer: HandoverOffer = {
    swarm: toHex(key.secret),
    peer: node.id,
    list,
    at,
    to,
    size,
    until,
  };
  onEvent({
    event: "code",
    code: formatCode(places.number, secret),
    link: formatLink(places.bootstraps[0]!, places.number, secret),
    room: places.number,
    until,
    files: shares.map(({ name, kind, size, entries }) => ({ name, kind, size, entries })),
  });
  const guests = new GuestBook({ number: places.number, secret, offer, onEvent });
  return await handOver({ node, places, guests, receipts, shares, until, options });
}

/** The receivers that have verified all of it. */
class Receipts {
  /** Notified of each. */
  readonly news = new Condition();
  readonly #receivers = new Set<string>();
  /** The announcement of the list, whose id stands for all of it. */
  list: Announcement | undefined;

  get count(): number {
    return this.#receivers.size;
  }

  /** Notes a receipt for the list; returns how many there are. */
  add(file: string, peer: string): number {
    if (file === this.list?.id) this.#receivers.add(peer);
    this.news.notifyAll();
    return this.count;
  }
}

/** Shares all paths under their last names. Throws a `usage` Fault where two have the same one. */
async function shareAll(
  node: PeerNode,
  { paths, cwd, signal, onEvent }: SendOptions,
): Promise<SharedFile[]> {
  const shares: SharedFile[] = [];
  for (const file of paths) {
    const shared = await node.share({ file, cwd }, {
      signal,
      onProgress: (bytes, size) => onEvent({ event: "hashing", name: file, bytes, size }),
    });
    if (shares.some(({ name }) => name === shared.name)) {
      throw new Fault("usage", `Cannot send ${quoted(file)} twice`);
    }
    for (const { path, why } of shared.left_out ?? []) onEvent({ event: "left_out", path, why });
    shares.push(shared);
  }
  return shares;
}

/** Shares the list of all that is shared. */
async function shareList(node: PeerNode, dir: string): Promise<Announcement> {
  const path = pathIn(dir, OFFER_NAME);
  await Deno.mkdir(parentOf(path), { recursive: true });
  await Deno.writeTextFile(path, formatOfferList(node.announcements));
  await node.share({ file: OFFER_NAME, cwd: dir });
  return node.announcements.find(({ name }) => name === OFFER_NAME)!;
}

interface Running {
  node: PeerNode;
  places: MeetingPlaces;
  guests: GuestBook;
  receipts: Receipts;
  shares: SharedFile[];
  until: number;
  options: SendOptions;
}

/** Meets guests and serves receivers until all have it, or the time is over. */
async function handOver(running: Running): Promise<SendResult> {
  const { node, places, receipts, guests, until, options: { to, signal, onEvent } } = running;
  const over = new AbortController();
  const ends = AbortSignal.any([signal, over.signal]);
  const meeting = Promise.all(places.rooms.map((room) => guests.meet(room, ends)));
  let received = 0;
  let served = 0;
  let quietSince = performance.now();
  try {
    for (;;) {
      const now = receipts.count;
      if (now !== received) onEvent({ event: "received", receivers: received = now });
      const { shares, totals } = await node.status();
      requireUnchanged(running.shares, shares);
      if (totals.served !== served) quietSince = performance.now();
      served = totals.served;
      const result = { received, wrong: guests.wrong, bytes: served };
      if (to !== undefined && received >= to) return { end: "done", ...result };
      const idle = received >= guests.met || performance.now() - quietSince > QUIET_MS;
      if (guests.givenUp && idle) return { end: "given_up", ...result };
      if (Date.now() >= until) {
        guests.close();
        if (idle) return { end: "expired", ...result };
      }
      await receipts.news.waitFor(LOOK_MS, signal);
    }
  } finally {
    over.abort();
    await meeting;
  }
}

function requireUnchanged(offered: SharedFile[], present: SharedFile[]): void {
  for (const { name, id } of offered) {
    const share = present.find((one) => one.name === name);
    if (share?.available && share.id === id) continue;
    throw new Fault("integrity", `Cannot go on: ${quoted(name)} changed while it was handed over`, {
      next: "send it again, once it doesn't change any more",
    });
  }
}
