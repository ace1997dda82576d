import type { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { bodyOf, Path, PublisherKey } from "./request.ts";

const TrustBody = v.object({ name: Path, publisher: PublisherKey });

/**
 * | route                   | does                                       |
 * | ----------------------- | ------------------------------------------ |
 * | GET /api/trust          | TrustEntry[]: who is remembered            |
 * | POST /api/trust         | TrustRequest → TrustEntry: who is from now |
 * | DELETE /api/trust?name= | TrustEntry: who was                        |
 */
export function trustRoutes(app: Hono, api: PeerApi): void {
  app.get("/api/trust", async (context) => context.json(await api.trust()));

  app.post("/api/trust", async (context) => {
    return context.json(await api.accept(await bodyOf(context, TrustBody)));
  });

  app.delete("/api/trust", async (context) => {
    return context.json(await api.forget(context.req.query("name") ?? ""));
  });
}
