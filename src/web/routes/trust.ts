import { Hono } from "hono";
import * as v from "valibot";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { json, NameQuery, Path, PublisherKey, query } from "./request.ts";

const TrustBody = v.object({ name: Path, publisher: PublisherKey });

/**
 * | route                      | does                                                  |
 * | -------------------------- | ----------------------------------------------------- |
 * | GET /api/v1/trust          | TrustEntry[]: the trusted publishers                  |
 * | POST /api/v1/trust         | TrustRequest → TrustEntry: the publisher from now on  |
 * | DELETE /api/v1/trust?name= | TrustEntry: the publisher until now                   |
 */
export function trustRoutes(api: PeerApi) {
  return new Hono()
    .get("/api/v1/trust", async (c) => c.json(await api.trust()))
    .post(
      "/api/v1/trust",
      json(TrustBody),
      async (c) => c.json(await api.accept(c.req.valid("json"))),
    )
    .delete("/api/v1/trust", query(NameQuery), async (c) => {
      return c.json(await api.forget(c.req.valid("query").name));
    });
}
