import type { Hono } from "hono";
import type { PeerApi } from "../../peer/peer_api.ts";

/**
 * | route           | does         |
 * | --------------- | ------------ |
 * | GET /api/status | PeerStatus   |
 * | GET /api/peers  | PeerRecord[] |
 */
export function statusRoutes(app: Hono, api: PeerApi): void {
  app.get("/api/status", async (context) => context.json(await api.status()));

  app.get("/api/peers", async (context) => context.json(await api.listPeers()));
}
