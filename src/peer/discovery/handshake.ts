import { Fault, messageOf } from "../../fault.ts";
import { AGENT } from "../../version.ts";
import { Caller, Refusal } from "../../wire/caller.ts";
import { type Address, Connection, formatAddress } from "../../wire/connection.ts";
import { BootstrapHello, PROTOCOL_VERSION } from "../../wire/protocol.ts";
import { isLegacyBootstrap } from "../../legacy/legacy_bootstrap.ts";
import { OtherSwarm, type Transport } from "../../wire/transport.ts";
import { awakeClock } from "../../async/clock.ts";
import { deadline } from "../../async/deadline.ts";

/** Time for each of the two first messages, in milliseconds: together a handshake. */
export const HANDSHAKE_MS = 5_000;

/** The result of a handshake: a Shoal bootstrap, with an open connection to it, or a legacy one. */
export type Greeted =
  | {
    kind: "shoal";
    caller: Caller;
    nonce: string;
    /**
     * Milliseconds by which this machine's clock is ahead of the bootstrap's, give or take half the
     * time of the handshake; undefined when the bootstrap doesn't tell the time.
     */
    ahead?: number;
    /** The registry that the bootstrap shares with others; undefined for one that stands alone. */
    registry?: { id: string; state: string };
  }
  | { kind: "legacy" };

interface HandshakeOptions {
  /** The caller's own peer id. */
  peer?: string;
  /** For each of two tries, in milliseconds. @default 5_000 */
  ms?: number;
  /** The transport of the connection. Default in the clear. */
  transport?: Transport;
  signal?: AbortSignal;
  /** Called once `hello` is on its way: what is requested there goes with it, in the same round trip. */
  onConnected?: (caller: Caller) => void;
}

/**
 * Says `hello` to the program that listens there; when that isn't understood, asks as a legacy peer
 * would. Throws a `network` Fault that says whether nothing can be reached, or another program
 * listens, or a bootstrap refused; an `integrity` Fault when the two ends are not of one swarm; or
 * the signal's own reason.
 */
export async function handshake(
  address: Address,
  options: HandshakeOptions = {},
): Promise<Greeted> {
  const { peer, ms = HANDSHAKE_MS, transport, signal } = options;
  const started = awakeClock.now();
  const connection = await reach(address, ms, options);
  const caller = new Caller(connection);
  const silent = new Fault("network", `${formatAddress(address)} did not say hello`);
  const left = ms - (awakeClock.now() - started);
  using _timer = deadline(left, () => caller.close(silent));
  const abort = () => caller.close();
  signal?.addEventListener("abort", abort);
  try {
    const hello = { action: "hello", protocol: PROTOCOL_VERSION, agent: AGENT, peer };
    const asked = Date.now();
    const answered = caller.request(hello, BootstrapHello);
    options.onConnected?.(caller);
    const { reply } = await answered;
    signal?.throwIfAborted();
    const { nonce, time, registry } = reply;
    const ahead = time === undefined ? undefined : (asked + Date.now()) / 2 - time;
    return { kind: "shoal", caller, nonce, ahead, registry };
  } catch (error) {
    caller.close();
    signal?.throwIfAborted();
    // What refuses in the words of this protocol is a Shoal bootstrap.
    if (error instanceof Refusal) throw error;
    if (error instanceof OtherSwarm) throw wantsKey(address, error);
    if (!transport?.secured && await isLegacy(address, ms, signal)) return { kind: "legacy" };
    const name = formatAddress(address);
    const what = error === silent
      ? `${name} did not say hello within ${2 * ms / 1000} s`
      : `${name} is not a Shoal bootstrap: ${messageOf(error).replace(`${connection} `, "it ")}`;
    throw new Fault("network", what, { cause: error });
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

async function reach(
  address: Address,
  ms: number,
  { transport, signal }: HandshakeOptions,
): Promise<Connection> {
  try {
    return await Connection.open(address, { ms, transport, signal });
  } catch (cause) {
    if (cause instanceof OtherSwarm) throw cannotUse(address, cause.why, cause);
    if (!(cause instanceof Fault)) throw cause;
    const message = cause.message.replace("Cannot connect to", "Cannot reach bootstrap");
    throw new Fault("network", message, { cause });
  }
}

async function isLegacy(address: Address, ms: number, signal?: AbortSignal): Promise<boolean> {
  try {
    return await isLegacyBootstrap(address, ms, signal);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof OtherSwarm) throw wantsKey(address, error);
    return false;
  }
}

function wantsKey(address: Address, cause: OtherSwarm): Fault {
  return cannotUse(address, "it wants a swarm key, and none was given", cause);
}

/** A Fault that no retry mends: only the right key does. */
function cannotUse(address: Address, why: string, cause: OtherSwarm): Fault {
  return new Fault("integrity", `Cannot use bootstrap ${formatAddress(address)}: ${why}`, {
    cause,
    next:
      "use the key of that swarm (--swarm-key FILE), or none if it is open; or another --bootstrap",
  });
}
