import { Fault, messageOf } from "../fault.ts";
import type { UiApi } from "../peer/api/ui_api.ts";
import { formatAddress } from "../wire/connection.ts";
import { isSame } from "./control_proof.ts";
import { isLoopbackAddress } from "./own_host.ts";
import { uiApp } from "./ui_app.ts";
import { loadUiAssets } from "./ui_assets.ts";
import { OwnOrigins } from "./own_origins.ts";
import { UI_PORT, type UiHostSettings } from "./ui_door.ts";
import { Password } from "./password.ts";
import { Sessions } from "./sessions.ts";
import { SlowDown } from "./slow_down.ts";
import { WebServer } from "./web_server.ts";
import { withinDir } from "./within_dir.ts";

type Handler = Deno.ServeHandler<Deno.NetAddr>;

/** The page of a peer, on a socket. */
export class UiServer {
  /** The address for people, such as `http://127.0.0.1:10100/`. */
  readonly address: string;
  readonly #server: WebServer;
  readonly #sessions: Sessions;
  readonly #close: () => void;

  private constructor(
    server: WebServer,
    { sessions, close }: { sessions: Sessions; close: () => void },
  ) {
    const { hostname, port } = server.address;
    const everywhere = { "0.0.0.0": "127.0.0.1", "::": "::1" }[hostname];
    this.address = `http://${formatAddress({ host: everywhere ?? hostname, port })}/`;
    this.#server = server;
    this.#sessions = sessions;
    this.#close = close;
  }

  /**
   * Throws a `usage` Fault when others could come and there is no password, and a `network` Fault when
   * the port can't be listened on.
   */
  static async start(
    api: UiApi,
    { token, tokens, sessions: store, ...settings }: UiHostSettings,
  ): Promise<UiServer> {
    const { host = "127.0.0.1", port, password: text, origins, proxies, paths } = settings;
    if (text === undefined && !isLoopbackAddress(host)) {
      throw new Fault(
        "usage",
        `Cannot serve the page on ${host} without a password: set $SHOAL_UI_PASSWORD, or name a ` +
          "file that has it with --ui-password-file",
      );
    }
    const [assets, password] = await Promise.all([
      loadUiAssets(),
      text === undefined ? undefined : Password.of(text, store?.password),
    ]);
    // Users that signed in with another password sign in anew.
    if (store && store.password !== password?.kept) store.changePassword(password?.kept);
    const sessions = new Sessions({ store });
    const { app, close } = uiApp(paths === "any" ? api : withinDir(api), {
      sessions,
      slowDown: new SlowDown(),
      password,
      origins: new OwnOrigins({ host, origins, proxies }),
      assets,
      rightsOf: (sent) => tokens?.rightsOf(sent),
      isVerb: (sent) => isSame(sent, token),
    });
    const server = listen(
      host,
      port,
      (request, { remoteAddr }) => app.fetch(request, { remote: remoteAddr.hostname }),
    );
    return new UiServer(server, { sessions, close });
  }

  /** The address of a sign-in; its secret is in the fragment, which no server and no log sees. */
  link(): string {
    return `${this.address}sign-in#${this.#sessions.ticket()}`;
  }

  /** Ends the event streams, answers what is under way, and closes. */
  async stop(): Promise<void> {
    this.#close();
    await this.#server.stop();
  }
}

function listen(host: string, port: number | undefined, handler: Handler): WebServer {
  const serve = (port: number) => WebServer.listen({ hostname: host, port }, handler);
  try {
    return serve(port ?? UI_PORT);
  } catch (cause) {
    if (port === undefined && cause instanceof Deno.errors.AddrInUse) return serve(0);
    const where = formatAddress({ host, port: port ?? UI_PORT });
    throw new Fault("network", `Cannot serve the page on ${where}: ${messageOf(cause)}`, {
      cause,
      next: "choose another port with --ui PORT, and an address of this machine",
    });
  }
}
