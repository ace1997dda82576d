import type { Command } from "commander";
import { stat } from "node:fs/promises";
import {
  type ConfigChanges,
  type ConfigValues,
  LIVE_KEYS,
  type Origin,
} from "../../peer/api/config.ts";
import type { ConfigSource, Configured } from "../../peer/api/settings.ts";
import { formatAddress } from "../../wire/address.ts";
import { inQuotes, KeyFault } from "../../fault.ts";
import { isLoopbackAddress } from "../../web/own_host.ts";
import { changeConfigFile, readConfigFile } from "./config_file.ts";
import { knownKeys } from "./config_keys.ts";
import { type PeerFlags, settingsOf } from "../args/options.ts";
import { PASSWORD_VARIABLE } from "./ui_settings.ts";
import { absolutePath } from "../../system/paths.ts";

/**
 * Keys that can be set in the file itself only: a client of a peer need not know its secrets, nor
 * choose them.
 */
const HIDDEN = ["swarm_key", "ui_password_file", "ui_origin", "ui_proxy", "ui_paths", "webhook"];

/** The origin of each option's value, by attribute. */
export function originsOf(command: Command): Record<string, Origin> {
  const names: Record<string, Origin> = { cli: "flag", env: "environment", config: "file" };
  return Object.fromEntries(command.options.map((option) => {
    const attribute = option.attributeName();
    return [attribute, names[command.getOptionValueSource(attribute) ?? ""] ?? "default"];
  }));
}

/** The configuration of a peer: its file, below what was said by flags and the environment. */
export class Config implements ConfigSource {
  readonly #path: string;
  readonly #started: PeerFlags;
  readonly #origins: Record<string, Origin>;
  readonly #keys = knownKeys();

  /** `flags` are what the peer was started with, and `origins` say where from. */
  constructor(path: string, flags: PeerFlags, origins: Record<string, Origin>) {
    this.#path = path;
    this.#started = { ...flags };
    this.#origins = origins;
  }

  async read(): Promise<Configured> {
    const { peer: file } = await readConfigFile(this.#path, this.#keys);
    const flags: PeerFlags = { ...this.#started };
    const origins: Record<string, Origin> = {};
    const overruled: string[] = [];
    for (const { name, attribute, default: otherwise } of this.#keys.peer) {
      const given = this.#origins[attribute];
      const pinned = given === "flag" || given === "environment";
      origins[name] = pinned ? given : file.has(attribute) ? "file" : "default";
      if (!pinned) {
        Reflect.set(flags, attribute, file.has(attribute) ? file.get(attribute) : otherwise);
      } else if (file.has(attribute) && !same(file.get(attribute), Reflect.get(flags, attribute))) {
        overruled.push(name);
      }
    }
    const values = valuesOf(flags);
    const restart = this.#keys.peer.filter(({ name, attribute }) =>
      !LIVE_KEYS.includes(name) &&
      !same(Reflect.get(flags, attribute), Reflect.get(this.#started, attribute))
    ).map(({ name }) => name);
    return {
      path: this.#path,
      values,
      restart,
      overruled,
      origins: Object.fromEntries(
        Object.keys(values).map((name) => [name, origins[name] ?? "default"]),
      ) as Configured["origins"],
      settings: settingsOf(flags),
    };
  }

  async write(changes: ConfigChanges): Promise<Configured> {
    for (const [name, value] of Object.entries(changes)) {
      if (HIDDEN.includes(name)) {
        throw new KeyFault(name, `Cannot set ${inQuotes(name)}: use the file itself`);
      }
      await this.#check(name, value);
    }
    await this.#checkPage(changes.ui_host);
    await changeConfigFile(this.#path, changes, this.#keys);
    return await this.read();
  }

  /** A peer that serves its page to others without a password would not start again. */
  async #checkPage(host: unknown): Promise<void> {
    if (typeof host !== "string" || isLoopbackAddress(host)) return;
    const { values } = await this.read();
    if (values.ui_password_file !== null || Deno.env.get(PASSWORD_VARIABLE)) return;
    throw new KeyFault(
      "ui_host",
      `Cannot set ui_host: others may only come with a password; set ui_password_file in ${this.#path} first`,
    );
  }

  async #check(name: string, value: unknown): Promise<void> {
    const key = this.#keys.peer.find((one) => one.name === name);
    if (!key) throw new KeyFault(name, `Cannot set ${JSON.stringify(name)}: there is no such key`);
    if (value === null) return;
    try {
      const parsed = key.parse(value);
      if (name !== "dir") return;
      if (!(await stat(parsed as string).catch(() => undefined))?.isDirectory()) {
        throw new Error(`there is no folder ${parsed}`);
      }
    } catch (cause) {
      throw new KeyFault(name, `Cannot set ${inQuotes(name)}: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

function valuesOf(flags: PeerFlags): ConfigValues {
  const settings = settingsOf(flags);
  const { bootstraps, host, port, dir, limitUp, limitDown, uploadSlots } = settings;
  return {
    bootstrap: bootstraps.map(formatAddress),
    host,
    port,
    dir,
    advertise: flags.advertise ?? null,
    limit_up: limitUp ?? null,
    limit_down: limitDown ?? null,
    upload_slots: uploadSlots,
    swarm_key: flags.swarmKey !== undefined,
    ui: flags.ui ?? false,
    ui_host: flags.uiHost ?? null,
    ui_password_file: flags.uiPasswordFile === undefined
      ? null
      : absolutePath(flags.uiPasswordFile),
    ui_origin: flags.uiOrigin ?? [],
    ui_proxy: flags.uiProxy ?? [],
    ui_paths: flags.uiPaths,
    theme: flags.theme ?? "auto",
    unsigned: flags.unsigned ?? false,
  };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
