import type { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { UPLOAD_SLOTS_CAP } from "../../peer/api/settings.ts";
import { bodyOf } from "./request.ts";

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
 * | route               | does         |
 * | ------------------- | ------------ |
 * | GET /api/settings   | LiveSettings |
 * | PATCH /api/settings | takes those that change, for as long as the peer runs |
 */
export function settingsRoutes(app: Hono, api: PeerApi): void {
  app.get("/api/settings", async (context) => context.json(await api.settings()));

  app.patch("/api/settings", async (context) => {
    return context.json(await api.change(await bodyOf(context, SettingsBody)));
  });
}
