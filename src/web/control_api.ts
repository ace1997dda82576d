/**
 * The control API: everything that a PageApi does, over HTTP. The one-shot verbs use it, and the page
 * does. Who may ask is decided here; the routes are in routes/, by theme, each with a table of its
 * own. Handlers are Request → Response; sockets and files are control_server.ts's.
 *
 * Errors are `{"error": {kind, message, candidates?}}`, with a fitting status.
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { Hono } from "hono";
import type { PageApi } from "../peer/page_api.ts";
import { statusOf, toApiError } from "./api_error.ts";
import { configRoutes } from "./routes/config.ts";
import { downloadsRoutes } from "./routes/downloads.ts";
import { filesRoutes } from "./routes/files.ts";
import { gatewayRoutes } from "./routes/gateway.ts";
import { settingsRoutes } from "./routes/settings.ts";
import { sharesRoutes } from "./routes/shares.ts";
import { statusRoutes } from "./routes/status.ts";
import { streamsRoutes } from "./routes/streams.ts";
import { trustRoutes } from "./routes/trust.ts";
import { uploadsRoutes } from "./routes/uploads.ts";

const ROUTES = [
  statusRoutes,
  settingsRoutes,
  configRoutes,
  filesRoutes,
  sharesRoutes,
  downloadsRoutes,
  streamsRoutes,
  uploadsRoutes,
  gatewayRoutes,
  trustRoutes,
];

export interface ControlOptions {
  /** Whoever sends it as a bearer token may do everything. */
  token: string;
}

/** The control API of a peer, to be served on loopback. */
export function controlApi(api: PageApi, { token }: ControlOptions): Hono {
  const app = new Hono();

  app.use(async (context, next) => {
    if (!isLoopback(context.req.header("host") ?? "")) {
      // A page of another site, rebound to this address, still says its own host.
      return context.json({ error: { message: "this host is not served" } }, 421);
    }
    if (!sameToken(context.req.header("authorization") ?? "", `Bearer ${token}`)) {
      return context.json({ error: { message: "a valid token is needed" } }, 401);
    }
    await next();
  });

  for (const add of ROUTES) add(app, api);

  app.notFound((context) => context.json({ error: { message: "there is no such route" } }, 404));

  app.onError((error) => Response.json(toApiError(error), { status: statusOf(error) }));

  return app;
}

function isLoopback(host: string): boolean {
  return /^(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?$/.test(host);
}

function sameToken(given: string, expected: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(given), encoder.encode(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
