import { formatAddress } from "../wire/address.ts";
import type { Origin } from "../peer/api/config.ts";
import { announcePeer } from "./output/announce_peer.ts";
import { Config } from "./config/config.ts";
import { configPath } from "./config/config_path.ts";
import type { ExitCode } from "./output/exit_code.ts";
import { startLogging } from "./config/logging.ts";
import { onHangUp } from "./process/on_hang_up.ts";
import { type PeerFlags, settingsOf } from "./args/options.ts";
import { Output } from "./output/output.ts";
import { uiSettingsOf } from "./config/ui_settings.ts";
import { reportFailure } from "./output/report_failure.ts";
import { ServiceManager } from "./service/service_manager.ts";
import { Shell } from "./shell/shell.ts";
import type { OpenPeer } from "./peers/open_peer.ts";
import type { Stop } from "./process/stop.ts";

/**
 * `shoal peer`: serves until a signal, or until `exit` in its shell. Says on standard output where it
 * listens; with `--json` as `{"peer", "listening", "dir"}`.
 */
export async function servePeer(
  flags: PeerFlags,
  stop: Stop,
  origins: Record<string, Origin>,
): Promise<ExitCode> {
  const output = new Output(flags);
  using manager = ServiceManager.fromEnvironment();
  try {
    const settings = settingsOf(flags);
    const shell = new Shell({ json: flags.json, quiet: flags.quiet, stop });
    await startLogging(flags, flags.quiet ? "warning" : "info", () => shell.redraw());
    const { openPeer } = await import("./peers/open_peer.ts");
    const path = configPath(flags.config);
    const config = path === undefined ? undefined : new Config(path, flags, origins);
    const page = uiSettingsOf(flags);
    const peer = await openPeer({
      ...{ ...settings, config, page },
      webhooks: flags.webhook,
      role: "serve",
    });
    using _ = onHangUp(stop, () => peer.reload?.());
    let stopMetrics: (() => Promise<void>) | undefined;
    try {
      stop.serves = true;
      const status = await peer.api.status();
      const { peer: id, listening, dir } = status;
      const opened = page && await peer.page?.openUi();
      if (flags.json) {
        await output.value({ peer: id, listening, dir, page: opened?.address });
      } else await output.line(announcePeer(status));
      const metrics = await metricsOf(flags, peer);
      if (metrics) output.note(metrics.note);
      stopMetrics = metrics?.stop;
      await manager.ready(announcePeer(status));
      output.note(`Bootstrap: ${settings.bootstraps.map(formatAddress).join(", ")}`);
      // A link in a log would be a key lying about.
      const sign = Deno.stderr.isTerminal() ? opened?.link : opened?.address;
      if (sign) output.note(`Page: ${sign}`);
      return await Promise.race([stop.asked, shell.run(peer)]) ?? await stop.asked;
    } finally {
      await manager.stopping();
      await stopMetrics?.();
      await peer.close();
    }
  } catch (error) {
    return await reportFailure(error, output, { interrupted: stop.code });
  }
}

/** Serves the metrics that were asked for; undefined for none. */
async function metricsOf({ metrics: address }: PeerFlags, { api, events }: OpenPeer) {
  if (!address) return;
  const [{ PeerMetrics }, { serveMetrics }] = await Promise.all([
    import("./metrics/peer_metrics.ts"),
    import("./metrics/metrics_server.ts"),
  ]);
  const metrics = new PeerMetrics(() => api.status());
  // It ends with the peer.
  if (events) void metrics.listen(events()).catch(() => {});
  return serveMetrics(address, metrics);
}
