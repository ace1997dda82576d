import { Fault } from "../../fault.ts";
import { isAbsolute } from "../../system/paths.ts";
import { isLoopback } from "../../wire/ip_address.ts";

/** The port of Redis where none is said. */
const REDIS_PORT = 6_379;

/** Where a registry is, and how to get in. */
export interface RegistryUrl {
  socket:
    | { host: string; port: number }
    | { host: string; port: number; tls: true; ca?: string }
    | { path: string; tls: false };
  username?: string;
  password?: string;
  database?: number;
  /** The URL without its password. */
  shown: string;
}

export interface RegistryUrlOptions {
  /** The password, when it isn't in the URL. */
  password?: string;
  /** The certificates that are trusted, in PEM. Default the system's. */
  ca?: string;
  /** Permits a connection in the clear to another machine. */
  insecure?: boolean;
}

/**
 * Reads `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, the same with `rediss:`, or `unix:PATH`.
 * Throws a `usage` Fault; the text is never in its message, since it may have a password in it.
 */
export function parseRegistryUrl(text: string, options: RegistryUrlOptions = {}): RegistryUrl {
  const bad = (why: string) =>
    new Fault("usage", `Cannot use --registry: ${why}`, {
      next: "give redis://HOST[:PORT][/DATABASE], rediss://HOST[:PORT] or unix:PATH",
    });
  const { ca, insecure } = options;
  if (/^unix:/i.test(text)) {
    const [path = "", query] = text.slice(5).replace(/^\/\/(?=\/)/, "").split("?");
    if (!isAbsolute(path) || query !== undefined) throw bad("unix: takes an absolute path");
    return { socket: { path, tls: false }, password: options.password, shown: `unix:${path}` };
  }
  const url = URL.parse(text);
  if (!url || !/^rediss?:$/.test(url.protocol)) throw bad("it is no URL of Redis");
  if (url.search || url.hash) throw bad("a URL of Redis has no ? and no #");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "") throw bad("it has no host");
  const [, database = ""] = url.pathname.split(/^\//);
  if (!/^\d{0,5}$/.test(database)) throw bad("the database must be a number");
  const tls = url.protocol === "rediss:";
  if (!tls && !insecure && host !== "localhost" && !isLoopback(host)) {
    throw new Fault(
      "usage",
      "Cannot use --registry: redis:// to another machine is in the clear",
      { next: "use rediss://, or say --registry-insecure where nobody listens on the way" },
    );
  }
  let username: string | undefined, password: string | undefined;
  try {
    username = decodeURIComponent(url.username) || undefined;
    password = options.password ?? (decodeURIComponent(url.password) || undefined);
  } catch {
    throw bad("user or password has a % that encodes nothing");
  }
  const port = Number(url.port || REDIS_PORT);
  const named = `${url.protocol}//${username ? `${username}@` : ""}${url.host}${url.pathname}`;
  return {
    socket: tls ? { host, port, tls, ...ca && { ca } } : { host, port },
    ...username && { username },
    ...password && { password },
    ...database && { database: Number(database) },
    shown: named,
  };
}

/** True for a URL that has a password in it, however wrong the rest is. */
export function hasPassword(text: string): boolean {
  return /^[a-z]+:\/\/[^/]*:[^/]*@/i.test(text);
}
