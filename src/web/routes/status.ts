import { Hono } from "hono";
import type { UiApi } from "../../peer/api/ui_api.ts";

/**
 * | route            | does         |
 * | ---------------- | ------------ |
 * | GET /api/status  | PeerStatus   |
 * | GET /api/peers   | ListedPeer[] |
 * | GET /api/history | History      |
 */
export function statusRoutes(api: UiApi) {
  return new Hono()
    .get("/api/status", async (c) => c.json(await api.status()))
    .get("/api/peers", async (c) => c.json(await api.listPeers()))
    .get("/api/history", async (c) => c.json(await api.history()));
}
