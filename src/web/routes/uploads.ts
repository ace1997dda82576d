import { Hono } from "hono";
import { Fault } from "../../fault.ts";
import type { UiApi } from "../../peer/api/ui_api.ts";
import { work } from "./request.ts";

/** How often progress is told, in milliseconds. */
const PROGRESS_EVERY_MS = 200;

/**
 * | route                   | does                                                                     |
 * | ----------------------- | ------------------------------------------------------------------------ |
 * | PUT /api/uploads?name=  | the body, of any size, becomes DIR/name and is shared → lines: `{progress}`… |
 * |                         | with `{received, size?}`, and `{hashed, size}` where a file is hashed that was there; `{result}` with a ShareResult, or `{error}` |
 */
export function uploadsRoutes(api: UiApi) {
  return new Hono().put("/api/uploads", (context) => {
    const name = context.req.query("name") ?? "";
    const length = context.req.header("content-length");
    const size = length === undefined ? undefined : Number(length);
    if (size !== undefined && !Number.isSafeInteger(size)) {
      throw new Fault("usage", `Cannot take ${name}: "${length}" is not a size`);
    }
    const body = context.req.raw.body ?? new ReadableStream({ start: (empty) => empty.close() });
    return work((emit, signal) => {
      let next = 0;
      return api.upload({ name, size }, body, {
        signal,
        onProgress(progress) {
          if (performance.now() < next) return;
          next = performance.now() + PROGRESS_EVERY_MS;
          emit({ progress });
        },
      });
    });
  });
}
