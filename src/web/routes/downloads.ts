import { Hono } from "hono";
import * as v from "valibot";
import type { DownloadMap, UiApi } from "../../peer/api/ui_api.ts";
import type { GetEvent, Progress } from "../../peer/api/peer_api.ts";
import { json, NameBody, NameQuery, Path, PublisherKey, query, work } from "./request.ts";

/** The longest time that a timer can be set to: milliseconds, nearly 25 days. */
const DEADLINE_CAP = 2 ** 31 - 1;

/** Most files to copy from that one request may name; so they fit its body. */
const REUSE_CAP = 16;

export const StreamBody = v.object({
  ...NameBody.entries,
  publisher: PublisherKey,
  unsigned: v.optional(v.boolean()),
  sha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
  wait: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(DEADLINE_CAP))),
  deadline: v.optional(v.pipe(v.number(), v.minValue(1), v.maxValue(DEADLINE_CAP))),
  limit_down: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});
export const GetBody = v.object({
  ...StreamBody.entries,
  output: v.optional(Path),
  overwrite: v.optional(v.boolean()),
  update: v.optional(v.boolean()),
  delete: v.optional(v.boolean()),
  no_clobber: v.optional(v.boolean()),
  reuse: v.optional(v.pipe(v.array(Path), v.maxLength(REUSE_CAP))),
});

/** Most downloads whose maps one request asks for. */
const MAPS_CAP = 16;
const MapsQuery = v.object({ ids: v.optional(v.string(), "") });
const MapQuery = v.object({ id: v.optional(v.string(), "") });

/** A message of a download before its result. */
export type Told = { progress: Progress } | { event: GetEvent };

/**
 * | route                              | does                                                     |
 * | ---------------------------------- | -------------------------------------------------------- |
 * | POST /api/v1/downloads             | GetRequest → lines: `{progress}` and `{event}`…, then `{result}` or `{error}` |
 * | POST /api/v1/downloads/plan        | GetRequest → Plan: what that would do                    |
 * | DELETE /api/v1/downloads?name=&id= | PartialStatus[]: what was cancelled and removed          |
 * | POST /api/v1/downloads/pause       | `{name, id?}` → PartialStatus[]                          |
 * | POST /api/v1/downloads/resume      | the same                                                 |
 * | GET /api/v1/downloads/map?id=      | DownloadMap                                              |
 * | GET /api/v1/downloads/maps?ids=    | the same of several, by id; null where there is none     |
 */
export function downloadsRoutes(api: UiApi) {
  return new Hono()
    .post("/api/v1/downloads", json(GetBody), (c) => {
      return work((emit: (line: Told) => void, signal) =>
        api.get(c.req.valid("json"), {
          signal,
          onProgress: (progress) => emit({ progress }),
          onEvent: (event) => emit({ event }),
        })
      );
    })
    .post("/api/v1/downloads/plan", json(GetBody), async (c) => {
      return c.json(await api.plan(c.req.valid("json"), { signal: c.req.raw.signal }));
    })
    .delete("/api/v1/downloads", query(NameQuery), async (c) => {
      return c.json(await api.cancel(c.req.valid("query")));
    })
    .post("/api/v1/downloads/pause", json(NameBody), async (c) => {
      return c.json(await api.pause(c.req.valid("json")));
    })
    .post("/api/v1/downloads/resume", json(NameBody), async (c) => {
      return c.json(await api.resume(c.req.valid("json")));
    })
    .get("/api/v1/downloads/maps", query(MapsQuery), async (c) => {
      const maps: Record<string, DownloadMap | null> = {};
      for (const id of c.req.valid("query").ids.split(",").slice(0, MAPS_CAP)) {
        maps[id] = await api.downloadMap(id).catch(() => null);
      }
      return c.json(maps);
    })
    .get("/api/v1/downloads/map", query(MapQuery), async (c) => {
      return c.json(await api.downloadMap(c.req.valid("query").id));
    });
}
