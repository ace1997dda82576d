/**
 * The bootstrap's side of the legacy dialect: legacy peers register here and list each other, Shoal's
 * peers among them.
 */
import * as v from "valibot";
import { AGENT } from "../version.ts";
import { Refused } from "../wire/answerer.ts";
import type { Message } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { IDLE_MS } from "../wire/protocol.ts";
import { LegacyGetPeers, type LegacyPeer, LegacyRegister } from "./legacy_dialect.ts";
import type { LegacyRegistry } from "./legacy_registry.ts";

const LegacyRequest = v.variant("action", [LegacyRegister, LegacyGetPeers]);

const encoder = new TextEncoder();

/** The limits of one caller. */
interface LegacyVisitor {
  /** The address that it comes from. */
  readonly host: string;
  /** Counts a request. Throws Refused `busy` when that is too much. */
  spend(kind: "list" | "register"): Promise<void>;
  /** Does heavy work when it is this address's turn. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Readies a reply to be sent, and counts it if it is long. Throws Refused `busy`. */
  reply(bytes: Uint8Array): { bytes: Uint8Array; release(): void };
}

interface LegacyService {
  registry: LegacyRegistry;
  visitor: LegacyVisitor;
}

/**
 * Answers `first` and whatever follows it, until the other end closes. The dialect has one request
 * for each connection; more are answered too.
 */
export async function answerAsBootstrap(
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
  // Not a message of Shoal's own: all peers in one line may be as much as a payload.
  const lineOf = (reply: object) => encoder.encode(JSON.stringify(reply) + "\n");
  try {
    return service.visitor.reply(lineOf(await answerTo(message, service)));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { bytes: lineOf(legacyError(error.message)), release: () => {} };
  }
}

async function answerTo(
  message: Message,
  { registry, visitor }: LegacyService,
): Promise<object> {
  const isList = message.action === "get_peers";
  await visitor.spend(isList ? "list" : "register");
  const parsed = v.safeParse(LegacyRequest, message);
  if (!parsed.success) {
    const known = message.action === "register" || isList;
    return legacyError(known ? `Malformed ${message.action}` : "Unknown action");
  }
  if (parsed.output.action === "get_peers") {
    return { peers: await allPeers(registry, visitor), agent: AGENT };
  }
  await registry.registerLegacy({ address: visitor.host, port: parsed.output.port });
  return { status: "registered" };
}

async function allPeers(registry: LegacyRegistry, visitor: LegacyVisitor): Promise<LegacyPeer[]> {
  const peers: LegacyPeer[] = [];
  let cursor: string | undefined;
  do {
    const batch = await visitor.inTurn(() => registry.getPeers(cursor));
    for (const { address, port } of batch.items) peers.push({ address, port });
    cursor = batch.cursor;
  } while (cursor !== undefined);
  return peers;
}

function legacyError(message: string) {
  return { action: "error", message };
}
