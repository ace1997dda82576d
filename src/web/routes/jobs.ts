import { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import type { Jobs } from "../http/jobs.ts";
import { GetBody } from "./downloads.ts";
import { json } from "./request.ts";
import { ShareBody } from "./shares.ts";

const JobBody = v.union([v.object({ get: GetBody }), v.object({ share: ShareBody })]);

/**
 * | route                   | does                                                                          |
 * | ----------------------- | ----------------------------------------------------------------------------- |
 * | POST /api/v1/jobs       | `{get: GetRequest}` or `{share: ShareRequest}` → 202 with `{job}`: it goes on without |
 * |                         | the page, and the events tell what becomes of it                              |
 * | DELETE /api/v1/jobs/:id | ends a job → 204                                                              |
 */
export function jobsRoutes(api: PeerApi, jobs: Jobs) {
  return new Hono()
    .post("/api/v1/jobs", json(JobBody), (c) => {
      const body = c.req.valid("json");
      const job = "get" in body
        ? jobs.start({ kind: "get", name: body.get.name }, async (signal) => {
          const { name, id, size, up_to_date, trust } = await api.get(body.get, { signal });
          return { name, id, size, up_to_date, trust };
        })
        : jobs.start({ kind: "share", name: body.share.file }, async (signal, tell) => {
          const onProgress = (hashed: number, size: number) => tell({ hashed, size });
          const { name } = await api.share(body.share, { signal, onProgress });
          return { name };
        });
      return c.json({ job }, 202);
    })
    .delete("/api/v1/jobs/:id{[0-9]{1,15}}", (c) => {
      jobs.stop(Number(c.req.param("id")));
      return c.body(null, 204);
    });
}
