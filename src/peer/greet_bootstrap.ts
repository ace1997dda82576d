import { Fault, messageOf } from "../fault.ts";
import { AGENT } from "../version.ts";
import { Caller, Refusal } from "../wire/caller.ts";
import { type Address, Connection, formatAddress } from "../wire/connection.ts";
import { BootstrapHello, PROTOCOL_VERSION } from "../wire/protocol.ts";
import { askSeed, SeedPeers } from "../wire/seed_dialect.ts";

/** Time for each of the two greetings, in milliseconds: together a handshake. */
const GREETING_MS = 5_000;

/** What was found: a Shoal bootstrap, with an open connection to it, or a seed bootstrap. */
export type Greeting =
  | { kind: "shoal"; caller: Caller; nonce: string }
  | { kind: "seed" };

export interface GreetOptions {
  /** The caller's own peer id. */
  peer?: string;
  /** For each of two tries, in milliseconds. @default 5_000 */
  ms?: number;
  signal?: AbortSignal;
}

/**
 * Says `hello` to whoever listens there; when that isn't understood, asks as a seed peer would.
 * Throws a `network` Fault that says whether nobody can be reached, or somebody else listens, or a
 * bootstrap refused; or the signal's own reason.
 */
export async function greetBootstrap(
  address: Address,
  { peer, ms = GREETING_MS, signal }: GreetOptions = {},
): Promise<Greeting> {
  const started = performance.now();
  const connection = await reach(address, ms, signal);
  const caller = new Caller(connection);
  const silent = new Fault("network", `${formatAddress(address)} did not say hello`);
  const timer = setTimeout(() => caller.close(silent), ms - (performance.now() - started));
  const abort = () => caller.close();
  signal?.addEventListener("abort", abort);
  try {
    const hello = { action: "hello", protocol: PROTOCOL_VERSION, agent: AGENT, peer };
    const { reply } = await caller.request(hello, BootstrapHello);
    signal?.throwIfAborted();
    return { kind: "shoal", caller, nonce: reply.nonce };
  } catch (error) {
    caller.close();
    signal?.throwIfAborted();
    // Who can refuse in so many words is a bootstrap of our own kind.
    if (error instanceof Refusal) throw error;
    if (await isSeed(address, ms, signal)) return { kind: "seed" };
    const who = formatAddress(address);
    const what = error === silent
      ? `${who} did not say hello within ${2 * ms / 1000} s`
      : `${who} is not a Shoal bootstrap: ${messageOf(error).replace(`${connection} `, "it ")}`;
    throw new Fault("network", what, { cause: error });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

async function reach(address: Address, ms: number, signal?: AbortSignal): Promise<Connection> {
  try {
    return await Connection.open(address, { ms, signal });
  } catch (cause) {
    if (!(cause instanceof Fault)) throw cause;
    const message = cause.message.replace("Cannot connect to", "Cannot reach bootstrap");
    throw new Fault("network", message, { cause });
  }
}

async function isSeed(address: Address, ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    await askSeed(address, { action: "get_peers" }, SeedPeers, { ms, signal });
    return true;
  } catch {
    signal?.throwIfAborted();
    return false;
  }
}
