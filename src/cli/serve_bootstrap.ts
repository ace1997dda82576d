import { formatAddress } from "../wire/connection.ts";
import type { ExitCode } from "./exit_code.ts";
import { startLogging } from "./logging.ts";
import { Output } from "./output.ts";
import type { BootstrapFlags } from "./program.ts";
import { reportFailure } from "./report_failure.ts";
import type { Stop } from "./stop.ts";

/** `shoal bootstrap`: serves until a signal. Says on standard output where it listens. */
export async function serveBootstrap(flags: BootstrapFlags, stop: Stop): Promise<ExitCode> {
  const output = new Output();
  try {
    const [{ BootstrapServer }, { MemoryRegistry }] = await Promise.all([
      import("../bootstrap/server.ts"),
      import("../bootstrap/memory_registry.ts"),
      startLogging(flags, "info"),
    ]);
    const { host, port, swarmKey } = flags;
    const transport = swarmKey === undefined ? undefined : await openSwarmOf(swarmKey);
    const registry = new MemoryRegistry();
    const server = await BootstrapServer.start({ host, port, registry, transport });
    try {
      const swarm = transport ? `, private swarm ${transport.fingerprint}` : "";
      await output.line(`Bootstrap listening on ${formatAddress(server.address)}${swarm}`);
      return await stop.asked;
    } finally {
      await server.stop();
    }
  } catch (error) {
    return await reportFailure(error, output, { interrupted: stop.code });
  }
}

/** The X.509 library takes longer to load than all the rest. */
async function openSwarmOf(path: string) {
  const { openSwarm } = await import("../trust/open_swarm.ts");
  return await openSwarm(path);
}
