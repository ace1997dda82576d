import { type Context, Hono } from "hono";
import { bearerAuth } from "hono/bearer-auth";
import { createMiddleware } from "hono/factory";
import { matchedRoutes } from "hono/route";
import { secureHeaders } from "hono/secure-headers";
import * as v from "valibot";
import { Fault } from "../fault.ts";
import type { OwnOrigins } from "./own_origins.ts";
import { type Password, PASSWORD_CAP } from "./password.ts";
import { openApiRoutes } from "./routes/open_api.ts";
import { json, query } from "./routes/request.ts";
import { opensRoute, routeKey } from "./routes/route_table.ts";
import type { Sessions } from "./sessions.ts";
import type { SlowDown } from "./slow_down.ts";

const SignInBody = v.union([
  v.object({ ticket: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
  v.object({ password: v.pipe(v.string(), v.maxLength(PASSWORD_CAP)) }),
]);

const SignOutQuery = v.object({ everywhere: v.optional(v.string()) });

const FileBody = v.object({ path: v.pipe(v.string(), v.regex(/^\/files\/[^#]+$/)) });

/**
 * Headers that limit what browsers do with any answer. Encryption is a proxy's, which says for how
 * long it is needed.
 */
const HEADERS = { xFrameOptions: "DENY", strictTransportSecurity: false } as const;
/** The page may only use what it was served from here. */
const forPage = secureHeaders({
  ...HEADERS,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'none'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
});
/** Nothing in an answer with content runs, whatever it is. */
const forContent = secureHeaders({
  ...HEADERS,
  contentSecurityPolicy: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
});

export interface UiAccessOptions {
  sessions: Sessions;
  slowDown: SlowDown;
  /** Needed where other machines can come. */
  password?: Password | undefined;
  origins: OwnOrigins;
  /** The rights of a script's token; undefined for a secret that is none. Default none are. */
  rightsOf?: (token: string) => readonly string[] | undefined;
  /** True for the token that the program's own verbs have. */
  isVerb: (token: string) => boolean;
}

/** The knowledge of a handler besides the request. */
export interface UiBindings {
  Bindings: { remote: string };
  Variables: {
    /** The secret that was sent. */
    session: string;
    /** True while the client may still ask: a session can end during an answer. */
    mayGoOn: () => boolean;
    /** The rights of a script's token; undefined for a session, which may do everything. */
    rights: readonly string[] | undefined;
  };
}

/**
 * Decides which clients may use the page, and how a browser may use it: comes before all routes.
 * The page's own files say nothing about this peer, so every client gets them. Requests to the peer
 * need a session's secret in a header. Browsers keep it for the page's origin alone, and send it
 * nowhere by themselves: not to another port of this machine, as they do with cookies, and not for
 * another site.
 *
 * | route              | does                                                                         |
 * | ------------------ | ---------------------------------------------------------------------------- |
 * | GET /healthz       | `ok`, to every client                                                        |
 * | POST /sign-in      | `{ticket}` or `{password}` → `{session}`, the secret                         |
 * | DELETE /sign-in    | ends the session; with `?everywhere=1` all of them                           |
 * | POST /api/v1/links | `{path}` of a file → `{path}` with a key, for where no header can be sent    |
 */
export function uiAccess(options: UiAccessOptions): Hono<UiBindings> {
  const { sessions, slowDown, password, origins, isVerb, rightsOf } = options;
  const app = new Hono<UiBindings>();

  app.use((context, next) => {
    return (context.req.path.startsWith("/files/") ? forContent : forPage)(context, next);
  });
  app.use(async (context, next) => {
    const refused = origins.refusal(context.req);
    if (refused) context.res = refuse(refused.message, refused.status);
    else await next();
    if (!context.res.headers.has("cache-control")) {
      context.res.headers.set("cache-control", "no-store");
    }
  });

  const unknown = { message: { error: { message: "sign in first: run 'shoal peer ui'" } } };
  const signedIn = bearerAuth({
    noAuthenticationHeader: unknown,
    invalidAuthenticationHeader: unknown,
    invalidToken: unknown,
    verifyToken(token, context: Context<UiBindings>) {
      const rights = rightsOf?.(token);
      const mayGoOn = rights
        ? () => rightsOf?.(token) !== undefined
        : () => isVerb(token) || sessions.has(token);
      context.set("rights", rights);
      context.set("session", token);
      context.set("mayGoOn", mayGoOn);
      return mayGoOn();
    },
  });
  app.route("/", openApiRoutes());
  const allowed = createMiddleware<UiBindings>(async (context, next) => {
    const { rights } = context.var;
    // The last one is the handler; those before it are checks like this one.
    const { method, path } = matchedRoutes(context).findLast(({ method }) => method !== "ALL") ??
      { method: "", path: "" };
    if (rights && !opensRoute(routeKey(method, path), rights)) {
      context.res = refuse(`this token may not do that: its rights are ${rights.join(", ")}`, 403);
    } else await next();
  });
  app.use("/api/*", signedIn, allowed);
  app.use("/files/*", async (context, next) => {
    const { pathname, searchParams } = new URL(context.req.url);
    const key = searchParams.get("key");
    if (key === null) {
      return await signedIn(context, async () => void await allowed(context, next));
    }
    if (sessions.opens(key, fileOf(pathname, searchParams))) return await next();
    return refuse("This link is too old. Press Save on the page again.", 401);
  });

  app.get("/healthz", (context) => context.text("ok\n"));

  app.post("/sign-in", json(SignInBody), async (context) => {
    const remote = origins.clientOf(context.env.remote, context.req.header("x-forwarded-for"));
    const body = context.req.valid("json");
    const mayTry = () => slowDown.wait(remote) === 0;
    if (!mayTry() || password?.busy) return tryLater(slowDown.wait(remote));
    const session = "ticket" in body
      ? sessions.redeem(body.ticket)
      : await password?.is(body.password, mayTry) && sessions.open();
    if (!session) {
      slowDown.failed(remote);
      throw new Fault(
        "usage",
        "ticket" in body
          ? "This link was used already, or is too old. Run 'shoal peer ui' for another one."
          : password
          ? "That is not the password."
          : "No password is set. Run 'shoal peer ui' for a link.",
      );
    }
    slowDown.passed(remote);
    return context.json({ session });
  });

  app.delete("/sign-in", signedIn, allowed, query(SignOutQuery), (context) => {
    if (context.req.valid("query").everywhere) sessions.endAll();
    else sessions.end(context.var.session);
    return context.body(null, 204);
  });

  app.post("/api/v1/links", json(FileBody), (context) => {
    const { path } = context.req.valid("json");
    const { pathname, searchParams } = new URL(path, context.req.url);
    const file = fileOf(pathname, searchParams);
    const key = sessions.keyFor(context.var.session, file);
    return context.json({ path: `${file}${file.includes("?") ? "&" : "?"}key=${key}` });
  });

  return app;
}

/** The path of a file with all that says which one is meant, as a key is for it. */
function fileOf(pathname: string, query: URLSearchParams): string {
  const asked = new URLSearchParams(query);
  asked.delete("key");
  return asked.size === 0 ? pathname : `${pathname}?${asked}`;
}

function refuse(message: string, status: number): Response {
  return Response.json({ error: { message } }, { status });
}

function tryLater(ms: number): Response {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  const message = `Too many tries: wait ${seconds} s.`;
  return Response.json({ error: { message } }, {
    status: 429,
    headers: { "retry-after": String(seconds) },
  });
}
