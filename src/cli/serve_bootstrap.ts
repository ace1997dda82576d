import type { LinkObserver } from "../bootstrap/shared/redis_link.ts";
import type { SharedRegistry } from "../bootstrap/shared/shared_registry.ts";
import type { Bootstrap } from "../library/bootstrap.ts";
import type { Origin } from "../peer/api/config.ts";
import type { ExitCode } from "./output/exit_code.ts";
import { startLogging } from "./config/logging.ts";
import { onHangUp } from "./process/on_hang_up.ts";
import { formatRate } from "./output/units.ts";
import { Output } from "./output/output.ts";
import type { BootstrapFlags } from "./args/bootstrap_options.ts";
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
    const [{ Bootstrap }] = await Promise.all([
      import("../library/bootstrap.ts"),
      startLogging(flags, "info"),
    ]);
    const { host, port, swarmKey, advertise, relay } = flags;
    const metrics = await metricsOf(flags);
    const { observer } = metrics ?? {};
    await using registry = await openShared(flags, origins, observer);
    const settings = { host, port, swarmKey, advertise, relay, observer, registry };
    const server = await Bootstrap.start(settings);
    let told: MetricsServer | undefined;
    using _ = onHangUp(stop, () => reloadBootstrap(flags, origins));
    try {
      stop.serves = true;
      told = metrics?.serve(server, registry);
      const { address, fingerprint } = server;
      const swarm = fingerprint ? `, private swarm ${fingerprint}` : "";
      const relays = relay ? `, relaying at most ${formatRate(relay.rate)}` : "";
      const listening = `Bootstrap listening on ${address}${swarm}${relays}`;
      await output.line(listening);
      if (told) output.note(told.note);
      await manager.ready(listening);
      return await stop.asked;
    } finally {
      await manager.stopping();
      await told?.stop();
      await server.close();
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
  const serve = (server: Bootstrap, registry?: SharedRegistry) => {
    observer.watch(server, registry);
    return serveMetrics(address, observer);
  };
  return { observer, serve };
}

/** The registry that is shared with other bootstraps; undefined where none is given. */
async function openShared(
  flags: BootstrapFlags,
  origins: Record<string, Origin>,
  observer?: LinkObserver,
): Promise<SharedRegistry | undefined> {
  if (flags.registry === undefined) return;
  const [{ SharedRegistry }, { readRegistryUrl }] = await Promise.all([
    import("../bootstrap/shared/shared_registry.ts"),
    import("./read_registry_url.ts"),
  ]);
  const url = readRegistryUrl(flags.registry, flags, origins.registry === "flag");
  return await SharedRegistry.open({ url, name: flags.registryName, observer });
}
