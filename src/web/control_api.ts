/**
 * The control API: everything that a UiApi does, over HTTP. The one-shot verbs use it; the page has
 * the same routes, with access rules of its own. Handlers are Request → Response; sockets and files
 * are control_server.ts's.
 *
 * Errors are `{"error": {kind, message, candidates?}}`, with a fitting status.
 */
import { type Env, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import * as v from "valibot";
import { Fault } from "../fault.ts";
import type { UiApi } from "../peer/api/ui_api.ts";
import { ControlProofs, isSame } from "./control_proof.ts";
import { statusOf, toApiError } from "./http/api_error.ts";
import { isLoopback } from "./own_host.ts";
import { controlRoutes } from "./routes/control_routes.ts";
import { openApiRoutes } from "./routes/open_api.ts";
import { query } from "./routes/request.ts";
import { tokensRoutes } from "./routes/tokens.ts";
import type { UiDoor } from "./ui_door.ts";

const HelloQuery = v.object({ nonce: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) });

export interface ControlOptions {
  /** The secret: a client that proves it, or sends it as a bearer token, may do everything. */
  token: string;
  /** The page, where there can be one. */
  ui?: UiDoor;
}

/**
 * The control API of a peer, to be served on loopback. Beside the routes that it shares with the page:
 *
 * | route                    | does                                                             |
 * | ------------------------ | ---------------------------------------------------------------- |
 * | GET /api/v1/hello?nonce= | `{nonce, proof}`: see control_proof.ts; to everybody on loopback |
 * | POST /api/v1/ui          | UiAddress: serves the page, unless it is served already          |
 */
export function controlApi(api: UiApi, { token, ui }: ControlOptions) {
  const proofs = new ControlProofs(token);
  const app = new Hono()
    .use(ownSite)
    .get(
      "/api/v1/hello",
      query(HelloQuery),
      (c) => c.json(proofs.hello(c.req.valid("query").nonce)),
    )
    .route("/", openApiRoutes())
    .use(ownToken(token, proofs))
    .post("/api/v1/ui", async (c) => {
      if (!ui) throw new Fault("not_found", "this peer has no page");
      return c.json(await ui.openUi());
    })
    .route("/", tokensRoutes(api))
    .route("/", controlRoutes(api));
  answerFaults(app);
  return app;
}

/** The types of the routes, for `hc` of hono/client. */
export type ControlApp = ReturnType<typeof controlApi>;

/** Has an app say in JSON what it doesn't know, and what failed. */
export function answerFaults<E extends Env>(app: Hono<E>): void {
  app.notFound((context) => context.json({ error: { message: "there is no such route" } }, 404));
  app.onError((error) => {
    if (error instanceof HTTPException) return error.getResponse();
    return Response.json(toApiError(error), { status: statusOf(error) });
  });
}

/** Refuses what a browser sends for another site. */
const ownSite = createMiddleware(async (context, next) => {
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
  await next();
});

/** Refuses what doesn't know the token, and proves the token to what proved it. */
function ownToken(token: string, proofs: ControlProofs) {
  return createMiddleware(async (context, next) => {
    const authorization = context.req.header("authorization") ?? "";
    const { pathname, search } = new URL(context.req.url);
    const proof = proofs.check(authorization, context.req.method, pathname + search);
    if (proof === undefined && !isBearer(authorization, token)) {
      return context.json({ error: { message: "a valid token is needed" } }, 401);
    }
    await next();
    if (proof !== undefined) context.res.headers.set("x-shoal-proof", proof);
  });
}

/** True if an Authorization header has this token, in constant time. */
function isBearer(header: string, token: string): boolean {
  return isSame(header, `Bearer ${token}`);
}
