import type { Hono } from "hono";
import type { UiApi } from "../peer/api/ui_api.ts";
import { type Clock, realClock } from "../async/clock.ts";
import { answerFaults } from "./control_api.ts";
import { EventStreams } from "./event_stream.ts";
import { Jobs } from "./http/jobs.ts";
import { uiAccess, type UiAccessOptions, type UiBindings } from "./ui_access.ts";
import type { Asset } from "./ui_assets.ts";
import { controlRoutes } from "./routes/control_routes.ts";
import { jobsRoutes } from "./routes/jobs.ts";
import { StatusFeed } from "./status_feed.ts";

interface UiAppOptions extends UiAccessOptions {
  assets: ReadonlyMap<string, Asset>;
  /** Default the process's. */
  clock?: Clock;
}

interface UiApp {
  app: Hono<UiBindings>;
  /** Ends the event streams, which otherwise go on for ever. */
  close(): void;
}

/**
 * The page and what it asks: Request → Response.
 *
 * | route              | does                                                           |
 * | ------------------ | -------------------------------------------------------------- |
 * | GET /              | the page                                                       |
 * | GET /api/v1/events | server-sent events: StatusChange, first of all there is        |
 *
 * Beside these the routes of {@link uiAccess}, {@link jobsRoutes} and the control API.
 */
export function uiApp(api: UiApi, options: UiAppOptions): UiApp {
  const { assets, clock = realClock } = options;
  const app = uiAccess(options);
  const jobs = new Jobs();
  const events = new EventStreams(new StatusFeed(api, jobs, clock), clock);

  app.get("/api/v1/events", ({ req, var: { mayGoOn } }) => {
    return events.open(req.header("last-event-id"), mayGoOn);
  });

  const serve = (path: string, method = "GET", known?: string): Response | undefined => {
    const asset = assets.get(path);
    if (!asset) return;
    const headers = { "content-type": asset.type, etag: asset.etag, "cache-control": "no-cache" };
    if (known === asset.etag) return new Response(null, { status: 304, headers });
    return new Response(method === "HEAD" ? null : asset.body, { headers });
  };
  const names: Record<string, string> = { "/": "/index.html", "/sign-in": "/sign_in.html" };
  for (const path of [...assets.keys(), ...Object.keys(names)]) {
    app.get(path, ({ req }) => {
      return serve(names[path] ?? path, req.method, req.header("if-none-match"))!;
    });
  }

  app.route("/", jobsRoutes(api, jobs));
  app.route("/", controlRoutes(api));
  answerFaults(app);
  return { app, close: () => events.close() };
}
