import type { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";

/**
 * | route           | does         |
 * | --------------- | ------------ |
 * | GET /api/status | PeerStatus   |
 * | GET /api/peers  | PeerRecord[] |
 * | GET /api/history | History |
 */
export function statusRoutes(app: Hono, api: UiApi): void {
  app.get("/api/status", async (context) => context.json(await api.status()));

  app.get("/api/peers", async (context) => context.json(await api.listPeers()));

  app.get("/api/history", async (context) => context.json(await api.history()));
}
