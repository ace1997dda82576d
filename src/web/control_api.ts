/**
 * The control API: everything that a UiApi does, over HTTP. The one-shot verbs use it; the page has
 * the same routes, with rules of its own about who may ask. They are in routes/, by theme, each with a
 * table of its own. Handlers are Request → Response; sockets and files are control_server.ts's.
 *
 * Errors are `{"error": {kind, message, candidates?}}`, with a fitting status.
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { type Env, Hono } from "hono";
import type { UiApi } from "../peer/api/ui_api.ts";
import { statusOf, toApiError } from "./http/api_error.ts";
import { configRoutes } from "./routes/config.ts";
import { doctorRoutes } from "./routes/doctor.ts";
import { downloadsRoutes } from "./routes/downloads.ts";
import { isLoopback } from "./own_host.ts";
import type { UiDoor } from "./ui_door.ts";
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
  doctorRoutes,
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
  /** The page, where there can be one: `POST /api/page` opens it. */
  page?: UiDoor;
}

/** The control API of a peer, to be served on loopback. */
export function controlApi(api: UiApi, { token, page }: ControlOptions): Hono {
  const app = new Hono();

  app.use(async (context, next) => {
    const host = context.req.header("host") ?? "";
    if (!isLoopback(host)) {
      // A page of another site, rebound to this address, still says its own host.
      return context.json({ error: { message: "this host is not served" } }, 421);
    }
    const origin = context.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}`) {
      // A browser says where a request comes from. No other page has anything to ask here.
      return context.json({ error: { message: "this origin is not served" } }, 403);
    }
    if (!isBearer(context.req.header("authorization") ?? "", token)) {
      return context.json({ error: { message: "a valid token is needed" } }, 401);
    }
    await next();
  });

  if (page) app.post("/api/page", async (context) => context.json(await page.openUi()));

  addApiRoutes(app, api);

  return app;
}

/** Adds the routes to an app that has its own rules about who may ask. */
export function addApiRoutes<E extends Env>(app: Hono<E>, api: UiApi): void {
  // No route looks at what an app binds to its requests.
  for (const add of ROUTES) add(app as unknown as Hono, api);

  app.notFound((context) => context.json({ error: { message: "there is no such route" } }, 404));

  app.onError((error) => Response.json(toApiError(error), { status: statusOf(error) }));
}

/** Whether an Authorization header has this token, in constant time. */
export function isBearer(header: string, token: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(header), encoder.encode(`Bearer ${token}`)];
  return a.length === b.length && timingSafeEqual(a, b);
}
