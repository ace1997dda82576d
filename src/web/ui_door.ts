import type { TokenStore } from "../store/state/token_store.ts";
import type { SessionStore } from "../store/state/session_store.ts";
import type { UiAddress } from "./routes/answers.ts";
import type { UiPaths } from "../peer/api/config.ts";

/** The default port of the page; no browser refuses it. */
export const UI_PORT = 10_100;

/** The address and manner in which the page is served. */
export interface UiSettings {
  /** An address of this machine, or `0.0.0.0` or `::` for all. Default 127.0.0.1. */
  host?: string;
  /** Default {@link UI_PORT}, or any free one when that is taken; 0 is any free one. */
  port?: number;
  /** Needed where other machines can come. */
  password?: string;
  /** The origins that it has behind a proxy or a name, such as `https://files.example`. */
  origins?: string[];
  /** Addresses of reverse proxies on other machines, which name their clients. */
  proxies?: string[];
  /** Default `dir`: it names no path outside of the shared folder. */
  paths?: UiPaths;
}

export interface UiHostSettings extends UiSettings {
  token: string;
  /** The store in which sessions outlive the process. Default none. */
  sessions?: SessionStore;
  /** The tokens of scripts. Default none. */
  tokens?: TokenStore;
}

/** Opens the page: serves it, unless it is served already, and makes a sign-in link. */
export interface UiDoor {
  openUi(): Promise<UiAddress>;
}
