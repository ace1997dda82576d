import type { Hono } from "hono";
import * as v from "valibot";
import { Fault } from "../../fault.ts";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { bodyOf, ID, NameBody, Path, PublisherKey, work } from "./request.ts";

/** The longest time that a timer can be set to: milliseconds, nearly 25 days. */
const DEADLINE_CAP = 2 ** 31 - 1;

/** Files to copy from that one request may name; so they fit its body. */
const REUSE_CAP = 16;

export const StreamBody = v.object({
  ...NameBody.entries,
  publisher: PublisherKey,
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  wait: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(DEADLINE_CAP))),
  deadline: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(DEADLINE_CAP))),
  limit_down: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
const GetBody = v.object({
  ...StreamBody.entries,
  output: v.optional(Path),
  overwrite: v.optional(v.boolean()),
  /** The download goes on when the asker goes away. */
  background: v.optional(v.boolean()),
  update: v.optional(v.boolean()),
  delete: v.optional(v.boolean()),
  no_clobber: v.optional(v.boolean()),
  reuse: v.optional(v.pipe(v.array(Path), v.maxLength(REUSE_CAP))),
});

/**
 * | route                           | does                                                     |
 * | ------------------------------- | -------------------------------------------------------- |
 * | POST /api/downloads             | GetRequest → lines: `{progress}` and `{event}`…, then `{result}` or `{error}`; |
 * |                                 | with `background`, it outlives the request               |
 * | POST /api/downloads/plan        | GetRequest → Plan: what that would do                    |
 * | DELETE /api/downloads?name=&id= | PartialStatus[]: what was ended and removed              |
 * | POST /api/downloads/pause       | `{name, id?}` → PartialStatus[]                          |
 * | POST /api/downloads/resume      | the same                                                 |
 * | GET /api/downloads/map?id=      | DownloadMap                                              |
 */
export function downloadsRoutes(app: Hono, api: UiApi): void {
  app.post("/api/downloads", async (context) => {
    const { background, ...request } = await bodyOf(context, GetBody);
    return work((emit, signal) =>
      api.get(request, {
        signal: background ? undefined : signal,
        onProgress: (progress) => emit({ progress }),
        onEvent: (event) => emit({ event }),
      })
    );
  });

  app.post("/api/downloads/plan", async (context) => {
    const request = await bodyOf(context, GetBody);
    return context.json(await api.plan(request, { signal: context.req.raw.signal }));
  });

  app.delete("/api/downloads", async (context) => {
    const name = context.req.query("name") ?? "";
    const id = context.req.query("id");
    if (id !== undefined && !ID.test(id)) throw new Fault("usage", "Cannot cancel: a wrong id");
    return context.json(await api.cancel({ name, id }));
  });

  app.post("/api/downloads/pause", async (context) => {
    return context.json(await api.pause(await bodyOf(context, NameBody)));
  });

  app.post("/api/downloads/resume", async (context) => {
    return context.json(await api.resume(await bodyOf(context, NameBody)));
  });

  app.get("/api/downloads/map", async (context) => {
    return context.json(await api.downloadMap(context.req.query("id") ?? ""));
  });
}
