/** A configuration, as a peer is asked for it and tells of it. */

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

/** The keys of the config file that take effect at once, also in a running peer. */
export const LIVE_KEYS: readonly string[] = [
  "bootstrap",
  "advertise",
  "limit_up",
  "limit_down",
  "upload_slots",
  "theme",
];
