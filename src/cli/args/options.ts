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
import { parseRate } from "../output/units.ts";
import { flag, type FlagsOf, negative, option } from "./cli_option.ts";
import {
  CONFIG,
  listening,
  LOG_OPTIONS,
  METRICS,
  OUTPUT_OPTIONS,
  parseHost,
  parsePath,
  parseRelay,
  SWARM_KEY,
} from "./common_options.ts";
import { absolutePath } from "../../system/paths.ts";

/** The shared folder unless told otherwise. It alone is made when it is missing. */
const DEFAULT_DIR = "./files";

/** Options of `shoal peer adopt-state`. */
export const ADOPT_STATE_OPTIONS = {
  yes: flag("--yes", "take it over without being asked", { variable: null }),
  newIdentity: flag("--new-identity", "be another peer from now on, with a key of its own", {
    variable: null,
  }),
};
export type AdoptStateFlags = FlagsOf<typeof ADOPT_STATE_OPTIONS>;

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
