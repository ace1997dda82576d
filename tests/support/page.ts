import { assertEquals } from "@std/assert";
import type { UiApi } from "../../src/peer/api/ui_api.ts";
import { uiApp } from "../../src/web/ui_app.ts";
import { loadUiAssets } from "../../src/web/ui_assets.ts";
import { OwnOrigins, type OwnOriginsOptions } from "../../src/web/own_origins.ts";
import { Password } from "../../src/web/password.ts";
import { type KeptSessions, Sessions } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { FakeClock } from "./fake_clock.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

export const TOKEN = "0123456789abcdef".repeat(4);
export const PASSWORD = "correct horse battery";
export const HOST = "127.0.0.1:10100";
export const assets = await loadUiAssets();
/** Quicker to check than a real one. */
export const password = await Password.of(PASSWORD, undefined, 10);

export interface Asking {
  headers?: Record<string, string>;
  body?: unknown;
  /** The address that it comes from. */
  remote?: string;
}

/** A peer's page, asked without a socket; time passes only when a test lets it. */
export function batchOf(
  options: Partial<OwnOriginsOptions> & {
    api?: UiApi;
    password?: Password;
    store?: KeptSessions;
  } = {},
) {
  const clock = new FakeClock();
  const now = () => clock.now();
  const { api = new ScriptedPeer(), store, password, ...served } = options;
  const sessions = new Sessions({ now, store });
  const { app, close } = uiApp(api, {
    ...{ assets, clock, sessions, slowDown: new SlowDown({ now }), password },
    origins: new OwnOrigins({ host: "127.0.0.1", ...served }),
    isVerb: (token) => token === TOKEN,
  });
  const ask = async (method: string, route: string, asking: Asking = {}) => {
    const { headers, body, remote = "127.0.0.1" } = asking;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await app.fetch(
      new Request(`http://${HOST}${route}`, {
        ...{ method, body: text },
        headers: {
          host: HOST,
          ...(text !== undefined && { "content-length": `${text.length}` }),
          ...headers,
        },
      }),
      { remote },
    );
  };
  /** The headers of a session that a new ticket opened. */
  const signIn = async () => {
    const response = await ask("POST", "/sign-in", { body: { ticket: sessions.ticket() } });
    assertEquals(response.status, 200);
    const { session } = await response.json();
    return { authorization: `Bearer ${session}` };
  };
  return { ask, clock, sessions, signIn, close };
}

export async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}
