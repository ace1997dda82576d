import { Fault } from "../../fault.ts";
import { type Address, formatAddress } from "../../wire/connection.ts";
import type { PeerRecord } from "../../wire/protocol.ts";
import type { Transport } from "../../wire/transport.ts";
import { BootstrapClient } from "../discovery/bootstrap_client.ts";
import { handshake } from "../discovery/handshake.ts";
import { fault, type Finding, ok, warning } from "../api/finding.ts";

/** Clocks may differ by so much, in milliseconds. */
const SKEW_MS = 30_000;

export interface BootstrapCheckOptions {
  /** The peer of DIR, while one runs: its id. */
  running?: string;
  /** The transport of a private swarm. */
  transport?: Transport;
  signal?: AbortSignal;
}

/** The findings about one bootstrap. */
export interface BootstrapReport {
  findings: Finding[];
  /** The agents of the peers that it lists. */
  agents: string[];
}

/**
 * Checks that a bootstrap can be reached, belongs to the same swarm, has the right time and lists
 * the peer of DIR at an address that others can reach.
 */
export async function checkBootstrap(
  address: Address,
  { running, transport, signal }: BootstrapCheckOptions,
): Promise<BootstrapReport> {
  const name = formatAddress(address);
  try {
    const greeted = await handshake(address, { transport, signal });
    if (greeted.kind === "legacy") {
      const message = `${name} answers, with the legacy dialect: it knows of no files`;
      return { findings: [ok("bootstrap", message)], agents: [] };
    }
    greeted.caller.close();
    using client = new BootstrapClient(address, { transport });
    const peers = await client.getPeers({ signal });
    return {
      findings: [
        ok("bootstrap", `${name} answers, and lists ${countOf(peers)}`),
        ...greeted.registry ? [judgeRegistry(name, greeted.registry)] : [],
        judgeClock(name, greeted.ahead),
        judgePort(name, peers, running),
      ],
      agents: peers.flatMap(({ agent }) => agent ?? []),
    };
  } catch (error) {
    signal?.throwIfAborted();
    const remedy = error instanceof Fault && error.kind === "integrity"
      ? "use the key of that swarm, or another --bootstrap"
      : "is it running, is the address right (--bootstrap), and does a firewall let it through?";
    return { findings: [fault("bootstrap", error, remedy)], agents: [] };
  }
}

function countOf(peers: PeerRecord[]): string {
  return peers.length === 1 ? "1 peer" : `${peers.length} peers`;
}

/** Judges the registry that a bootstrap shares with others, as the bootstrap sees it. */
export function judgeRegistry(name: string, { id, state }: { id: string; state: string }): Finding {
  const shared = `the registry ${id} that ${name} shares with others`;
  if (state === "ready") return ok("registry", `${shared} is there`);
  const what = state === "away" ? "is away: it knows its own peers alone" : "takes nothing new";
  const remedy = "look at the bootstrap's log and at its Redis: is it running, and has it room?";
  return warning("registry", `${shared} ${what}`, remedy);
}

/** `ahead` is how far this machine's clock is ahead of the bootstrap's, in milliseconds. */
export function judgeClock(name: string, ahead: number | undefined): Finding {
  if (ahead === undefined) return ok("clock", `${name} doesn't tell the time`);
  const seconds = (Math.abs(ahead) / 1000).toFixed(1);
  if (Math.abs(ahead) <= SKEW_MS) return ok("clock", `within ${seconds} s of that of ${name}`);
  const message = `${seconds} s ${ahead > 0 ? "ahead of" : "behind"} that of ${name}`;
  return warning(
    "clock",
    message,
    "set the clock, by NTP: the newer of two versions is told by it",
  );
}

/** Judges whether others can fetch from the peer of DIR, as far as this bootstrap knows. */
export function judgePort(name: string, peers: PeerRecord[], running: string | undefined): Finding {
  if (running === undefined) {
    return ok("port", "no peer runs for this folder, so nothing listens");
  }
  const own = peers.find(({ peer }) => peer === running);
  if (!own) {
    const remedy = "wait for its next try, and look at the log of the peer";
    return warning("port", `${name} doesn't list this peer`, remedy);
  }
  const listed = formatAddress({ host: own.address, port: own.port });
  switch (own.reachable) {
    case true:
      return ok("port", `${name} reached this peer at ${listed}`);
    case false:
      return warning(
        "port",
        `${name} can't reach this peer at ${listed}, so others can't fetch from it`,
        "open the port in the firewall, forward it, or name another address with --advertise",
      );
    case null:
      return ok("port", `${name} lists this peer at ${listed}, and is about to call it`);
    default:
      return ok("port", `${name} lists this peer at ${listed}; it doesn't say if it was reached`);
  }
}
