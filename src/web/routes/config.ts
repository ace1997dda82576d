import { Hono } from "hono";
import * as v from "valibot";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { json } from "./request.ts";

/** The keys and values are checked by the owner of the config file. */
const ConfigBody = v.record(v.string(), v.unknown());

/**
 * | route                | does                                                                           |
 * | -------------------- | ------------------------------------------------------------------------------ |
 * | GET /api/v1/config   | ConfigView                                                                     |
 * | PATCH /api/v1/config | changes by key, null for the default → ConfigView; an error names its `field`  |
 */
export function configRoutes(api: UiApi) {
  return new Hono()
    .get("/api/v1/config", async (c) => c.json(await api.config()))
    .patch("/api/v1/config", json(ConfigBody), async (c) => {
      return c.json(await api.configure(c.req.valid("json")));
    });
}
