import type { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { bodyOf, Path, work } from "./request.ts";

const ShareBody = v.object({ file: Path, cwd: Path, watch: v.optional(v.boolean()) });

/**
 * | route                    | does                                                       |
 * | ------------------------ | ---------------------------------------------------------- |
 * | POST /api/shares         | ShareRequest → lines: `{progress}`…, `{result}` or `{error}` |
 * | DELETE /api/shares?name= | SharedFile                                                 |
 */
export function sharesRoutes(app: Hono, api: PeerApi): void {
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
}
