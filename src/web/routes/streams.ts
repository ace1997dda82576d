import { Hono } from "hono";
import { Fault } from "../../fault.ts";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import { abortable } from "../../async/retry.ts";
import { StreamBody, type Told } from "./downloads.ts";
import { json, work } from "./request.ts";

/**
 * | route                    | does                                                                  |
 * | ------------------------ | --------------------------------------------------------------------- |
 * | POST /api/v1/streams     | StreamRequest → first line `{content}`, a path; then as for downloads |
 * | GET /api/v1/streams/:key | the bytes of that stream, in order; once                              |
 */
export function streamsRoutes(api: PeerApi) {
  const streams = new Map<string, { body: ReadableStream<Uint8Array>; taken: () => void }>();

  return new Hono()
    .post("/api/v1/streams", json(StreamBody), (c) => {
      const key = crypto.randomUUID();
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const taken = Promise.withResolvers<void>();
      streams.set(key, { body: readable, taken: taken.resolve });
      return work(async (emit: (line: Told | { content: string }) => void, signal) => {
        emit({ content: `/api/v1/streams/${key}` });
        try {
          const receipt = await api.stream(c.req.valid("json"), writable, {
            signal,
            onProgress: (progress) => emit({ progress }),
            onEvent: (event) => emit({ event }),
          });
          // An empty file is over before it can be asked for.
          await abortable(taken.promise, signal);
          return receipt;
        } finally {
          streams.delete(key);
        }
        // Nothing moves before the first line has come.
      }, { holdMs: 0 });
    })
    .get("/api/v1/streams/:key", (c) => {
      const key = c.req.param("key");
      const stream = streams.get(key);
      if (!stream) throw new Fault("not_found", "there is no such stream");
      streams.delete(key);
      stream.taken();
      return new Response(stream.body, { headers: { "content-type": "application/octet-stream" } });
    });
}
