import { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { UPLOAD_SLOTS_CAP } from "../../peer/api/settings.ts";
import { json } from "./request.ts";

/** Most bytes per second; null is no limit. */
const limit = v.optional(v.nullable(v.pipe(v.number(), v.finite(), v.minValue(1))));
const SettingsBody = v.object({
  limit_up: limit,
  limit_down: limit,
  upload_slots: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(UPLOAD_SLOTS_CAP)),
  ),
});

/**
 * | route                  | does         |
 * | ---------------------- | ------------ |
 * | GET /api/v1/settings   | LiveSettings |
 * | PATCH /api/v1/settings | changes some of them for as long as the peer runs → LiveSettings |
 */
export function settingsRoutes(api: PeerApi) {
  return new Hono()
    .get("/api/v1/settings", async (c) => c.json(await api.settings()))
    .patch("/api/v1/settings", json(SettingsBody), async (c) => {
      return c.json(await api.change(c.req.valid("json")));
    });
}
