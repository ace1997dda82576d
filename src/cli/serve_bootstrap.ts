import { formatAddress } from "../wire/connection.ts";
import type { BootstrapServer } from "../bootstrap/server.ts";
import type { Origin } from "../peer/api/config.ts";
import { parseAddress } from "../peer/api/settings.ts";
import type { ExitCode } from "./output/exit_code.ts";
import { startLogging } from "./config/logging.ts";
import { onHangUp } from "./process/on_hang_up.ts";
import { Output } from "./output/output.ts";
import type { BootstrapFlags } from "./args/options.ts";
import { reloadBootstrap } from "./config/reload_bootstrap.ts";
import { reportFailure } from "./output/report_failure.ts";
import { ServiceManager } from "./service/service_manager.ts";
import type { MetricsServer } from "./metrics/metrics_server.ts";
import type { Stop } from "./process/stop.ts";

/** `shoal bootstrap`: serves until a signal. Says on standard output where it listens. */
export async function serveBootstrap(
  flags: BootstrapFlags,
  stop: Stop,
  origins: Record<string, Origin>,
): Promise<ExitCode> {
  const output = new Output();
  using manager = ServiceManager.fromEnvironment();
  try {
    const [{ BootstrapServer }, { MemoryRegistry }] = await Promise.all([
      import("../bootstrap/server.ts"),
      import("../bootstrap/memory_registry.ts"),
      startLogging(flags, "info"),
    ]);
    const { host, port, swarmKey } = flags;
    const transport = swarmKey === undefined ? undefined : await openSwarmOf(swarmKey);
    const registry = new MemoryRegistry();
    const advertise = flags.advertise?.map((text) => parseAddress(text, port));
    const metrics = await metricsOf(flags);
    const server = BootstrapServer.start({
      host,
      port,
      registry,
      transport,
      advertise,
      ...metrics && { observer: metrics.observer },
    });
    let told: MetricsServer | undefined;
    using _ = onHangUp(stop, () => reloadBootstrap(flags, origins));
    try {
      told = metrics?.serve(server);
      const swarm = transport ? `, private swarm ${transport.fingerprint}` : "";
      const listening = `Bootstrap listening on ${formatAddress(server.address)}${swarm}`;
      await output.line(listening);
      if (told) output.note(told.note);
      await manager.ready(listening);
      stop.serves = true;
      return await stop.asked;
    } finally {
      await manager.stopping();
      await told?.stop();
      await server.stop();
    }
  } catch (error) {
    return await reportFailure(error, output, { interrupted: stop.code });
  }
}

/** The metrics that were asked for, and how to serve them; undefined for none. */
async function metricsOf({ metrics: address }: BootstrapFlags) {
  if (!address) return;
  const [{ BootstrapMetrics }, { serveMetrics }] = await Promise.all([
    import("./metrics/bootstrap_metrics.ts"),
    import("./metrics/metrics_server.ts"),
  ]);
  const observer = new BootstrapMetrics();
  const serve = (server: BootstrapServer) => {
    observer.watch(server);
    return serveMetrics(address, observer);
  };
  return { observer, serve };
}

/** The X.509 library takes longer to load than all the rest. */
async function openSwarmOf(path: string) {
  const { openSwarm } = await import("../trust/tls/open_swarm.ts");
  return await openSwarm(path);
}
