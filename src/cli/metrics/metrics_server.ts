import type { Registry } from "prom-client";
import { Fault, messageOf } from "../../fault.ts";
import { type Address, formatAddress } from "../../wire/address.ts";
import { WebServer } from "../../web/web_server.ts";

/** Time for which one answer is given again, in milliseconds: however many ask, it is made once. */
const KEPT_MS = 1_000;

export interface Monitored {
  metrics: Registry;
  /** Called before the metrics are read. */
  refresh?(): Promise<void>;
  /** The reason why this process can't do its work now; undefined when it can. */
  whyNotReady(): Promise<string | undefined>;
}

export interface MetricsServer {
  /** A line that says where they are. */
  note: string;
  stop(): Promise<void>;
}

/**
 * Serves `/metrics` in Prometheus's text format, `/healthz` (200 while the process answers) and `/readyz`
 * (200, or 503 with the reason). Throws a `network` Fault that names the address when it can't be
 * listened on.
 */
export function serveMetrics(address: Address, monitored: Monitored): MetricsServer {
  const kept = new Kept(async () => {
    await monitored.refresh?.();
    return await monitored.metrics.metrics();
  });
  const handler = async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") return text("GET alone\n", 405);
    switch (new URL(request.url).pathname) {
      case "/metrics":
        return text(await kept.value(), 200, monitored.metrics.contentType);
      case "/healthz":
        return text("ok\n");
      case "/readyz": {
        const why = await monitored.whyNotReady();
        return why === undefined ? text("ready\n") : text(`not ready: ${why}\n`, 503);
      }
      default:
        return text("There are /metrics, /healthz and /readyz\n", 404);
    }
  };
  try {
    const server = WebServer.listen({ hostname: address.host, port: address.port }, handler);
    const { hostname: host, port } = server.address;
    const note = `Metrics: http://${formatAddress({ host, port })}/metrics`;
    return { note, stop: () => server.stop() };
  } catch (cause) {
    const taken = cause instanceof Deno.errors.AddrInUse;
    const why = taken ? "the port is in use" : messageOf(cause).toLowerCase();
    const message = `Cannot serve metrics on ${formatAddress(address)}: ${why}`;
    throw new Fault("network", message, { cause, next: "choose another --metrics [HOST:]PORT" });
  }
}

/** A value that is made anew when the last one is too old. */
class Kept {
  readonly #make: () => Promise<string>;
  #value: Promise<string> | undefined;
  #until = 0;

  constructor(make: () => Promise<string>) {
    this.#make = make;
  }

  value(): Promise<string> {
    const now = performance.now();
    if (this.#value && now < this.#until) return this.#value;
    this.#until = now + KEPT_MS;
    return this.#value = this.#make();
  }
}

function text(body: string, status = 200, type = "text/plain; charset=utf-8"): Response {
  return new Response(body, { status, headers: { "content-type": type } });
}
