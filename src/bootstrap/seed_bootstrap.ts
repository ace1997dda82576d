/**
 * The bootstrap's side of the seed's dialect (wire/seed_dialect.ts): peers of the program that Shoal
 * descends from register here and list each other, Shoal's peers among them.
 */
import * as v from "valibot";
import { AGENT } from "../version.ts";
import { Refused } from "../wire/answerer.ts";
import type { Message } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { IDLE_MS } from "../wire/protocol.ts";
import { SeedGetPeers, type SeedPeer, SeedRegister } from "../wire/seed_dialect.ts";
import { SMALL_LIST } from "./limits.ts";
import type { Registry } from "./registry.ts";
import type { Turns } from "../async/turns.ts";
import type { Visitor } from "./visitor.ts";

const SeedRequest = v.variant("action", [SeedRegister, SeedGetPeers]);

const encoder = new TextEncoder();

export interface SeedService {
  registry: Registry;
  visitor: Visitor;
  turns: Turns;
}

/**
 * Answers `first` and whatever follows it, until the other end closes. The dialect has one request
 * for each connection; more are answered too.
 */
export async function serveSeed(
  connection: Connection,
  first: Message,
  service: SeedService,
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

async function replyTo(message: Message, service: SeedService) {
  // Not a message of Shoal's own: the list of peers may be longer than a line of those.
  const lineOf = (reply: object) => encoder.encode(JSON.stringify(reply) + "\n");
  try {
    const { visitor } = service;
    const bytes = lineOf(await answerSeed(message, service));
    // All peers in one line may be as much as a payload.
    const release = bytes.length > SMALL_LIST ? visitor.holdPayload(bytes.length) : undefined;
    return visitor.inTime(bytes, release);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { bytes: lineOf(seedError(error.message)), release: () => {} };
  }
}

async function answerSeed(
  message: Message,
  { registry, visitor, turns }: SeedService,
): Promise<object> {
  const isList = message.action === "get_peers";
  await visitor.spend(isList ? "list" : "register");
  const parsed = v.safeParse(SeedRequest, message);
  if (!parsed.success) {
    const known = message.action === "register" || isList;
    return seedError(known ? `Malformed ${message.action}` : "Unknown action");
  }
  if (parsed.output.action === "get_peers") {
    return { peers: await allPeers(registry, turns), agent: AGENT };
  }
  await registry.registerSeed({ address: visitor.host, port: parsed.output.port });
  return { status: "registered" };
}

async function allPeers(registry: Registry, turns: Turns): Promise<SeedPeer[]> {
  const peers: SeedPeer[] = [];
  let cursor: string | undefined;
  do {
    const page = await turns.take(() => registry.getPeers(cursor));
    for (const { address, port } of page.items) peers.push({ address, port });
    cursor = page.cursor;
  } while (cursor !== undefined);
  return peers;
}

function seedError(message: string) {
  return { action: "error", message };
}
