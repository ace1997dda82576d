import { type Command, InvalidArgumentError, Option } from "commander";
import { resolve } from "node:path";
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
import type { Theme } from "../../peer/api/config.ts";
import { UI_PORT } from "../../web/ui_door.ts";
import type { Address } from "../../wire/connection.ts";
import { parseRate } from "../output/units.ts";
import { parsing, UsageFault, walkCommands } from "../output/usage.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warning", "error", "fatal", "off"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
export type LogFormat = "text" | "json";

/** The shared folder unless told otherwise. It alone is made when it is missing. */
const DEFAULT_DIR = "./files";

/** What can be said of logs anywhere. */
export interface LogFlags {
  /** Default `info` for what serves, `warning` for a verb. */
  logLevel?: LogLevel;
  /** Default `text`. */
  logFormat: LogFormat;
}

/** What can be said of results anywhere. */
export interface OutputFlags {
  json?: true;
  quiet?: true;
}

/** What `shoal peer` and each of its verbs can be told. */
export interface PeerFlags extends LogFlags, OutputFlags {
  bootstrap?: Address[];
  dir: string;
  host: string;
  port: number;
  advertise?: string;
  swarmKey?: string;
  /** Bytes per second; 0 is no limit. */
  limitUp?: number;
  limitDown?: number;
  uploadSlots: number;
  /** The config file, if another than usual. */
  config?: string;
  /** Of the page; only the config file says it. */
  theme?: Theme;
  /** Serve the page: at this port, or with true where there is room. False is said by a variable. */
  ui?: number | boolean;
  uiHost?: string;
  uiPasswordFile?: string;
}

/** Stands where an address has no port. */
const NO_PORT = -1;

/** Those of {@link PeerFlags} that only mean something where a peer listens. */
export const LISTENING = [
  ...["host", "port", "advertise", "upload-slots"],
  ...["ui", "ui-host", "ui-password-file"],
];

/**
 * An option with its environment variable, which is its name: `--log-level` and `SHOAL_LOG_LEVEL`. A
 * value's name tells completion what it is: DIR a folder, PATH and FILE a file.
 */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`SHOAL_${made.name().replaceAll("-", "_").toUpperCase()}`);
}

export function logOptions(): Option[] {
  return [
    option("--log-level <LEVEL>", "how much to log to standard error").choices(LOG_LEVELS),
    option("--log-format <FORMAT>", "how to log").choices(["text", "json"]).default("text"),
  ];
}

export function outputOptions(): Option[] {
  return [
    option("--json", "print the result as JSON, and nothing else"),
    option("-q, --quiet", "no notes and no progress, only results and errors"),
  ];
}

export function portOption(defaultPort: number): Option {
  return option("--port <PORT>", "where to listen; 0 is any free port")
    .default(defaultPort).argParser(parsing(parsePort));
}

export function hostOption(): Option {
  return option("--host <HOST>", "the address to listen on").default("0.0.0.0")
    .argParser(parsing(parseHost));
}

/** Where values are that no flag and no variable says. */
function configOption(): Option {
  return option("--config <FILE>", "the config file, if another than `shoal peer config path`");
}

function swarmKeyOption(): Option {
  return option("--swarm-key <FILE>", "the key of a private swarm: only its members get in")
    .env("SHOAL_SWARM_KEY_FILE").argParser(parsePath);
}

export function bootstrapOptions(): Option[] {
  return [
    hostOption(),
    portOption(BOOTSTRAP_PORT),
    swarmKeyOption(),
    configOption(),
    ...logOptions(),
  ];
}

export function peerOptions(): Option[] {
  return [
    option(
      "--bootstrap <HOST:PORT>",
      `the meeting point; repeatable, or several with commas (default: 127.0.0.1:${BOOTSTRAP_PORT})`,
    ).argParser(collectAddresses),
    option("--dir <DIR>", "the shared folder").default(DEFAULT_DIR).argParser(parsePath),
    hostOption(),
    portOption(PEER_PORT),
    option(
      "--advertise <HOST[:PORT]>",
      "be listed at this address, once the bootstrap has called it",
    )
      .argParser(parsing((text) => (parseAddress(text, 1), text))),
    swarmKeyOption(),
    option("--limit-up <RATE>", "serve at most so many bytes per second: 500K, 2M; 0 is no limit")
      .argParser(parsing(parseRate)),
    option("--limit-down <RATE>", "fetch at most so many bytes per second; 0 is no limit")
      .argParser(parsing(parseRate)),
    option(
      "--ui [PORT]",
      `serve the page on this machine (default: ${UI_PORT}, or any free port)`,
    )
      .argParser(parsing(parseUi)),
    option("--ui-host <HOST>", "serve the page here, to others too; needs a password")
      .argParser(parsing(parseHost)),
    option("--ui-password-file <FILE>", "the page's password; else in $SHOAL_UI_PASSWORD"),
    option("--upload-slots <N>", "send at most so many replies at a time").default(UPLOAD_SLOTS)
      .argParser(parsing(parseSlots)),
    configOption(),
    ...outputOptions(),
    ...logOptions(),
  ];
}

/** What a peer is started with, paths made absolute. */
export function settingsOf(flags: PeerFlags): PeerSettings & { uploadSlots: number } {
  return {
    dir: resolve(flags.dir),
    createDir: flags.dir === DEFAULT_DIR,
    bootstraps: flags.bootstrap ?? [{ host: "127.0.0.1", port: BOOTSTRAP_PORT }],
    host: flags.host,
    port: flags.port,
    advertise: flags.advertise === undefined
      ? undefined
      : parseAddress(flags.advertise, flags.port),
    swarmKey: flags.swarmKey === undefined ? undefined : resolve(flags.swarmKey),
    limitUp: flags.limitUp || undefined,
    limitDown: flags.limitDown || undefined,
    uploadSlots: flags.uploadSlots,
  };
}

/**
 * Makes the environment mean what people mean by it: an empty variable is unset, and a switch can be
 * `0` or `false`. commander takes every variable that exists as given. Throws a UsageFault.
 */
export function settleEnvironment(program: Command): void {
  const options = [...walkCommands(program)].flatMap((command) => command.options);
  for (const { envVar, required, optional } of options) {
    const value = envVar && Deno.env.get(envVar);
    if (!envVar || value === undefined) continue;
    const takesValue = required || optional;
    if (value === "" || !takesValue && /^(0|false|no|off)$/i.test(value)) Deno.env.delete(envVar);
    else if (!takesValue && !/^(1|true|yes|on)$/i.test(value)) {
      throw new UsageFault(`${envVar} must be 1 or 0, not '${value}'`, `${program.name()} --help`);
    }
  }
}

/** A port, or in a variable a word for yes or no. */
function parseUi(text: string): number | boolean {
  if (/^(on|true|yes|1)$/i.test(text)) return true;
  if (/^(off|false|no)$/i.test(text)) return false;
  return parsePort(text);
}

function parseHost(text: string): string {
  const { host, port } = parseAddress(text, NO_PORT);
  if (port !== NO_PORT) throw new Fault("usage", `"${text}" must be an address without a port`);
  return host;
}

function collectAddresses(text: string, before: Address[] = []): Address[] {
  const parse = parsing((one: string) => parseAddress(one, BOOTSTRAP_PORT));
  return [...before, ...text.split(",").map((one) => parse(one.trim()))];
}

function parsePath(text: string): string {
  if (text === "" || text.includes("\0")) throw new InvalidArgumentError("It is not a path.");
  return text;
}
