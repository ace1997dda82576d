/** A configuration, as a peer is asked for it and tells of it. */

/** The source of a value; the first of them that has one wins. */
export type Origin = "flag" | "environment" | "file" | "default";

/** The settings of a peer, as they are written in the config file. */
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
  /** True in a private swarm. */
  swarm_key: boolean;
  /** True to serve the UI from the start, or the port for it. */
  ui: boolean | number;
  /** The address that serves the UI; null is this machine only. */
  ui_host: string | null;
  /** The file with the UI's password: an absolute path. */
  ui_password_file: string | null;
  /** The origins that the UI has behind a proxy or a name. */
  ui_origin: string[];
  /** Addresses of reverse proxies on other machines. */
  ui_proxy: string[];
  /** The paths that the UI may name. */
  ui_paths: UiPaths;
  theme: Theme;
  /** True to fetch unsigned contents, too: from legacy peers. */
  unsigned: boolean;
}

/** The paths that the UI may name: those in DIR and what is shared, or any. */
export type UiPaths = typeof UI_PATHS[number];
export const UI_PATHS = ["dir", "any"] as const;

/** The colours of the UI; `auto` follows the browser. */
export type Theme = typeof THEMES[number];
export const THEMES = ["auto", "light", "dark"] as const;

/** The configuration, and the origin of each value. */
export interface ConfigView {
  /** The config file, whether or not it exists. */
  path: string;
  values: ConfigValues;
  origins: Record<keyof ConfigValues, Origin>;
  /** Keys whose value takes effect only after a restart: the peer runs with another one. */
  restart: string[];
  /** Keys that the file sets, but a flag or the environment sets otherwise. */
  overruled: string[];
  /** Keys that the client may not change. */
  fixed?: string[];
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
