/**
 * The control API: everything that a PeerApi does, over HTTP. The one-shot verbs use it, and the page
 * will. Handlers are Request → Response; sockets and files are control_server.ts's.
 *
 * | route                           | does                                                          |
 * | ------------------------------- | ------------------------------------------------------------- |
 * | GET /api/status                 | PeerStatus                                                    |
 * | GET /api/peers                  | PeerRecord[]                                                  |
 * | GET, PATCH /api/settings        | LiveSettings; PATCH takes those that change                   |
 * | GET /api/files?pattern=         | FileRecord, one a line                                        |
 * | POST /api/shares                | ShareRequest → lines: `{progress}`…, then `{result}`, `{error}` |
 * | DELETE /api/shares?name=        | SharedFile                                                    |
 * | POST /api/downloads             | GetRequest → lines as for shares; the result is a Receipt     |
 * | DELETE /api/downloads?name=&id= | PartialStatus[]: what was ended and removed                   |
 * | POST /api/streams               | StreamRequest → first line `{content}`, a path; then the same  |
 * | GET /api/streams/:key           | the bytes of that stream, in order; once                      |
 *
 * Errors are `{"error": {kind, message, candidates?}}`, with a fitting status.
 */
import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { Fault, messageOf } from "../fault.ts";
import type { PeerApi } from "../peer/peer_api.ts";
import { abortable } from "../peer/retry.ts";
import { statusOf, toApiError } from "./api_error.ts";
import { jsonLines } from "./json_lines.ts";

/** Most bytes in a request's body. */
const BODY_CAP = 1 << 16;
/** Most upload slots: each costs 1 MiB of memory. */
const SLOTS_CAP = 1_024;

/** The longest time that a timer can be set to: milliseconds, nearly 25 days. */
const DEADLINE_CAP = 2 ** 31 - 1;
/** A file id or its beginning. */
const ID = /^[0-9a-f]{8,64}$/;

/** Most bytes per second; null is no limit. */
const limit = v.optional(v.nullable(v.pipe(v.number(), v.finite(), v.minValue(1))));
const SettingsBody = v.object({
  limit_up: limit,
  limit_down: limit,
  upload_slots: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(SLOTS_CAP))),
});
const path = v.pipe(v.string(), v.maxLength(4_096));
const ShareBody = v.object({ file: path, cwd: path });
const StreamBody = v.object({
  name: v.pipe(v.string(), v.maxLength(4_096)),
  id: v.optional(v.pipe(v.string(), v.regex(ID))),
  wait: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(DEADLINE_CAP))),
  deadline: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(DEADLINE_CAP))),
  limit_down: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
const GetBody = v.object({
  ...StreamBody.entries,
  output: v.optional(path),
  overwrite: v.optional(v.boolean()),
});

export interface ControlOptions {
  /** Whoever sends it as a bearer token may do everything. */
  token: string;
}

/** The control API of a peer, to be served on loopback. */
export function controlApi(api: PeerApi, { token }: ControlOptions): Hono {
  const app = new Hono();
  const streams = new Map<string, { body: ReadableStream<Uint8Array>; taken: () => void }>();

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

  app.get("/api/status", async (context) => context.json(await api.status()));

  app.get("/api/peers", async (context) => context.json(await api.listPeers()));

  app.get("/api/settings", async (context) => context.json(await api.settings()));

  app.patch("/api/settings", async (context) => {
    return context.json(await api.change(await bodyOf(context, SettingsBody)));
  });

  app.get("/api/files", (context) => {
    const files = api.listFiles(context.req.query("pattern"))[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    const encode = (value: unknown) => encoder.encode(JSON.stringify(value) + "\n");
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { value, done } = await files.next();
          if (done) controller.close();
          else controller.enqueue(encode({ result: value }));
        } catch (error) {
          controller.enqueue(encode(toApiError(error)));
          controller.close();
        }
      },
      cancel: () => void files.return?.(),
    });
    return new Response(body, { headers: { "content-type": "application/jsonl" } });
  });

  app.post("/api/shares", async (context) => {
    const request = await bodyOf(context, ShareBody);
    return work((emit, signal) =>
      api.share(request, {
        signal,
        onProgress: (hashed, size) => emit({ progress: { hashed, size } }),
      })
    );
  });

  app.delete("/api/shares", async (context) => {
    return context.json(await api.unshare(context.req.query("name") ?? ""));
  });

  app.delete("/api/downloads", async (context) => {
    const name = context.req.query("name") ?? "";
    const id = context.req.query("id");
    if (id !== undefined && !ID.test(id)) throw new Fault("usage", "Cannot cancel: a wrong id");
    return context.json(await api.cancel({ name, id }));
  });

  app.post("/api/downloads", async (context) => {
    const request = await bodyOf(context, GetBody);
    return work((emit, signal) =>
      api.get(request, { signal, onProgress: (progress) => emit({ progress }) })
    );
  });

  app.post("/api/streams", async (context) => {
    const request = await bodyOf(context, StreamBody);
    const key = crypto.randomUUID();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const taken = Promise.withResolvers<void>();
    streams.set(key, { body: readable, taken: taken.resolve });
    return work(async (emit, signal) => {
      emit({ content: `/api/streams/${key}` });
      try {
        const onProgress = (progress: unknown) => emit({ progress });
        const receipt = await api.stream(request, writable, { signal, onProgress });
        // An empty file is over before it can be asked for.
        await abortable(taken.promise, signal);
        return receipt;
      } finally {
        streams.delete(key);
      }
    });
  });

  app.get("/api/streams/:key", (context) => {
    const key = context.req.param("key");
    const stream = streams.get(key);
    if (!stream) throw new Fault("not_found", "there is no such stream");
    streams.delete(key);
    stream.taken();
    return new Response(stream.body, { headers: { "content-type": "application/octet-stream" } });
  });

  app.notFound((context) => context.json({ error: { message: "there is no such route" } }, 404));

  app.onError((error) => Response.json(toApiError(error), { status: statusOf(error) }));

  return app;
}

/** Lines of progress, and then how it ended. */
function work(
  task: (emit: (value: unknown) => void, signal: AbortSignal) => Promise<unknown>,
): Response {
  return jsonLines((emit, signal) =>
    task(emit, signal).then((result) => ({ result }), (error) => toApiError(error))
  );
}

async function bodyOf<S extends v.GenericSchema>(
  context: Context,
  schema: S,
): Promise<v.InferOutput<S>> {
  try {
    const length = Number(context.req.header("content-length") ?? NaN);
    if (!(length <= BODY_CAP)) throw new RangeError(`it must have at most ${BODY_CAP} bytes`);
    return v.parse(schema, await context.req.json());
  } catch (cause) {
    throw new Fault("usage", `Cannot read the request's body: ${messageOf(cause)}`, { cause });
  }
}

function isLoopback(host: string): boolean {
  return /^(127\.0\.0\.1|\[::1\]|localhost)(:\d{1,5})?$/.test(host);
}

function sameToken(given: string, expected: string): boolean {
  const encoder = new TextEncoder();
  const [a, b] = [encoder.encode(given), encoder.encode(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
