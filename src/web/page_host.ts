import type { PageAddress, PageDoor, PageSettings } from "./page_door.ts";
import type { PageApi } from "../peer/api/page_api.ts";
import type { PageServer } from "./page_server.ts";

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
