import { EVERYWHERE } from "../../wire/wildcard_host.ts";
import { Fault } from "../../fault.ts";
import type { RelayLimits } from "../../meet/relay.ts";
import { parseAddress, parsePort } from "../../peer/api/settings.ts";
import type { Address } from "../../wire/address.ts";
import { parseRate, parseSize } from "../output/units.ts";
import { flag, type FlagsOf, option } from "./cli_option.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal", "off"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
const LOG_FORMATS = ["text", "json"] as const;
type LogFormat = typeof LOG_FORMATS[number];

/** The port of metrics where only a host is said. */
const METRICS_PORT = 9_464;
/** Stands where an address has no port. */
const NO_PORT = -1;

/** Options about logs, which every command has. */
export const LOG_OPTIONS = {
  /** Default `info` for what serves, `warning` for a verb. */
  logLevel: option<LogLevel>("--log-level <LEVEL>", "how much to log to standard error", {
    choices: LOG_LEVELS,
  }),
  logFormat: option<LogFormat>("--log-format <FORMAT>", "how to log", {
    choices: LOG_FORMATS,
    otherwise: "text",
  }),
};
export type LogFlags = FlagsOf<typeof LOG_OPTIONS>;

/** Options about results, which every command has. */
export const OUTPUT_OPTIONS = {
  json: flag("--json", "print the result as JSON, and nothing else"),
  quiet: flag("-q, --quiet", "no notes and no progress, only results and errors"),
};
export type OutputFlags = FlagsOf<typeof OUTPUT_OPTIONS>;

/** Options of a listener. */
export const listening = (defaultPort: number) => ({
  host: option("--host <HOST>", "the address to listen on; * is all, IPv6 and IPv4", {
    parse: (text) => text === EVERYWHERE ? text : parseHost(text),
    otherwise: EVERYWHERE,
  }),
  port: option("--port <PORT>", "where to listen; 0 is any free port", {
    parse: parsePort,
    otherwise: defaultPort,
  }),
});

/** For Prometheus, and for what restarts processes; on loopback unless an address is said. */
export const METRICS = option<Address>(
  "--metrics <[HOST:]PORT>",
  "serve /metrics, /healthz and /readyz there; without HOST to this machine alone",
  { parse: parseMetrics },
);

export const SWARM_KEY = option(
  "--swarm-key <FILE>",
  "the key of a private swarm: only its members get in",
  { variable: "SHOAL_SWARM_KEY_FILE", parse: parsePath },
);

/** The config file: the source of values that neither a flag nor a variable gives. */
export const CONFIG = option(
  "--config <FILE>",
  "the config file, if another than `shoal peer config path`",
);

/** A rate, and perhaps a number of bytes: `2M`, `10M,500G`. */
export function parseRelay(text: string): RelayLimits {
  const [first = "", second, ...more] = text.split(",");
  const rate = parseRate(first);
  const total = second === undefined ? undefined : parseSize(second);
  if (rate > 0 && total !== 0 && more.length === 0) return { rate, total };
  throw new Fault("usage", `"${text}" must be a rate above 0, and perhaps a size: 2M, or 10M,500G`);
}

function parseMetrics(text: string): Address {
  return /^\d+$/.test(text)
    ? { host: "127.0.0.1", port: parsePort(text) }
    : parseAddress(text, METRICS_PORT);
}

export function parseHost(text: string): string {
  const { host, port } = parseAddress(text, NO_PORT);
  if (port !== NO_PORT) throw new Fault("usage", `"${text}" must be an address without a port`);
  return host;
}

export function parsePath(text: string): string {
  if (text === "" || text.includes("\0")) throw new Fault("usage", "it is not a path");
  return text;
}
