import { endOf } from "./live.js";
import { goSignIn, signed } from "./session.js";

/**
 * @typedef {object} Failure
 * @property {string} [message]
 * @property {import("../../fault.ts").FaultKind | "silent" | "stopped"} [kind]
 * @property {import("../../fault.ts").FaultDetails} [details]
 * @property {any[]} [candidates]
 * @property {string} [field]
 * @property {number} [status]
 *
 * @typedef {object} Asking
 * @property {any} [body]
 * @property {AbortSignal} [signal]
 * @property {Record<string, string>} [headers]
 * @property {number} [limitMs]
 */

/** A failure that the peer told, or that it couldn't be asked. `kind` is that of a Fault. */
export class ApiError extends Error {
  /**
   * @param {string} message
   * @param {Failure} [failure]
   */
  constructor(message, { kind, candidates, field, details, status } = {}) {
    super(message);
    this.kind = kind;
    this.candidates = candidates;
    this.field = field;
    this.details = details ?? {};
    this.status = status;
  }
}

/** An answer must begin in this time, in milliseconds. */
const LIMIT_MS = 10_000;
/** The longest between two parts of an answer, in milliseconds: the swarm may be asked meanwhile. */
const IDLE_MS = 60_000;
/** Results that are read before the browser may paint again. */
const SLICE = 500;

const GONE = "The peer does not answer. Is it still running?";
const SILENT = "The peer gave no answer. It may still do what was asked.";

/**
 * Asks the peer; throws ApiError. `limitMs` is the time for an answer to begin.
 * @param {string} method
 * @param {string} path
 * @param {Asking} [asking]
 */
async function ask(method, path, { body, signal, headers, limitMs = LIMIT_MS } = {}) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), limitMs);
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...signed(),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(late.signal.aborted ? SILENT : GONE, { kind: "silent" });
  } finally {
    clearTimeout(timer);
  }
  if (response.ok) return response;
  if (response.status === 401) goSignIn();
  const { error } = await response.json().catch(() => ({}));
  throw new ApiError(error?.message ?? `HTTP ${response.status}`, {
    ...error,
    status: response.status,
  });
}

/**
 * The JSON value that is answered; undefined for an answer without one.
 * @param {string} method
 * @param {string} path
 * @param {any} [body]
 */
export async function askJson(method, path, body) {
  const response = await ask(method, path, { body });
  return response.status === 204 ? undefined : await response.json();
}

/**
 * The results that are answered, one a line, as they come; throws ApiError where a line has an error.
 * @param {string} path
 * @param {Pick<Asking, "signal">} [asking]
 */
export async function* askResults(path, { signal } = {}) {
  const { body } = await ask("GET", path, { signal });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let read = 0;
  try {
    for (;;) {
      const { value, done } = await within(reader.read(), IDLE_MS).catch(() => {
        throw new ApiError(GONE, { kind: "silent" });
      });
      if (done) break;
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) {
        const { result, error } = JSON.parse(line);
        if (error) throw new ApiError(error.message, error);
        yield result;
        if (++read % SLICE === 0) await new Promise((resolve) => setTimeout(resolve));
      }
    }
  } finally {
    // What is not read would hold one of the few connections that a browser has.
    reader.cancel().catch(() => {});
  }
}

function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => timer = setTimeout(reject, ms));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** Jobs that are started at a time: a browser has few connections, and the time of an answer is limited. */
const STARTS = 2;
const waiting = [];
let starting = 0;

async function inTurn(work) {
  if (starting >= STARTS) await new Promise((resolve) => waiting.push(resolve));
  else starting++;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else starting--;
  }
}

/**
 * Has the peer do some work, `{get}` or `{share}`, which goes on without the page. Returns its
 * number, and its result.
 */
export async function startJob(body) {
  const { job } = await inTurn(() => askJson("POST", "/api/v1/jobs", body));
  const result = endOf(job).catch((error) => {
    throw new ApiError(error.message, error);
  });
  return { job, result };
}

/** Saves a file of the swarm with the browser, once its first byte is there. */
export async function save({ name, id, publisher }) {
  const query = new URLSearchParams({ id, ...(publisher && { publisher }) });
  const path = `/files/${name.split("/").map(encodeURIComponent).join("/")}?${query}`;
  try {
    const first = await ask("GET", path, { headers: { range: "bytes=0-0" }, limitMs: 30_000 });
    await first.body?.cancel();
  } catch (error) {
    // An empty file has no first byte.
    if (error.status !== 416) throw error;
  }
  const link = document.createElement("a");
  link.href = (await askJson("POST", "/api/v1/links", { path })).path;
  link.download = "";
  link.click();
}

/**
 * Sends a file to be shared, without ever having all of it in memory. Returns how to stop and what it
 * ends with. XMLHttpRequest, because it alone tells how much was sent.
 */
export function upload(file, { name, replace, share = true }, onProgress) {
  const request = new XMLHttpRequest();
  const query = new URLSearchParams({
    name,
    ...(replace && { replace: "1" }),
    ...(!share && { share: "0" }),
  });
  const result = new Promise((resolve, reject) => {
    request.open("PUT", `/api/v1/uploads?${query}`);
    for (const [header, value] of Object.entries(signed())) request.setRequestHeader(header, value);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = ({ loaded }) => onProgress({ sent: loaded });
    request.upload.onload = () => onProgress({ sent: file.size, whole: true });
    request.onprogress = () => {
      const { progress } = lastLine(request.responseText) ?? {};
      if (progress?.hashed !== undefined) onProgress({ hashed: progress.hashed });
    };
    request.onload = () => {
      const last = lastLine(request.responseText);
      if (last?.result) return resolve(last.result);
      if (request.status === 401) goSignIn();
      reject(new ApiError(last?.error?.message ?? `HTTP ${request.status}`, last?.error));
    };
    request.onerror = () => reject(new ApiError(GONE, { kind: "silent" }));
    request.onabort = () => reject(new ApiError("Stopped.", { kind: "stopped" }));
    request.send(file);
  });
  return { result, stop: () => request.abort() };
}

function lastLine(text) {
  const line = text.slice(0, text.lastIndexOf("\n") + 1 || undefined).trimEnd().split("\n").pop();
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
