import process from "node:process";
import { Counter, Gauge, type Registry } from "prom-client";
import { VERSION } from "../../version.ts";

/** Adds what every process tells of itself, under the names that Prometheus's own libraries use. */
export function addProcessMetrics(registers: Registry[]): void {
  new Gauge({
    name: "process_resident_memory_bytes",
    help: "Resident memory size in bytes.",
    registers,
    collect() {
      this.set(process.memoryUsage().rss);
    },
  });
  let counted = 0;
  new Counter({
    name: "process_cpu_seconds_total",
    help: "User and system CPU time in seconds.",
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      const seconds = (user + system) / 1e6;
      this.inc(seconds - counted);
      counted = seconds;
    },
  });
  new Gauge({
    name: "shoal_build_info",
    help: "Always 1; the version is the label.",
    labelNames: ["version"],
    registers,
  }).set({ version: VERSION }, 1);
}
