import type { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";

/**
 * | route           | does                                          |
 * | --------------- | --------------------------------------------- |
 * | GET /api/doctor | Finding[]: what only the owner of DIR can see |
 */
export function doctorRoutes(app: Hono, api: UiApi): void {
  app.get("/api/doctor", async (context) => context.json(await api.diagnose()));
}
