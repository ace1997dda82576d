import { controlApi } from "../../src/web/control_api.ts";
import type { UiApi } from "../../src/peer/api/ui_api.ts";

const TOKEN = "0123456789abcdef".repeat(4);

/** Asks a peer's control API without a socket, with the right to. */
export function askOf(api: UiApi) {
  const app = controlApi(api, { token: TOKEN });
  return async (method: string, route: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set("host", "127.0.0.1:1");
    headers.set("authorization", `Bearer ${TOKEN}`);
    if (typeof init.body === "string") headers.set("content-length", String(init.body.length));
    return await app.fetch(new Request(`http://127.0.0.1:1${route}`, { ...init, method, headers }));
  };
}
