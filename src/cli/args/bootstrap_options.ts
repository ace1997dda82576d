import { Fault } from "../../fault.ts";
import type { RelayLimits } from "../../meet/relay.ts";
import { BOOTSTRAP_PORT, parseAddress } from "../../peer/api/settings.ts";
import { parseDuration } from "../output/units.ts";
import { flag, type FlagsOf, option } from "./cli_option.ts";
import {
  CONFIG,
  listening,
  LOG_OPTIONS,
  METRICS,
  parsePath,
  parseRelay,
  SWARM_KEY,
} from "./common_options.ts";

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
