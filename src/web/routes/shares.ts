import { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { json, NameQuery, Path, query, work } from "./request.ts";

export const ShareBody = v.object({ file: Path, cwd: Path, watch: v.optional(v.boolean()) });

/**
 * | route                       | does                                                       |
 * | --------------------------- | ---------------------------------------------------------- |
 * | POST /api/v1/shares         | ShareRequest → lines: `{progress}`…, `{result}` or `{error}` |
 * | DELETE /api/v1/shares?name= | SharedFile                                                 |
 */
export function sharesRoutes(api: PeerApi) {
  return new Hono()
    .post(
      "/api/v1/shares",
      json(ShareBody),
      (c) =>
        work((emit: (line: { progress: { hashed: number; size: number } }) => void, signal) =>
          api.share(c.req.valid("json"), {
            signal,
            onProgress: (hashed, size) => emit({ progress: { hashed, size } }),
          })
        ),
    )
    .delete("/api/v1/shares", query(NameQuery), async (c) => {
      return c.json(await api.unshare(c.req.valid("query").name));
    });
}
