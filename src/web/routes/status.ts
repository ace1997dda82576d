import { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";

/**
 * | route               | does         |
 * | ------------------- | ------------ |
 * | GET /api/v1/status  | PeerStatus   |
 * | GET /api/v1/peers   | ListedPeer[] |
 * | GET /api/v1/history | History      |
 */
export function statusRoutes(api: UiApi) {
  return new Hono()
    .get("/api/v1/status", async (c) => c.json(await api.status()))
    .get("/api/v1/peers", async (c) => c.json(await api.listPeers()))
    .get("/api/v1/history", async (c) => c.json(await api.history()));
}
