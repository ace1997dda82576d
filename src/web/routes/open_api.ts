import { Hono } from "hono";

/**
 * | route                 | does                                                        |
 * | --------------------- | ----------------------------------------------------------- |
 * | GET /api/openapi.json | the OpenAPI document of all routes: docs/openapi.json, as it is |
 *
 * It says nothing about this peer, so every client gets it.
 */
export function openApiRoutes() {
  return new Hono().get("/api/openapi.json", async (c) => {
    const { default: document } = await import("../../../docs/openapi.json", {
      with: { type: "json" },
    });
    return c.json(document);
  });
}
