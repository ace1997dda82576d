import type { Hono } from "hono";
import { Fault } from "../../fault.ts";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { abortable } from "../../async/retry.ts";
import { StreamBody } from "./downloads.ts";
import { bodyOf, work } from "./request.ts";

/**
 * | route                 | does                                                                  |
 * | --------------------- | --------------------------------------------------------------------- |
 * | POST /api/streams     | StreamRequest → first line `{content}`, a path; then as for downloads |
 * | GET /api/streams/:key | the bytes of that stream, in order; once                              |
 */
export function streamsRoutes(app: Hono, api: PeerApi): void {
  const streams = new Map<string, { body: ReadableStream<Uint8Array>; taken: () => void }>();

  app.post("/api/streams", async (context) => {
    const request = await bodyOf(context, StreamBody);
    const key = crypto.randomUUID();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const taken = Promise.withResolvers<void>();
    streams.set(key, { body: readable, taken: taken.resolve });
    return work(async (emit, signal) => {
      emit({ content: `/api/streams/${key}` });
      try {
        const onProgress = (progress: unknown) => emit({ progress });
        const onEvent = (event: unknown) => emit({ event });
        const receipt = await api.stream(request, writable, { signal, onProgress, onEvent });
        // An empty file is over before it can be asked for.
        await abortable(taken.promise, signal);
        return receipt;
      } finally {
        streams.delete(key);
      }
      // Nothing moves before the first line has come.
    }, { holdMs: 0 });
  });

  app.get("/api/streams/:key", (context) => {
    const key = context.req.param("key");
    const stream = streams.get(key);
    if (!stream) throw new Fault("not_found", "there is no such stream");
    streams.delete(key);
    stream.taken();
    return new Response(stream.body, { headers: { "content-type": "application/octet-stream" } });
  });
}
