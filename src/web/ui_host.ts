import type { UiAddress, UiDoor, UiSettings } from "./ui_door.ts";
import type { UiApi } from "../peer/api/ui_api.ts";
import type { UiServer } from "./ui_server.ts";

/** The page of a peer: served from the moment it is first asked for. */
export class UiHost implements UiDoor {
  readonly #api: UiApi;
  readonly #settings: UiSettings & { token: string };
  #server: Promise<UiServer> | undefined;

  /** Who has `token` may ask everything without signing in, as at the control endpoint. */
  constructor(api: UiApi, settings: UiSettings & { token: string }) {
    this.#api = api;
    this.#settings = settings;
  }

  /** Serves the page. Throws a `usage` or `network` Fault when it can't be. */
  async start(): Promise<UiServer> {
    this.#server ??= import("./ui_server.ts").then(({ UiServer }) =>
      UiServer.start(this.#api, this.#settings)
    );
    try {
      return await this.#server;
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  async openUi(): Promise<UiAddress> {
    const server = await this.start();
    const { dir } = await this.#api.status();
    return { address: server.address, link: server.link(), dir };
  }

  async stop(): Promise<void> {
    await (await this.#server?.catch(() => undefined))?.stop();
  }
}
