import { Fault } from "../fault.ts";
import type { PeerSettings } from "./api/settings.ts";

/** Where a value comes from; the first of them that has one wins. */
export type Origin = "flag" | "environment" | "file" | "default";

/** What a peer is set to, as people write it. */
export interface ConfigValues {
  /** HOST:PORT of each bootstrap. */
  bootstrap: string[];
  host: string;
  port: number;
  advertise: string | null;
  /** The shared folder: an absolute path. */
  dir: string;
  /** Bytes per second; null is no limit. */
  limit_up: number | null;
  limit_down: number | null;
  upload_slots: number;
  /** Whether the swarm is private. */
  swarm_key: boolean;
  /** Whether the page is served from the start, or at which port. */
  ui: boolean | number;
  /** Where; null is this machine only. */
  ui_host: string | null;
  /** Where its password is: an absolute path. */
  ui_password_file: string | null;
  theme: Theme;
}

/** How the page looks; `auto` is as the browser prefers. */
export type Theme = typeof THEMES[number];
export const THEMES = ["auto", "light", "dark"] as const;

/** What is set, and where it comes from. */
export interface ConfigView {
  /** The config file, whether or not it exists. */
  path: string;
  values: ConfigValues;
  origins: Record<keyof ConfigValues, Origin>;
  /** Keys whose value holds only after a restart: the peer runs with another one. */
  restart: string[];
  /** Keys that the file sets, but a flag or the environment sets otherwise. */
  overruled: string[];
}

/** New values by key, as in the config file; null takes a key out of it. */
export type ConfigChanges = Record<string, unknown>;

/** What the configuration comes to: {@link ConfigView}, and the settings that it stands for. */
export type Configured = ConfigView & { settings: PeerSettings };

/** A config file, with what overrules it. Methods throw `usage` and `disk` Faults. */
export interface ConfigSource {
  read(): Promise<Configured>;
  /** Changes the file in one step, or not at all. */
  write(changes: ConfigChanges): Promise<Configured>;
}

/** Puts settings into force, where a running peer can. */
export type Apply = (settings: PeerSettings, keys: ReadonlySet<string>) => Promise<void>;

/** The keys that take effect at once. */
const LIVE = ["bootstrap", "advertise", "limit_up", "limit_down", "upload_slots"];

/** The configuration of a running peer. Changes come one after the other. */
export class LiveConfig {
  readonly #source: ConfigSource | undefined;
  readonly #apply: Apply;
  #last: Promise<unknown> = Promise.resolve();

  constructor(source: ConfigSource | undefined, apply: Apply) {
    this.#source = source;
    this.#apply = apply;
  }

  async view(): Promise<ConfigView> {
    return viewOf(await this.#required().read());
  }

  /** Changes the file, and what of that can be changed at once. */
  change(changes: ConfigChanges): Promise<ConfigView> {
    return this.#inTurn(async () => {
      const configured = await this.#required().write(changes);
      await this.#apply(configured.settings, new Set(Object.keys(changes)));
      return viewOf(configured);
    });
  }

  /** Reads the file again, and puts all of it into force. */
  reload(): Promise<ConfigView> {
    return this.#inTurn(async () => {
      const configured = await this.#required().read();
      await this.#apply(configured.settings, new Set(LIVE));
      return viewOf(configured);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#last.then(work);
    this.#last = next.catch(() => {});
    return next;
  }

  #required(): ConfigSource {
    if (this.#source) return this.#source;
    throw new Fault("usage", "Cannot tell the configuration: this peer has no config file");
  }
}

function viewOf({ settings: _, ...view }: Configured): ConfigView {
  return view;
}
