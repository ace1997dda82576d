import type { Hono } from "hono";
import type { PeerApi } from "../../peer/peer_api.ts";
import { toApiError } from "../api_error.ts";

/**
 * | route                   | does                                            |
 * | ----------------------- | ----------------------------------------------- |
 * | GET /api/files?pattern= | lines: `{result}` with a ListedFile, or `{error}` |
 * | GET /api/versions?name= | ListedFile[]: every version that somebody has |
 */
export function filesRoutes(app: Hono, api: PeerApi): void {
  app.get("/api/files", (context) => {
    const files = api.listFiles(context.req.query("pattern"))[Symbol.asyncIterator]();
    const encoder = new TextEncoder();
    const encode = (value: unknown) => encoder.encode(JSON.stringify(value) + "\n");
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        try {
          const { value, done } = await files.next();
          if (done) controller.close();
          else controller.enqueue(encode({ result: value }));
        } catch (error) {
          controller.enqueue(encode(toApiError(error)));
          controller.close();
        }
      },
      cancel: () => void files.return?.(),
    });
    return new Response(body, { headers: { "content-type": "application/jsonl" } });
  });

  app.get("/api/versions", async (context) => {
    return context.json(await api.listVersions(context.req.query("name") ?? ""));
  });
}
