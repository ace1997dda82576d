import type { UiAddress } from "./routes/answers.ts";
import type { UiDoor, UiHostSettings } from "./ui_door.ts";
import type { UiApi } from "../peer/api/ui_api.ts";
import type { UiServer } from "./ui_server.ts";

/** The page of a peer: served from the moment it is first asked for. */
export class UiHost implements UiDoor {
  readonly #api: UiApi;
  readonly #settings: UiHostSettings;
  #server: Promise<UiServer> | undefined;

  /** The `token` lets a program ask everything without a session, as at the control endpoint. */
  constructor(api: UiApi, settings: UiHostSettings) {
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
