import { assertEquals } from "@std/assert";
import type { UiApi } from "../../src/peer/api/ui_api.ts";
import { isBearer } from "../../src/web/control_api.ts";
import { uiApp } from "../../src/web/ui_app.ts";
import { loadUiAssets } from "../../src/web/ui_assets.ts";
import { Password } from "../../src/web/password.ts";
import { Sessions } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { FakeClock } from "./fake_clock.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

export const TOKEN = "0123456789abcdef".repeat(4);
export const PASSWORD = "correct horse battery";
export const HOST = "127.0.0.1:10100";
export const assets = await loadUiAssets();
export const password = await Password.of(PASSWORD);

export interface Asking {
  headers?: Record<string, string>;
  body?: unknown;
  /** The address that it comes from. */
  remote?: string;
  /** Without what the page itself would send. */
  bare?: boolean;
}

/** A peer's page, asked without a socket; time passes only when a test lets it. */
export function batchOf(options: { api?: UiApi; host?: string; password?: Password } = {}) {
  const clock = new FakeClock();
  const now = () => clock.now();
  const sessions = new Sessions({ now });
  const { app, close } = uiApp(options.api ?? new ScriptedPeer(), {
    ...{ assets, clock, sessions, slowDown: new SlowDown({ now }), port: 10_100 },
    ...{ host: options.host ?? "127.0.0.1", password: options.password },
    isVerb: (authorization) => isBearer(authorization, TOKEN),
  });
  const ask = async (method: string, route: string, asking: Asking = {}) => {
    const { headers, body, remote = "127.0.0.1", bare = false } = asking;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await app.fetch(
      new Request(`http://${HOST}${route}`, {
        ...{ method, body: text },
        headers: {
          host: HOST,
          ...(!bare && { "x-shoal": "1" }),
          ...(text !== undefined && { "content-length": `${text.length}` }),
          ...headers,
        },
      }),
      { remote },
    );
  };
  /** The cookie of a sign-in with a new ticket. */
  const signIn = async () => {
    const response = await ask("POST", "/sign-in", { body: { ticket: sessions.ticket() } });
    assertEquals(response.status, 204);
    return response.headers.get("set-cookie")!.split(";")[0];
  };
  return { ask, clock, sessions, signIn, close };
}

export async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}
