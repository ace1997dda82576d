/**
 * The bootstrap's side of the seed's dialect (wire/legacy_dialect.ts): peers of the program that Shoal
 * descends from register here and list each other, Shoal's peers among them.
 */
import * as v from "valibot";
import { AGENT } from "../version.ts";
import { Refused } from "../wire/answerer.ts";
import type { Message } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { IDLE_MS } from "../wire/protocol.ts";
import { LegacyGetPeers, type LegacyPeer, LegacyRegister } from "../wire/legacy_dialect.ts";
import { SMALL_LIST } from "./limits.ts";
import type { Registry } from "./registry.ts";
import type { FairQueue } from "../async/fair_queue.ts";
import type { Visitor } from "./visitor.ts";

const LegacyRequest = v.variant("action", [LegacyRegister, LegacyGetPeers]);

const encoder = new TextEncoder();

export interface LegacyService {
  registry: Registry;
  visitor: Visitor;
  turns: FairQueue;
}

/**
 * Answers `first` and whatever follows it, until the other end closes. The dialect has one request
 * for each connection; more are answered too.
 */
export async function serveLegacy(
  connection: Connection,
  first: Message,
  service: LegacyService,
): Promise<void> {
  for (let message: Message | null = first; message; message = await connection.read(IDLE_MS)) {
    const { bytes, release } = await replyTo(message, service);
    try {
      await connection.sendBytes(bytes);
    } finally {
      release();
    }
  }
}

async function replyTo(message: Message, service: LegacyService) {
  // Not a message of Shoal's own: the list of peers may be longer than a line of those.
  const lineOf = (reply: object) => encoder.encode(JSON.stringify(reply) + "\n");
  try {
    const { visitor } = service;
    const bytes = lineOf(await answerLegacy(message, service));
    // All peers in one line may be as much as a payload.
    const release = bytes.length > SMALL_LIST ? visitor.holdPayload(bytes.length) : undefined;
    return visitor.inTime(bytes, release);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { bytes: lineOf(legacyError(error.message)), release: () => {} };
  }
}

async function answerLegacy(
  message: Message,
  { registry, visitor, turns }: LegacyService,
): Promise<object> {
  const isList = message.action === "get_peers";
  await visitor.spend(isList ? "list" : "register");
  const parsed = v.safeParse(LegacyRequest, message);
  if (!parsed.success) {
    const known = message.action === "register" || isList;
    return legacyError(known ? `Malformed ${message.action}` : "Unknown action");
  }
  if (parsed.output.action === "get_peers") {
    return { peers: await allPeers(registry, turns), agent: AGENT };
  }
  await registry.registerLegacy({ address: visitor.host, port: parsed.output.port });
  return { status: "registered" };
}

async function allPeers(registry: Registry, turns: FairQueue): Promise<LegacyPeer[]> {
  const peers: LegacyPeer[] = [];
  let cursor: string | undefined;
  do {
    const page = await turns.take(() => registry.getPeers(cursor));
    for (const { address, port } of page.items) peers.push({ address, port });
    cursor = page.cursor;
  } while (cursor !== undefined);
  return peers;
}

function legacyError(message: string) {
  return { action: "error", message };
}
