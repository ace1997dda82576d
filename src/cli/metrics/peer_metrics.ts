import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { PeerEvent, Receipt } from "../../peer/api/peer_api.ts";
import { PATHS } from "../../peer/api/path.ts";
import type { PeerStatus } from "../../peer/api/status_api.ts";
import { addProcessMetrics } from "./process_metrics.ts";
import type { Monitored } from "./metrics_server.ts";

type TransferEnd = "done" | "failed" | "cancelled";
const ENDS: readonly string[] = ["done", "failed", "cancelled"] satisfies TransferEnd[];

/** Classes of sizes, by their label: what a small file takes says nothing of a large one. */
const SIZES = [["1MiB", 1 << 20], ["64MiB", 64 << 20], ["1GiB", 1 << 30]] as const;
/** Bounds of the durations of downloads, in seconds. */
const DURATIONS = [0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
/** Bounds of rates, in bytes per second. */
const RATES = [1e5, 1e6, 5e6, 1e7, 5e7, 1e8, 5e8, 1e9];

/** The metrics of a running peer, read from its status whenever they are asked for. */
export class PeerMetrics implements Monitored {
  readonly metrics = new Registry();
  readonly #status: () => Promise<PeerStatus>;
  readonly #gauges: Record<string, Gauge> = {};
  readonly #bytes = this.#counter("transferred_bytes_total", "Bytes of content.", "direction");
  readonly #ended = this.#counter("downloads_total", "Downloads that ended, by state.", "state");
  readonly #durations = this.#histogram(
    "download_duration_seconds",
    "Time of a download, from the question to the last byte, by size.",
    DURATIONS,
  );
  readonly #rates = this.#histogram(
    "download_bytes_per_second",
    "Rate of a download, from the question to the last byte, by size.",
    RATES,
  );
  readonly #downloaded = new Counter({
    name: "shoal_peer_downloaded_bytes_total",
    help:
      "Bytes of complete downloads, by the path to their source, and whether it is the publisher.",
    labelNames: ["path", "from"],
    registers: [this.metrics],
  });
  readonly #chunks = this.#counter(
    "downloaded_chunks_total",
    "Chunks of complete downloads: fetched, reused from what was here, refetched, or bad.",
    "kind",
  );
  /** The last transfer whose end was counted, and those before it that have not ended. */
  #counted = { last: 0, open: new Set<number>() };
  #totals = { served: 0, fetched: 0 };

  constructor(status: () => Promise<PeerStatus>) {
    this.#status = status;
    addProcessMetrics([this.metrics]);
    for (const state of ENDS) this.#ended.inc({ state }, 0);
    for (const kind of ["fetched", "reused", "refetched", "bad"]) this.#chunks.inc({ kind }, 0);
    for (const path of PATHS) this.#downloaded.inc({ path, from: "publisher" }, 0);
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

  /** Counts the downloads among these events, until they end. */
  async listen(events: AsyncIterable<PeerEvent>): Promise<void> {
    for await (const one of events) if (one.event === "download_done") this.downloaded(one.receipt);
  }

  /** Counts a download that is complete. */
  downloaded({ size, seconds, bytes, chunks, sources, publisher }: Receipt): void {
    // What was here already says nothing of the network.
    if (bytes > 0) {
      const label = { size: SIZES.find(([, most]) => size <= most)?.[0] ?? "more" };
      this.#durations.observe(label, seconds);
      if (seconds > 0) this.#rates.observe(label, bytes / seconds);
    }
    for (const { path = "unknown", peer, bytes, bad_chunks: bad } of sources) {
      const from = peer !== undefined && peer === publisher ? "publisher" : "other";
      this.#downloaded.inc({ path, from }, bytes);
      this.#chunks.inc({ kind: "bad" }, bad);
    }
    for (const kind of ["fetched", "reused", "refetched"] as const) {
      this.#chunks.inc({ kind }, chunks[kind]);
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

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    const registers = [this.metrics];
    return new Histogram({
      name: `shoal_peer_${name}`,
      help,
      labelNames: ["size"],
      buckets,
      registers,
    });
  }

  #counter(name: string, help: string, label: string): Counter {
    const registers = [this.metrics];
    return new Counter({ name: `shoal_peer_${name}`, help, labelNames: [label], registers });
  }
}
