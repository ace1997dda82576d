import type { TokenRight } from "../../peer/api/token_api.ts";
import type { Answers } from "./answers.ts";

/** A route, as the OpenAPI document describes it and as tokens of scripts may use it. */
interface RouteEntry {
  /** One sentence: the summary. */
  does: string;
  /** The rights that a token needs, all of them. Without this, no token of a script opens the route. */
  rights?: TokenRight[];
  /** The answer in JSON. Undefined where it has another type, or no body. */
  answer?: keyof Answers;
  /** True where the answer is JSON lines. */
  lines?: true;
  /** The type of an answer that is not JSON. */
  type?: string;
  /** The status of success. Default 200. */
  status?: number;
  /** The endpoint that alone has it: the page, or DIR's control endpoint. Default both. */
  only?: "page" | "control";
  /** True where nothing has to be proved. */
  open?: true;
}

/**
 * Every route, and its docs: the one place that says what the token of a script may do. A test holds
 * the routes of the program to it.
 */
export const ROUTES: Record<string, RouteEntry> = {
  "GET /api/openapi.json": {
    does: "Returns this document",
    ...{ type: "application/json", open: true },
  },
  "GET /healthz": {
    does: "Says that the page is served",
    ...{ type: "text/plain", open: true, only: "page" },
  },
  "POST /sign-in": {
    does: "Opens a session with a ticket from `shoal peer ui`, or with the password",
    ...{ answer: "session", open: true, only: "page" },
  },
  "DELETE /sign-in": {
    does: "Ends the session, or with `everywhere=1` all sessions",
    ...{ status: 204, only: "page" },
  },
  "POST /api/v1/links": {
    does: "Makes an address for one file that needs no header, valid for a day",
    ...{ answer: "link", only: "page" },
  },
  "GET /api/v1/hello": {
    does: "Proves that the peer knows its token",
    ...{ answer: "hello", open: true, only: "control" },
  },
  "POST /api/v1/ui": {
    does: "Serves the page, unless it is served already, and returns a sign-in link",
    ...{ answer: "ui", only: "control" },
  },
  "GET /api/v1/status": { does: "Returns the peer's status", answer: "status", rights: ["read"] },
  "GET /api/v1/peers": { does: "Lists the swarm's peers", answer: "peers", rights: ["read"] },
  "GET /api/v1/sources": {
    does: "Lists the peers that have a content of a name, and how much of it",
    ...{ answer: "sources", rights: ["read"] },
  },
  "GET /api/v1/history": {
    does: "Returns the bytes sent and received in each of the last 300 seconds",
    ...{ answer: "history", rights: ["read"] },
  },
  "GET /api/v1/events": {
    does: "Streams the status and its changes as server-sent events",
    ...{ type: "text/event-stream", rights: ["read"], only: "page" },
  },
  "GET /api/v1/settings": {
    does: "Returns the settings that can be changed while the peer runs",
    ...{ answer: "settings", rights: ["read"] },
  },
  "PATCH /api/v1/settings": {
    does: "Changes some of these settings for as long as the peer runs",
    answer: "settings",
  },
  "GET /api/v1/config": { does: "Returns the configuration, with origins", answer: "config" },
  "PATCH /api/v1/config": {
    does: "Changes keys of the config file; null takes one out of it",
    answer: "config",
  },
  "GET /api/v1/doctor": { does: "Examines the peer and its bootstraps", answer: "findings" },
  "GET /api/v1/files": {
    does: "Lists the swarm's files, names in order",
    ...{ answer: "fileLine", lines: true, rights: ["read"] },
  },
  "GET /api/v1/folder": {
    does: "Lists the entries of a folder, or of a part of one",
    ...{ answer: "entryLine", lines: true, rights: ["read"] },
  },
  "GET /api/v1/versions": {
    does: "Lists every version of a name that any peer has",
    ...{ answer: "versions", rights: ["read"] },
  },
  "POST /api/v1/shares": {
    does: "Shares a file or folder",
    ...{ answer: "shareLine", lines: true, rights: ["share"] },
  },
  "DELETE /api/v1/shares": {
    does: "Stops sharing a name",
    ...{ answer: "share", rights: ["share"] },
  },
  "POST /api/v1/downloads": {
    does: "Fetches a file or folder to disk; it ends with the request",
    ...{ answer: "downloadLine", lines: true, rights: ["get"] },
  },
  "DELETE /api/v1/downloads": {
    does: "Ends the downloads of a name and removes what there is of them",
    ...{ answer: "partials", rights: ["get"] },
  },
  "POST /api/v1/downloads/plan": {
    does: "Returns what that download would do",
    ...{ answer: "plan", rights: ["get"] },
  },
  "POST /api/v1/downloads/pause": {
    does: "Stops the downloads of a name for now",
    ...{ answer: "partials", rights: ["get"] },
  },
  "POST /api/v1/downloads/resume": {
    does: "Goes on with downloads that were paused",
    ...{ answer: "partials", rights: ["get"] },
  },
  "GET /api/v1/downloads/map": {
    does: "Returns how much of each part of a download is there",
    ...{ answer: "map", rights: ["read"] },
  },
  "GET /api/v1/downloads/maps": {
    does: "Returns the same of several downloads, by file id",
    ...{ answer: "maps", rights: ["read"] },
  },
  "POST /api/v1/streams": {
    does: "Fetches a file in order; the first line has the path of its bytes",
    ...{ answer: "streamLine", lines: true, rights: ["get"] },
  },
  "GET /api/v1/streams/{key}": {
    does: "Returns the bytes of a stream, once",
    ...{ type: "application/octet-stream", rights: ["get"] },
  },
  "POST /api/v1/jobs": {
    does: "Starts a download or a share that goes on without its asker; the events tell its end",
    ...{ answer: "job", status: 202, rights: ["get", "share"], only: "page" },
  },
  "DELETE /api/v1/jobs/{id}": {
    does: "Ends a job",
    ...{ status: 204, rights: ["get", "share"], only: "page" },
  },
  "POST /api/v1/uploads/check": {
    does: "Tells which of some uploads would be taken",
    ...{ answer: "checked", rights: ["share"] },
  },
  "PUT /api/v1/uploads": {
    does: "Takes the body as a file in the shared folder, and shares it",
    ...{ answer: "uploadLine", lines: true, rights: ["share"] },
  },
  "GET /files/{name}": {
    does: "Returns a file's verified bytes; with `Range` it fetches only what it needs",
    ...{ type: "application/octet-stream", rights: ["get"] },
  },
  "GET /api/v1/trust": {
    does: "Lists the remembered publishers",
    ...{ answer: "trust", rights: ["read"] },
  },
  "POST /api/v1/trust": {
    does: "Remembers a publisher for a name, in place of any other",
    answer: "trustEntry",
  },
  "DELETE /api/v1/trust": {
    does: "Forgets the publisher of a name",
    answer: "trustEntry",
  },
  "GET /api/v1/tokens": {
    does: "Lists the tokens of scripts",
    ...{ answer: "tokens", only: "control" },
  },
  "POST /api/v1/tokens": {
    does: "Makes a token, and returns its secret this once",
    ...{ answer: "newToken", only: "control" },
  },
  "DELETE /api/v1/tokens": {
    does: "Revokes a token at once",
    ...{ answer: "token", only: "control" },
  },
};

/** The key in {@link ROUTES} of a route as the router has it: `/jobs/:id{[0-9]+}` is `/jobs/{id}`. */
export function routeKey(method: string, path: string): string {
  const named = path.replace(/:(\w+)(?:\{[^/]*\})?/g, "{$1}").replace("/files/*", "/files/{name}");
  return `${method} ${named}`;
}

/** True if these rights open a route; none open one that has no rights in {@link ROUTES}. */
export function opensRoute(key: string, rights: readonly string[]): boolean {
  const needed = ROUTES[key]?.rights;
  return needed !== undefined && needed.every((right) => rights.includes(right));
}
