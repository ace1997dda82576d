import { EVERYWHERE } from "../../wire/wildcard_host.ts";
import { Fault } from "../../fault.ts";
import {
  BOOTSTRAP_PORT,
  parseAddress,
  parsePort,
  parseSlots,
  PEER_PORT,
  type PeerSettings,
  UPLOAD_SLOTS,
} from "../../peer/api/settings.ts";
import { type Theme, UI_PATHS, type UiPaths } from "../../peer/api/config.ts";
import type { RelayLimits } from "../../meet/relay.ts";
import { parseOrigin } from "../../web/parse_origin.ts";
import { parseWebhook } from "../../web/webhooks/webhook_url.ts";
import { UI_PORT } from "../../web/ui_door.ts";
import { LABELS_CAP } from "../../wire/limits.ts";
import { type Address, formatAddress } from "../../wire/address.ts";
import { parseDuration, parseRate, parseSize } from "../output/units.ts";
import { flag, type FlagsOf, negative, option } from "./cli_option.ts";
import { absolutePath } from "../../system/paths.ts";

const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal", "off"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
const LOG_FORMATS = ["text", "json"] as const;
type LogFormat = typeof LOG_FORMATS[number];

/** The shared folder unless told otherwise. It alone is made when it is missing. */
const DEFAULT_DIR = "./files";

/** The port of metrics where only a host is said. */
const METRICS_PORT = 9_464;
/** Stands where an address has no port. */
const NO_PORT = -1;

/** Options about logs, which every command has. */
const LOG_OPTIONS = {
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
const listening = (defaultPort: number) => ({
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
const METRICS = option<Address>(
  "--metrics <[HOST:]PORT>",
  "serve /metrics, /healthz and /readyz there; without HOST to this machine alone",
  { parse: parseMetrics },
);

const SWARM_KEY = option(
  "--swarm-key <FILE>",
  "the key of a private swarm: only its members get in",
  {
    variable: "SHOAL_SWARM_KEY_FILE",
    parse: parsePath,
  },
);

/** The config file: the source of values that neither a flag nor a variable gives. */
const CONFIG = option(
  "--config <FILE>",
  "the config file, if another than `shoal peer config path`",
);

/** Options of `shoal bootstrap`. */
export const BOOTSTRAP_OPTIONS = {
  ...listening(BOOTSTRAP_PORT),
  /** Texts, since the port is that of `--port` unless said. */
  advertise: option<string[]>(
    "--advertise <HOST[:PORT]>",
    "where peers reach it, if a router or container forwards; repeatable, or with commas",
    { parse: collectTexts },
  ),
  relay: option<RelayLimits>(
    "--relay <RATE[,TOTAL]>",
    "pass on what peers say that have no other way, at most so many bytes per second, and in all",
    { parse: parseRelay },
  ),
  swarmKey: SWARM_KEY,
  /** As text: what it says of a password depends on where it was said. */
  registry: option(
    "--registry <URL>",
    "share a registry with other bootstraps: redis://HOST[:PORT][/DB], rediss://… or unix:PATH",
  ),
  registryName: option("--registry-name <NAME>", "the swarm's name there; several share a Redis", {
    parse: parseRegistryName,
    otherwise: "main",
  }),
  registryPasswordFile: option(
    "--registry-password-file <FILE>",
    "the registry's password; else in $SHOAL_REGISTRY_PASSWORD",
    { parse: parsePath },
  ),
  registryCa: option("--registry-ca <FILE>", "the certificates that rediss:// trusts, in PEM", {
    parse: parsePath,
  }),
  registryInsecure: flag(
    "--registry-insecure",
    "permit redis:// to another machine, in the clear",
  ),
  metrics: METRICS,
  config: CONFIG,
  ...LOG_OPTIONS,
};
export type BootstrapFlags = FlagsOf<typeof BOOTSTRAP_OPTIONS>;

/** Options of `shoal bootstrap new-key`. */
export const NEW_KEY_OPTIONS = {
  rotate: option("--rotate <OLD>", "carry on the key in this file for a while", { variable: null }),
  /** In seconds. */
  for: option("--for <DURATION>", "how long OLD is still good: 12h, 30d (default: 7d)", {
    variable: null,
    parse: parseDuration,
  }),
};
export type NewKeyFlags = FlagsOf<typeof NEW_KEY_OPTIONS>;

/** Options of `shoal peer adopt-state`. */
export const ADOPT_STATE_OPTIONS = {
  yes: flag("--yes", "take it over without being asked", { variable: null }),
  newIdentity: flag("--new-identity", "be another peer from now on, with a key of its own", {
    variable: null,
  }),
};
export type AdoptStateFlags = FlagsOf<typeof ADOPT_STATE_OPTIONS>;

/** Options of `shoal peer send`. */
export const SEND_OPTIONS = {
  to: option<number | "any">(
    "--to <N>",
    "how many receivers there are, or any (default: 1)",
    { variable: null, parse: parseReceivers },
  ),
  /** In seconds. */
  for: option("--for <DURATION>", "how long the code is good: 10m, 2h (default: 1h)", {
    variable: null,
    parse: parseCodeTime,
  }),
  name: option("--name <NAME>", "the name of what comes from standard input (default: stdin)", {
    variable: null,
  }),
  short: flag("--short", "two words in place of three, and ten wrong tries at most", {
    variable: null,
  }),
  link: flag("--link", "a long code that nobody types, for a link or a QR code", {
    variable: null,
  }),
  copy: flag("--copy", "put the code in the clipboard", { variable: null }),
  qr: negative("--no-qr", "no QR code on a terminal", { variable: null }),
};
export type SendFlags = FlagsOf<typeof SEND_OPTIONS>;

/** Options of `shoal peer receive`. */
export const RECEIVE_OPTIONS = {
  output: option("-o, --output <PATH>", "the folder to put it in, or - for standard output", {
    variable: null,
    parse: parsePath,
  }),
  yes: flag("--yes", "don't ask before anything is written", { variable: null }),
  rename: flag("--rename", "take another name where one is taken", { variable: null }),
  codeFile: option("--code-file <FILE>", "read the code or link from a file; - is standard input", {
    variable: null,
    parse: parsePath,
  }),
  insecureCode: flag(
    "--insecure-code",
    "take a whole code as an argument, which other users of this machine can read",
    { variable: null },
  ),
};
export type ReceiveFlags = FlagsOf<typeof RECEIVE_OPTIONS>;

/** Options of `shoal peer` and each of its verbs. Rates are in bytes per second; 0 is no limit. */
export const PEER_OPTIONS = {
  bootstrap: option<Address[]>(
    "--bootstrap <HOST:PORT>",
    `the meeting point; repeatable, or several with commas (default: 127.0.0.1:${BOOTSTRAP_PORT})`,
    { parse: collecting((text) => parseAddress(text, BOOTSTRAP_PORT)) },
  ),
  dir: option("--dir <DIR>", "the shared folder", { parse: parsePath, otherwise: DEFAULT_DIR }),
  ...listening(PEER_PORT),
  advertise: option(
    "--advertise <HOST[:PORT]>",
    "be listed at this address, once the bootstrap has called it",
    { parse: (text) => (parseAddress(text, 1), text) },
  ),
  label: option<Record<string, string>>(
    "--label <KEY=VALUE>",
    "be listed with it, such as site=berlin; repeatable, or with commas",
    { variable: "SHOAL_LABELS", parse: collectLabels },
  ),
  swarmKey: SWARM_KEY,
  lan: negative("--no-lan", "neither look for peers in the same network nor be found there"),
  relay: option<RelayLimits>(
    "--relay <RATE[,TOTAL]>",
    "in a private swarm, pass on what other members say that have no other way",
    { parse: parseRelay },
  ),
  encrypt: flag("--encrypt", "talk to other peers in TLS alone, also in an open swarm"),
  limitUp: option(
    "--limit-up <RATE>",
    "serve at most so many bytes per second: 500K, 2M; 0 is no limit",
    { parse: parseRate },
  ),
  limitDown: option(
    "--limit-down <RATE>",
    "fetch at most so many bytes per second; 0 is no limit",
    {
      parse: parseRate,
    },
  ),
  /** At this port, or with true where there is room; false is said by a variable. */
  ui: option<number | boolean>(
    "--ui [PORT]",
    `serve the page on this machine (default: ${UI_PORT}, or any free port)`,
    { parse: parseUi },
  ),
  uiHost: option("--ui-host <HOST>", "serve the page here, to others too; needs a password", {
    parse: parseHost,
  }),
  uiPasswordFile: option(
    "--ui-password-file <FILE>",
    "the page's password; else in $SHOAL_UI_PASSWORD",
  ),
  uiOrigin: option<string[]>(
    "--ui-origin <URL>",
    "a name that the page has besides, such as https://files.example behind a proxy; repeatable",
    { parse: collecting(parseOrigin) },
  ),
  uiProxy: option<string[]>(
    "--ui-proxy <HOST>",
    "a reverse proxy on another machine, which says where clients come from; repeatable",
    { parse: collecting(parseHost) },
  ),
  uiPaths: option<UiPaths>(
    "--ui-paths <WHICH>",
    "the paths that the page may name: those in DIR, or any on this machine",
    { choices: UI_PATHS, otherwise: "dir" },
  ),
  webhook: option<string[]>(
    "--webhook <URL>",
    "call this when a download ends or a shared name has a new version; repeatable",
    { parse: collecting(parseWebhook) },
  ),
  uploadSlots: option("--upload-slots <N>", "send at most so many replies at a time", {
    parse: parseSlots,
    otherwise: UPLOAD_SLOTS,
  }),
  metrics: METRICS,
  config: CONFIG,
  ...OUTPUT_OPTIONS,
  ...LOG_OPTIONS,
};
/** Besides, what only the config file says: how the page looks, and what may be fetched. */
export type PeerFlags = FlagsOf<typeof PEER_OPTIONS> & { theme?: Theme; unsigned?: boolean };

/** Those of {@link PEER_OPTIONS} that only mean something where a peer listens. */
export const LISTENING: readonly string[] = [
  "host",
  "port",
  "advertise",
  "label",
  "uploadSlots",
  "relay",
  "ui",
  "uiHost",
  "uiPasswordFile",
  "uiOrigin",
  "uiProxy",
  "uiPaths",
  "webhook",
  "metrics",
] satisfies (keyof typeof PEER_OPTIONS)[];

/**
 * The words that lead another command to the same peer and swarm: those options that were said on the
 * command line. What the environment or the config file says holds for it as well.
 */
export function samePeer(flags: PeerFlags, said: (attribute: string) => boolean): string[] {
  const { dir, swarmKey, config, bootstrap = [] } = flags;
  return [
    ...said("dir") ? ["--dir", dir] : [],
    ...said("bootstrap") ? ["--bootstrap", bootstrap.map(formatAddress).join(",")] : [],
    ...said("swarmKey") && swarmKey !== undefined ? ["--swarm-key", swarmKey] : [],
    ...said("config") && config !== undefined ? ["--config", config] : [],
  ];
}

/** The settings that a peer is started with, paths made absolute. */
export function settingsOf(flags: PeerFlags): PeerSettings & { uploadSlots: number } {
  return {
    dir: absolutePath(flags.dir),
    createDir: flags.dir === DEFAULT_DIR,
    bootstraps: flags.bootstrap ?? [{ host: "127.0.0.1", port: BOOTSTRAP_PORT }],
    host: flags.host,
    port: flags.port,
    advertise: flags.advertise === undefined
      ? undefined
      : parseAddress(flags.advertise, flags.port),
    labels: flags.label,
    swarmKey: flags.swarmKey === undefined ? undefined : absolutePath(flags.swarmKey),
    encrypt: flags.encrypt,
    relay: relayOf(flags),
    lan: flags.lan !== false,
    limitUp: flags.limitUp || undefined,
    limitDown: flags.limitDown || undefined,
    uploadSlots: flags.uploadSlots,
    unsigned: flags.unsigned,
  };
}

/** Longest time for which a code can be good, in seconds. */
const CODE_TIME_CAP = 86_400;
/** Most receivers that are waited for by number. */
const RECEIVERS_CAP = 1_000;

function parseCodeTime(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= CODE_TIME_CAP) return seconds;
  throw new Fault("usage", `"${text}" is too long: a code is good for a day at most`);
}

function parseReceivers(text: string): number | "any" {
  if (text === "any") return text;
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= RECEIVERS_CAP) return count;
  throw new Fault("usage", `"${text}" must be a number from 1 to ${RECEIVERS_CAP}, or any`);
}

/** A port, or in a variable a word for yes or no. */
function parseUi(text: string): number | boolean {
  if (/^(on|true|yes|1)$/i.test(text)) return true;
  if (/^(off|false|no)$/i.test(text)) return false;
  return parsePort(text);
}

/** The limits of a relay, which a peer is in a private swarm alone. */
function relayOf({ relay, swarmKey }: PeerFlags): RelayLimits | undefined {
  if (!relay || swarmKey !== undefined) return relay;
  throw new Fault("usage", "Cannot relay in an open swarm: --relay of a peer needs --swarm-key", {
    next: "give the swarm's key; or have a bootstrap relay: shoal bootstrap --relay RATE",
  });
}

/** A rate, and perhaps a number of bytes: `2M`, `10M,500G`. */
function parseRelay(text: string): RelayLimits {
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

function parseHost(text: string): string {
  const { host, port } = parseAddress(text, NO_PORT);
  if (port !== NO_PORT) throw new Fault("usage", `"${text}" must be an address without a port`);
  return host;
}

/** Reads one value or several with commas, after those that came before. */
function collecting<T>(parse: (text: string) => T): (text: string, before?: T[]) => T[] {
  return (text, before = []) => [...before, ...text.split(",").map((one) => parse(one.trim()))];
}

/** Reads KEY=VALUE, or several with commas, beside those that came before. */
function collectLabels(text: string, before: Record<string, string> = {}): Record<string, string> {
  const labels = { ...before };
  for (const one of text.split(",")) {
    const [, key, value] = /^\s*([a-z0-9_.-]{1,32})=([^\p{C}]{1,64}?)\s*$/u.exec(one) ?? [];
    if (key === undefined || value === undefined) {
      const what = "KEY=VALUE, a key of 1 to 32 of a-z 0-9 _ . - and a value of 1 to 64 characters";
      throw new Fault("usage", `it must be ${what}`);
    }
    labels[key] = value;
  }
  if (Object.keys(labels).length > LABELS_CAP) {
    throw new Fault("usage", `a peer has at most ${LABELS_CAP} labels`);
  }
  return labels;
}

function collectTexts(text: string, before: string[] = []): string[] {
  const all = text.split(",").map((one) => one.trim());
  for (const one of all) parseAddress(one, BOOTSTRAP_PORT);
  return [...before, ...all];
}

/** Short: each key of the registry has it. */
function parseRegistryName(text: string): string {
  if (/^[0-9A-Za-z._-]{1,32}$/.test(text)) return text;
  throw new Fault("usage", "it must be 1 to 32 letters, digits, dots, dashes or underscores");
}

function parsePath(text: string): string {
  if (text === "" || text.includes("\0")) throw new Fault("usage", "it is not a path");
  return text;
}
