import { Hono } from "hono";
import * as v from "valibot";
import { Fault, inQuotes } from "../../fault.ts";
import type { UiApi, UploadRequest } from "../../peer/api/ui_api.ts";
import { toApiError } from "../http/api_error.ts";
import { json, Path, query, work } from "./request.ts";

/** Interval of reporting progress, in milliseconds. */
const PROGRESS_EVERY_MS = 200;

/** Most files that one request may ask about; so they fit its body. */
const CHECK_CAP = 100;

const size = v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)));
const CheckBody = v.object({
  files: v.pipe(
    v.array(v.object({ name: Path, size, replace: v.optional(v.boolean()) })),
    v.maxLength(CHECK_CAP),
  ),
});

/** `1` is yes, `0` no. */
const UploadQuery = v.object({
  name: v.optional(v.string(), ""),
  replace: v.optional(v.string()),
  share: v.optional(v.string()),
});

/**
 * | route                                       | does                                                    |
 * | ------------------------------------------- | ------------------------------------------------------- |
 * | POST /api/v1/uploads/check                  | `{files: [{name, size?, replace?}]}` → of each null, or the error that it would end with |
 * | PUT /api/v1/uploads?name=&replace=1&share=0 | the body, of any size, becomes DIR/name and is shared, unless told otherwise → lines: `{progress}`… |
 * |                                             | with `{received, size?}`, and `{hashed, size}` where a file is hashed that was there; `{result}` with a ShareResult, or `{error}` |
 */
export function uploadsRoutes(api: UiApi) {
  return new Hono()
    .post("/api/v1/uploads/check", json(CheckBody), async (c) => {
      const faults = await api.checkUploads(c.req.valid("json").files);
      return c.json(faults.map((fault) => fault === undefined ? null : toApiError(fault).error));
    })
    .put("/api/v1/uploads", query(UploadQuery), (context) => {
      const { name, replace, share } = context.req.valid("query");
      const length = context.req.header("content-length");
      const size = length === undefined ? undefined : Number(length);
      if (size !== undefined && !Number.isSafeInteger(size)) {
        throw new Fault("usage", `Cannot take ${inQuotes(name)}: "${length}" is not a size`);
      }
      const body = context.req.raw.body ?? new ReadableStream({ start: (empty) => empty.close() });
      const request: UploadRequest = { name, size };
      if (replace === "1") request.replace = true;
      if (share === "0") request.share = false;
      return work((emit, signal) => {
        let next = 0;
        return api.upload(request, body, {
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
