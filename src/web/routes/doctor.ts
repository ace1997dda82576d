import type { Hono } from "hono";
import type { PageApi } from "../../peer/api/page_api.ts";

/**
 * | route           | does                                          |
 * | --------------- | --------------------------------------------- |
 * | GET /api/doctor | Finding[]: what only the owner of DIR can see |
 */
export function doctorRoutes(app: Hono, api: PageApi): void {
  app.get("/api/doctor", async (context) => context.json(await api.diagnose()));
}
