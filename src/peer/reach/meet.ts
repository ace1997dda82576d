/** A peer's part where two that can't call each other meet: at a bootstrap, or a relay. */
import * as v from "valibot";
import { Fault } from "../../fault.ts";
import { delay } from "../../async/retry.ts";
import { timeoutSignal } from "../../async/deadline.ts";
import { AGENT } from "../../version.ts";
import { Caller, Refusal } from "../../wire/caller.ts";
import { type Address, Connection, formatAddress } from "../../wire/connection.ts";
import { groupOf, isInScope } from "../../wire/ip_address.ts";
import { Go, Met, PROTOCOL_VERSION } from "../../wire/protocol.ts";
import type { Socket, Transport } from "../../wire/transport.ts";
import { connectFrom, freshPort } from "./local_port.ts";
import { fromNode } from "./node_socket.ts";

/** Calls of one hole punching, at most: a bootstrap that lies has nobody pestered for long. */
const CALLS_MOST = 60;
/** Time for two that call each other at once to be connected, in milliseconds. */
const PUNCH_MS = 8_000;
/**
 * The pause after a router, or the other end that has not begun yet, refused, in milliseconds: short, as
 * the two calls must cross.
 */
const AGAIN_MS = 60;

/** The greeting of a bootstrap, or of a peer that relays. */
const AnyHello = v.object({ action: v.literal("hello") });

interface MeetOptions {
  /** The transport to the one where they meet. */
  transport: Transport;
  signal: AbortSignal;
}

interface PunchOptions extends MeetOptions {
  /** The address at which the other was seen, where that was told: it must be in its network. */
  expected?: string;
}

/**
 * Connects to the other that has the token by calling it from a port that it calls as well. Throws a
 * `network` Fault that says why that failed, or the signal's reason.
 */
export async function punch(
  at: Address,
  token: string,
  { transport, signal, expected }: PunchOptions,
): Promise<Socket> {
  const localPort = freshPort();
  const connection = await Connection.over(
    async (signal) =>
      transport.callOver(fromNode(await connectFrom(localPort, at, signal)), signal),
    formatAddress(at),
    { transport, signal },
  );
  // Kept open until it is over: the router's mapping of the port lasts as long.
  using caller = new Caller(connection);
  const { host, port } = await meet(caller, { token, way: "punch" }, Go, signal);
  if (!isInScope(host, at.host) || expected && networkOf(host) !== networkOf(expected)) {
    throw new Fault("network", `${formatAddress(at)} named an address of another network`);
  }
  const late = () => new Fault("network", `no connection within ${PUNCH_MS / 1_000} s`);
  using ends = timeoutSignal(PUNCH_MS, late, { signal });
  for (let calls = 1;; calls++) {
    try {
      return fromNode(await connectFrom(localPort, { host, port }, ends.signal));
    } catch (error) {
      ends.signal.throwIfAborted();
      if (error instanceof Fault || calls === CALLS_MOST) throw error;
      await delay(AGAIN_MS * (0.5 + Math.random()), ends.signal);
    }
  }
}

/**
 * The relay to meet at: the bootstrap itself, or the member that it names. Throws a `network` Fault for
 * one that it may not name: an open swarm's has no say in which others are called.
 */
export function relayOf(
  { at, relay }: { at: Address; relay?: Address },
  swarm: Transport,
): Address {
  if (!relay) return at;
  if (swarm.secured && isInScope(relay.host, at.host)) return relay;
  throw new Fault("network", `${formatAddress(at)} named a relay that is not its to name`);
}

/** Connects to the other that has the token through a relay. Throws as {@link punch} does. */
export async function meetAtRelay(
  at: Address,
  token: string,
  { transport, signal }: MeetOptions,
): Promise<Socket> {
  const connection = await Connection.open(at, { transport, signal });
  try {
    await meet(new Caller(connection), { token, way: "relay" }, Met, signal);
    return connection.detach();
  } catch (error) {
    connection.close();
    throw error;
  }
}

function networkOf(host: string): string {
  return groupOf(host) ?? host;
}

/** Says hello and meets. Closes the connection when the signal is aborted, and then throws its reason. */
async function meet<S extends v.GenericSchema>(
  caller: Caller,
  how: { token: string; way: "punch" | "relay" },
  schema: S,
  signal: AbortSignal,
): Promise<v.InferOutput<S>> {
  const abort = () => caller.close();
  signal.addEventListener("abort", abort);
  try {
    const hello = { action: "hello", protocol: PROTOCOL_VERSION, agent: AGENT };
    const greeted = caller.request(hello, AnyHello);
    const met = caller.request({ action: "meet", ...how }, schema);
    const [, { reply }] = await Promise.all([greeted, met]);
    signal.throwIfAborted();
    return reply;
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Refusal && error.code === "not_met"
      ? new Fault("network", "it did not come to the meeting", { cause: error })
      : error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
