import { type Context, Hono } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import * as v from "valibot";
import { Fault } from "../fault.ts";
import { isOwnHost } from "./own_host.ts";
import { type Password, PASSWORD_CAP } from "./password.ts";
import { bodyOf } from "./routes/request.ts";
import { SESSION_MS, type Sessions } from "./sessions.ts";
import type { SlowDown } from "./slow_down.ts";

const SignInBody = v.union([
  v.object({ ticket: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)) }),
  v.object({ password: v.pipe(v.string(), v.maxLength(PASSWORD_CAP)) }),
]);

/** What a page that isn't signed in may have: it says nothing about this peer. */
const PUBLIC = /^\/(sign-in|healthz|style\.css|sign_in\.js|theme\.js|icon\.svg)$/;

/**
 * `default-src 'none'` is what an answer with content gets: nothing in it runs, whatever it is. The
 * page itself may only use what it was served from here.
 */
const CONTENT_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox";
const UI_POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'"],
  ...["connect-src 'self'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"],
].join("; ");

export interface UiAccessOptions {
  sessions: Sessions;
  slowDown: SlowDown;
  /** Needed where other machines can come. */
  password?: Password;
  /** Where the page is served: an address or name without a port. */
  host: string;
  /** Cookies don't tell ports apart, so their name does. */
  port: number;
  /** Whether this is the header by which the program's own verbs are known. */
  isVerb: (authorization: string) => boolean;
}

/** What a handler knows beside the request. */
export interface UiBindings {
  Bindings: { remote: string };
  /** Whether who asked may still do so: a session can end while an answer goes on. */
  Variables: { mayGoOn: () => boolean };
}

/**
 * Who may use the page, and how it may be used by a browser: comes before all routes. A session's
 * cookie lets in; what changes something needs the header `X-Shoal` as well, which no form and no
 * other site's script can send.
 *
 * | route           | does                                                                |
 * | --------------- | ------------------------------------------------------------------- |
 * | GET /healthz    | `ok`, to everybody                                                  |
 * | POST /sign-in   | `{ticket}` or `{password}` → 204 with the session's cookie          |
 * | DELETE /sign-in | ends the session                                                    |
 */
export function uiAccess(options: UiAccessOptions): Hono<UiBindings> {
  const { sessions, slowDown, password, host, port, isVerb } = options;
  const app = new Hono<UiBindings>();
  const cookie = `shoal-${port}`;

  app.use(async (context, next) => {
    const refused = refusal(context, host) ?? await passOn(context);
    if (refused) context.res = refused;
    else await next();
    // The cookie lasts anew with the session when the page is opened.
    if (!refused && context.req.path === "/") giveCookie(context, getCookie(context, cookie) ?? "");
    const content = context.req.path.startsWith("/files/");
    for (
      const [name, value] of [
        ["content-security-policy", content ? CONTENT_POLICY : UI_POLICY],
        ["x-content-type-options", "nosniff"],
        ["referrer-policy", "no-referrer"],
        ["cross-origin-opener-policy", "same-origin"],
        ["cross-origin-resource-policy", "same-origin"],
        ["x-frame-options", "DENY"],
      ] as const
    ) context.res.headers.set(name, value);
    if (!context.res.headers.has("cache-control")) {
      context.res.headers.set("cache-control", "no-store");
    }
  });

  /** A response in place of what was asked for, where the asker isn't signed in. */
  function passOn(context: Context<UiBindings>): Response | undefined {
    if (PUBLIC.test(context.req.path)) return;
    const authorization = context.req.header("authorization");
    if (authorization !== undefined && isVerb(authorization)) {
      context.set("mayGoOn", () => true);
      return;
    }
    const session = getCookie(context, cookie) ?? "";
    context.set("mayGoOn", () => sessions.has(session));
    if (sessions.has(session)) return;
    if (context.req.path === "/") return context.redirect("/sign-in", 303);
    return refuse("sign in first: run 'shoal peer ui'", 401);
  }

  function giveCookie(context: Context, session: string, ms = SESSION_MS): void {
    setCookie(context, cookie, session, {
      ...{ httpOnly: true, sameSite: "Strict", path: "/", maxAge: ms / 1000 },
    });
  }

  app.get("/healthz", (context) => context.text("ok\n"));

  app.post("/sign-in", async (context) => {
    const { remote } = context.env;
    const body = await bodyOf(context.req, SignInBody);
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
    giveCookie(context, session);
    return context.body(null, 204);
  });

  app.delete("/sign-in", (context) => {
    sessions.end(getCookie(context, cookie) ?? "");
    giveCookie(context, "", 0);
    return context.body(null, 204);
  });

  return app;
}

/** What is refused whoever asks. */
function refusal({ req }: Context, host: string): Response | undefined {
  if (!isOwnHost(req.header("host") ?? "", host)) return refuse("this host is not served", 421);
  const origin = req.header("origin");
  if (origin !== undefined && origin !== `http://${req.header("host")}`) {
    return refuse("requests of other sites are not served", 403);
  }
  const site = req.header("sec-fetch-site");
  const opened = req.method === "GET" && req.header("sec-fetch-mode") === "navigate";
  if (site !== undefined && site !== "same-origin" && site !== "none" && !opened) {
    return refuse("requests of other sites are not served", 403);
  }
  const reads = req.method === "GET" || req.method === "HEAD";
  if (!reads && req.header("x-shoal") !== "1") {
    return refuse("the header 'X-Shoal: 1' is missing", 403);
  }
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
