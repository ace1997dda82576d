import { Counter, Gauge, Registry } from "prom-client";
import type { PeerStatus } from "../../peer/api/status_api.ts";
import { addProcessMetrics } from "./process_metrics.ts";
import type { Monitored } from "./metrics_server.ts";

type TransferEnd = "done" | "failed" | "cancelled";
const ENDS: readonly string[] = ["done", "failed", "cancelled"] satisfies TransferEnd[];

/** The metrics of a running peer, read from its status whenever they are asked for. */
export class PeerMetrics implements Monitored {
  readonly metrics = new Registry();
  readonly #status: () => Promise<PeerStatus>;
  readonly #gauges: Record<string, Gauge> = {};
  readonly #bytes = this.#counter("transferred_bytes_total", "Bytes of content.", "direction");
  readonly #ended = this.#counter("downloads_total", "Downloads that ended, by state.", "state");
  /** The last transfer whose end was counted, and those before it that have not ended. */
  #counted = { last: 0, open: new Set<number>() };
  #totals = { served: 0, fetched: 0 };

  constructor(status: () => Promise<PeerStatus>) {
    this.#status = status;
    addProcessMetrics([this.metrics]);
    for (const state of ENDS) this.#ended.inc({ state }, 0);
    const helps = {
      uptime_seconds: "Time since the peer started.",
      shares: "Shared files and folders.",
      uploads: "Uploads under way.",
      downloads: "Downloads under way.",
      sources: "Connected sources of all downloads.",
      partial_downloads: "Downloads that are not complete.",
      bootstraps: "Configured bootstraps.",
      registered_bootstraps: "Bootstraps at which the peer is registered.",
    };
    for (const [name, help] of Object.entries(helps)) {
      const registers = [this.metrics];
      this.#gauges[name] = new Gauge({ name: `shoal_peer_${name}`, help, registers });
    }
  }

  async whyNotReady(): Promise<string | undefined> {
    const { bootstraps } = await this.#status();
    if (bootstraps.some(({ state }) => state === "registered" || state === "legacy")) return;
    return bootstraps.map(({ address, state }) => `${address} is ${state}`).join(", ") ||
      "no bootstrap is given";
  }

  /** Sets all from the status. */
  async refresh(): Promise<void> {
    const { shares, transfers, partials, bootstraps, totals, uptime } = await this.#status();
    const active = transfers.filter(({ state }) => state === "active");
    const down = active.filter(({ direction }) => direction === "down");
    const values = {
      uptime_seconds: uptime,
      shares: shares.length,
      uploads: active.length - down.length,
      downloads: down.length,
      sources: down.reduce((sum, { sources }) => sum + sources, 0),
      partial_downloads: partials.length,
      bootstraps: bootstraps.length,
      registered_bootstraps: bootstraps.filter(({ state }) => state === "registered").length,
    };
    for (const [name, value] of Object.entries(values)) this.#gauges[name]?.set(value);
    this.#bytes.inc({ direction: "up" }, Math.max(0, totals.served - this.#totals.served));
    this.#bytes.inc({ direction: "down" }, Math.max(0, totals.fetched - this.#totals.fetched));
    this.#totals = totals;
    const { last, open } = this.#counted;
    for (const { transfer, direction, state } of transfers) {
      if (direction !== "down" || transfer <= last && !open.has(transfer)) continue;
      if (ENDS.includes(state)) {
        this.#ended.inc({ state });
        open.delete(transfer);
      } else open.add(transfer);
    }
    this.#counted.last = Math.max(last, ...transfers.map(({ transfer }) => transfer));
  }

  #counter(name: string, help: string, label: string): Counter {
    const registers = [this.metrics];
    return new Counter({ name: `shoal_peer_${name}`, help, labelNames: [label], registers });
  }
}
