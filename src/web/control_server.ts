import { toHex } from "../content/hex.ts";
import type { UiApi } from "../peer/api/ui_api.ts";
import { statusOf, toApiError } from "./http/api_error.ts";
import { controlApi, type ControlOptions } from "./control_api.ts";
import { writeControlFile } from "./control_file.ts";
import { WebServer } from "./web_server.ts";

/** The control endpoint of a running peer: HTTP on loopback, on any free port. */
export class ControlServer {
  readonly #server: WebServer;
  readonly #file: string;

  private constructor(server: WebServer, file: string) {
    this.#server = server;
    this.#file = file;
  }

  /** Serves `api`, and says where and with which token in the control file at `file`. */
  static start(
    api: UiApi,
    file: string,
    { token, ui }: ControlOptions = { token: newToken() },
  ): ControlServer {
    const app = controlApi(api, { token, ui });
    const server = WebServer.listen(
      // A body that fails half-way is told to its reader in the stream's last line.
      { hostname: "127.0.0.1", port: 0, onError: failed },
      (request) => app.fetch(request),
    );
    writeControlFile(file, {
      url: `http://127.0.0.1:${server.address.port}`,
      token,
      pid: Deno.pid,
    });
    return new ControlServer(server, file);
  }

  /** Removes the control file, answers what is under way, and closes. */
  async stop(): Promise<void> {
    await Deno.remove(this.#file).catch(() => {});
    await this.#server.stop();
  }
}

/** 256 random bits as hex digits. */
export function newToken(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}

function failed(error: unknown): Response {
  return Response.json(toApiError(error), { status: statusOf(error) });
}
