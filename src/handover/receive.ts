/**
 * The receiver's side of a hand-over, once it has the key of the sender's private swarm: it fetches as a
 * peer of that swarm, and helps the other receivers.
 */
import fs from "node:fs";
import { timeoutSignal } from "../async/deadline.ts";
import { delay } from "../async/retry.ts";
import { fromHex } from "../content/hex.ts";
import { Fault, quoted } from "../fault.ts";
import type { ContentKind, Progress, Receipt } from "../peer/api/peer_api.ts";
import { PeerNode } from "../peer/node.ts";
import { nameOf, parentOf, pathIn } from "../system/paths.ts";
import { PrivateTransport } from "../trust/tls/private_transport.ts";
import { verifyAnnouncement } from "../trust/announcement.ts";
import type { Announcement, PeerRecord } from "../wire/protocol.ts";
import { EVERYWHERE } from "../wire/wildcard_host.ts";
import type { HandoverOffer } from "./key_exchange.ts";
import type { KeptHandover } from "./kept_handover.ts";
import { OFFER_CAP, parseOfferList } from "./offer_list.ts";

/** Longest time for which a receiver that has all helps the others, in milliseconds. */
const HELP_MS = 60_000;
/** The same while none of them asks it for anything: the sender is there, too. */
const QUIET_MS = 5_000;
/** The same once the sender has gone. */
const GONE_MS = 1_000;
/** Time to reach the sender by any path, in milliseconds. */
const REACH_MS = 15_000;
/** Time in which the sender must hear of the receipt, in milliseconds: it may be gone by then. */
const RECEIPT_MS = 5_000;
/** Interval of asking the sender's swarm, in milliseconds. */
const LOOK_MS = 250;

export interface ReceiveOptions {
  /** Take another name where one is taken. Default false. */
  rename?: boolean;
  /** Where a single file goes instead of to disk. */
  stream?: WritableStream<Uint8Array>;
  limitDown?: number;
  signal: AbortSignal;
  /** Asked before anything is written, unless the hand-over is resumed. */
  confirm: (offered: Offered) => Promise<boolean>;
  onStart: (name: string) => Promise<void>;
  onProgress: (progress: Progress) => void;
  onReceived: (receipt: Receipt) => Promise<void>;
  /** Called when all is received, and others are still being helped. */
  onHelping: () => void;
}

/** A file or folder of an offer. */
export interface OfferedFile {
  /** Its name, in one part. */
  name: string;
  /** Undefined is a file. */
  kind?: ContentKind;
  /** Bytes; of a folder those of its manifest. */
  size: number;
  /** Of a folder: files, folders and links in it. */
  entries?: number;
  /** Of a folder: bytes of all its files. */
  bytes?: number;
}

/** The offer, and the peer that makes it. */
export interface Offered {
  /** The sender's peer id. */
  peer: string;
  /** Files and folders. */
  files: OfferedFile[];
  /** Bytes of all of it. */
  size: number;
}

/** Fetches all of a hand-over, and helps until all receivers have it. Throws Faults as a `get` does. */
export async function receive(
  { dir, offer, bootstrap, output }: KeptHandover,
  options: ReceiveOptions,
): Promise<Receipt[]> {
  const { signal, confirm } = options;
  const transport = await PrivateTransport.of({ secret: fromHex(offer.swarm), old: [] });
  const node = await PeerNode.open({
    dir,
    state: pathIn(dir, ".shoal"),
    bootstraps: [bootstrap],
    host: EVERYWHERE,
    port: 0,
    limitDown: options.limitDown,
    handover: {},
  }, transport);
  try {
    await node.serve({ resume: false });
    const files = await offered(node, offer, signal);
    if (!await confirm({ peer: offer.peer, files, size: offer.size })) {
      throw new Fault("usage", "Nothing was received: it was not wanted");
    }
    const receipts: Receipt[] = [];
    for (const file of files) {
      await options.onStart(file.name);
      const receipt = await fetchOne(node, file, output, options);
      receipts.push(receipt);
      await options.onReceived(receipt);
    }
    const receivers = await tellReceipt(node, offer, signal);
    if (receivers !== undefined && offer.to !== 1) {
      options.onHelping();
      await helpOthers(node, offer, signal);
    }
    return receipts;
  } finally {
    await node.close();
  }
}

/** Fetches the list of what is offered, and has the node know the sender as a source of all of it. */
async function offered(
  node: PeerNode,
  offer: HandoverOffer,
  signal: AbortSignal,
): Promise<Announcement[]> {
  const sources = sourcesOf(offer);
  const { list, peer } = offer;
  const learn = (announcement: Announcement) =>
    node.learn({ announcement, sources, total: sources.length });
  learn(list);
  if (list.publisher !== peer || list.size > OFFER_CAP || !await verifyAnnouncement(list)) {
    throw new Fault("integrity", "Cannot receive: the sender's offer is not its own");
  }
  const parts: Uint8Array[] = [];
  const output = new WritableStream<Uint8Array>({
    write: (bytes) => void parts.push(bytes.slice()),
  });
  const request = { name: list.name, id: list.id, publisher: peer, wait: REACH_MS };
  await node.stream(request, output, { signal }).catch((error) => {
    throw isNetwork(error) ? cannotReach(error) : error;
  });
  const text = await new Blob(parts as BlobPart[]).text();
  const announcements = await parseOfferList(text, peer);
  for (const one of announcements) learn(one);
  return announcements;
}

function isNetwork(error: unknown): error is Fault {
  return error instanceof Fault && error.kind === "network";
}

/** The Fault for a sender that no path leads to. */
function cannotReach(cause: Fault): Fault {
  const why = cause.message.replace(/^Cannot get [^:]*: /, "");
  return new Fault("network", `Cannot receive: the sender can't be reached: ${why}`, {
    cause,
    next: "have the bootstrap relay (shoal bootstrap --relay 10M), or use one network",
  });
}

function sourcesOf({ at, peer }: HandoverOffer): PeerRecord[] {
  return at.map(({ host: address, port }) => ({ peer, address, port }));
}

async function fetchOne(
  node: PeerNode,
  { name, id, publisher, kind }: Announcement,
  folder: string,
  { stream, rename, limitDown, signal, onProgress }: ReceiveOptions,
): Promise<Receipt> {
  const wanted = { name, id, publisher, limit_down: limitDown };
  const following = { signal, onProgress };
  if (stream) {
    if (kind === "folder") {
      throw new Fault("usage", `Cannot write ${quoted(name)} to standard output: it is a folder`);
    }
    return await node.stream(wanted, stream, following);
  }
  const plain = pathIn(folder, nameOf(`/${name}`));
  const output = rename ? freePath(plain) : plain;
  try {
    return await node.get({ ...wanted, output }, following);
  } catch (cause) {
    if (!(cause instanceof Fault) || cause.kind !== "destination") throw cause;
    throw new Fault("destination", cause.message, {
      cause,
      next: "receive it elsewhere with -o, or beside it with --rename",
    });
  }
}

/** A path at which nothing is: `talk.mkv`, or `talk (1).mkv`. */
function freePath(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf(".");
  const [stem, ending] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let free = path;
  for (let n = 1; fs.lstatSync(free, { throwIfNoEntry: false }); n++) {
    free = pathIn(parentOf(path), `${stem} (${n})${ending}`);
  }
  return free;
}

/** Says that all of it was verified; returns how many have said so, or undefined where the sender is gone. */
async function tellReceipt(
  node: PeerNode,
  offer: HandoverOffer,
  signal: AbortSignal,
): Promise<number | undefined> {
  const late = () => new Fault("network", "the sender does not answer");
  using waiting = timeoutSignal(RECEIPT_MS, late, { signal });
  try {
    return await node.acknowledge(sourcesOf(offer), offer.list.id, waiting.signal);
  } catch {
    // A receiver that the user stopped now has all the same.
    return undefined;
  }
}

/** Serves the others until all have it, none of them asks for more, or the time is over. */
async function helpOthers(node: PeerNode, offer: HandoverOffer, signal: AbortSignal) {
  const end = performance.now() + HELP_MS;
  let quietSince = performance.now();
  for (let served = 0; !signal.aborted; await delay(LOOK_MS, signal).catch(() => {})) {
    const receivers = await tellReceipt(node, offer, signal);
    if (receivers !== undefined && receivers >= (offer.to ?? Infinity)) return;
    const { totals } = await node.status();
    const now = performance.now();
    if (totals.served !== served) quietSince = now;
    served = totals.served;
    // A sender that has gone has heard the last receipt, or nobody else is there to help.
    const quietMs = receivers === undefined ? GONE_MS : QUIET_MS;
    if (now > end || now - quietSince > quietMs) return;
  }
}
