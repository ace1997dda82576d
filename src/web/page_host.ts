import type { PageApi } from "../peer/api/page_api.ts";
import type { PageServer } from "./page_server.ts";

/** Where the page is served unless told otherwise; no browser refuses that port. */
export const PAGE_PORT = 10_100;

/** Where and how to serve the page. */
export interface PageSettings {
  /** An address of this machine, or `0.0.0.0` or `::` for all. Default 127.0.0.1. */
  host?: string;
  /** Default {@link PAGE_PORT}, or any free one when that is taken; 0 is any free one. */
  port?: number;
  /** Needed where other machines can come. */
  password?: string;
}

export interface PageAddress {
  /** Such as `http://127.0.0.1:10100/`. */
  address: string;
  /** The address of a sign-in that is good once, for 10 minutes. */
  link: string;
}

/** Opens the page: serves it, unless it is served already, and makes a sign-in link. */
export interface PageDoor {
  openPage(): Promise<PageAddress>;
}

/** The page of a peer: served from the moment it is first asked for. */
export class PageHost implements PageDoor {
  readonly #api: PageApi;
  readonly #settings: PageSettings & { token: string };
  #server: Promise<PageServer> | undefined;

  /** Who has `token` may ask everything without signing in, as at the control endpoint. */
  constructor(api: PageApi, settings: PageSettings & { token: string }) {
    this.#api = api;
    this.#settings = settings;
  }

  /** Serves the page. Throws a `usage` or `network` Fault when it can't be. */
  async start(): Promise<PageServer> {
    this.#server ??= import("./page_server.ts").then(({ PageServer }) =>
      PageServer.start(this.#api, this.#settings)
    );
    try {
      return await this.#server;
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  async openPage(): Promise<PageAddress> {
    const server = await this.start();
    return { address: server.address, link: server.link() };
  }

  async stop(): Promise<void> {
    await (await this.#server?.catch(() => undefined))?.stop();
  }
}
