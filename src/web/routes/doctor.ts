import { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";

/**
 * | route              | does                                          |
 * | ------------------ | --------------------------------------------- |
 * | GET /api/v1/doctor | Finding[]: what only the owner of DIR can see |
 */
export function doctorRoutes(api: UiApi) {
  return new Hono().get("/api/v1/doctor", async (c) => c.json(await api.diagnose()));
}
