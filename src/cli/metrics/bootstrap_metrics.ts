import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { BootstrapObserver } from "../../bootstrap/observer.ts";
import type { LinkObserver } from "../../bootstrap/shared/redis_link.ts";
import type { SharedRegistry } from "../../bootstrap/shared/shared_registry.ts";
import type { Bootstrap } from "../../library/bootstrap.ts";
import { addProcessMetrics } from "./process_metrics.ts";
import type { Monitored } from "./metrics_server.ts";

/** Bounds of the durations of requests, in seconds: from an answer at once to one that waited. */
const DURATIONS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

/** The part of a bootstrap that the gauges need. */
type Measured = Pick<Bootstrap, "connectionCount" | "counts" | "relayed">;

/** The part of a shared registry that the gauges need. */
type MeasuredRegistry = Pick<SharedRegistry, "shared" | "backlog" | "bootstraps" | "trouble">;

/** The metrics of a bootstrap. Labels are actions and error codes alone, so there are few. */
export class BootstrapMetrics implements BootstrapObserver, LinkObserver, Monitored {
  readonly metrics = new Registry();
  readonly #requests = new Counter({
    name: "shoal_bootstrap_requests_total",
    help: "Requests by action and by result: ok, or the code of the error.",
    labelNames: ["action", "result"],
    registers: [this.metrics],
  });
  readonly #durations = new Histogram({
    name: "shoal_bootstrap_request_duration_seconds",
    help: "Time from reading a request to having its answer, waits included.",
    labelNames: ["action"],
    buckets: DURATIONS,
    registers: [this.metrics],
  });
  readonly #refused = new Counter({
    name: "shoal_bootstrap_refused_connections_total",
    help: "Connections that were told to come back later.",
    registers: [this.metrics],
  });
  #server: Measured | undefined;
  #shared: MeasuredRegistry | undefined;
  #latency: Histogram | undefined;

  constructor() {
    this.#gauge("connections", "Open connections.", () => this.#server?.connectionCount);
    this.#gauge("peers", "Listed peers.", () => this.#server?.counts.peers);
    this.#gauge("names", "Names that peers hold content under.", () => this.#server?.counts.names);
    this.#gauge(
      "relay_pairs",
      "Pairs of peers that are relayed for.",
      () => this.#server?.relayed.pairs,
    );
    this.#gauge("relay_bytes", "Bytes that were relayed.", () => this.#server?.relayed.bytes);
    addProcessMetrics([this.metrics]);
  }

  /** Tells of this server from now on, and of the registry that it shares. */
  watch(server: Measured, shared?: MeasuredRegistry): void {
    this.#server = server;
    this.#shared = shared;
    if (!shared) return;
    const gauge = (name: string, help: string, read: () => number) =>
      this.#gauge(`registry_${name}`, help, read);
    gauge(
      "up",
      "1 if the shared registry can be asked, else 0.",
      () => shared.shared.state === "away" ? 0 : 1,
    );
    gauge(
      "writable",
      "1 if the shared registry takes what is new, else 0.",
      () => shared.shared.state === "ready" ? 1 : 0,
    );
    gauge("backlog", "Changes that the shared registry has not taken yet.", () => shared.backlog);
    gauge("bootstraps", "Bootstraps of the shared registry.", () => shared.bootstraps);
    this.#latency = new Histogram({
      name: "shoal_bootstrap_registry_duration_seconds",
      help: "Time from asking the shared registry to its answer.",
      buckets: DURATIONS,
      registers: [this.metrics],
    });
  }

  /** An answer of the shared registry. */
  registryAnswered(seconds: number): void {
    this.#latency?.observe(seconds);
  }

  answered(action: string, result: string, seconds: number): void {
    this.#requests.inc({ action, result });
    this.#durations.observe({ action }, seconds);
  }

  refused(): void {
    this.#refused.inc();
  }

  whyNotReady(): Promise<string | undefined> {
    if (!this.#server) return Promise.resolve("it does not listen yet");
    const why = this.#shared?.trouble;
    return Promise.resolve(why === undefined ? undefined : `the registry: ${why}`);
  }

  /** Adds a gauge, which is read whenever the metrics are; it stays as it was where there is no value. */
  #gauge(name: string, help: string, read: () => number | undefined): void {
    new Gauge({
      name: `shoal_bootstrap_${name}`,
      help,
      registers: [this.metrics],
      collect() {
        const value = read();
        if (value !== undefined) this.set(value);
      },
    });
  }
}
