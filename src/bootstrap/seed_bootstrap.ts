/**
 * The bootstrap's side of the seed's dialect (wire/seed_dialect.ts): peers of the program that Shoal
 * descends from register here and list each other, Shoal's peers among them.
 */
import * as v from "valibot";
import { Refused } from "../wire/answerer.ts";
import type { Message } from "../wire/codec.ts";
import type { Connection } from "../wire/connection.ts";
import { IDLE_MS } from "../wire/protocol.ts";
import { SeedGetPeers, type SeedPeer, SeedRegister } from "../wire/seed_dialect.ts";
import type { Registry } from "./registry.ts";

const SeedRequest = v.variant("action", [SeedRegister, SeedGetPeers]);

const encoder = new TextEncoder();

/**
 * Answers `first` and whatever follows it, until the other end closes. The dialect has one request
 * for each connection; more are answered too.
 */
export async function serveSeed(
  connection: Connection,
  first: Message,
  registry: Registry,
): Promise<void> {
  for (let message: Message | null = first; message; message = await connection.read(IDLE_MS)) {
    const reply = await answerSeed(message, connection.remote.host, registry);
    // Not a message of Shoal's own: the list of peers may be longer than a line of those.
    await connection.sendBytes(encoder.encode(JSON.stringify(reply) + "\n"));
  }
}

async function answerSeed(message: Message, observed: string, registry: Registry): Promise<object> {
  const parsed = v.safeParse(SeedRequest, message);
  if (!parsed.success) {
    const known = message.action === "register" || message.action === "get_peers";
    return seedError(known ? `Malformed ${message.action}` : "Unknown action");
  }
  if (parsed.output.action === "get_peers") return { peers: await allPeers(registry) };
  try {
    await registry.registerSeed({ address: observed, port: parsed.output.port });
    return { status: "registered" };
  } catch (error) {
    if (error instanceof Refused) return seedError(error.message);
    throw error;
  }
}

async function allPeers(registry: Registry): Promise<SeedPeer[]> {
  const peers: SeedPeer[] = [];
  let cursor: string | undefined;
  do {
    const page = await registry.getPeers(cursor);
    for (const { address, port } of page.items) peers.push({ address, port });
    cursor = page.cursor;
  } while (cursor !== undefined);
  return peers;
}

function seedError(message: string) {
  return { action: "error", message };
}
