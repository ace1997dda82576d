import type { Context } from "hono";
import * as v from "valibot";
import { Fault, messageOf } from "../../fault.ts";
import { toApiError } from "../http/api_error.ts";
import { jsonLines } from "../http/json_lines.ts";

/** Most bytes in a request's body of JSON. */
const BODY_CAP = 1 << 16;

/** A file or peer id, or its beginning. */
export const ID = /^[0-9a-f]{8,64}$/;

/** A peer id or its beginning, or nothing. */
export const PublisherKey = v.optional(v.pipe(v.string(), v.regex(ID)));

/** A name or path, as long as any system takes. */
export const Path = v.pipe(v.string(), v.maxLength(4_096));

/** Names a download. */
export const NameBody = v.object({
  name: Path,
  id: v.optional(v.pipe(v.string(), v.regex(ID))),
});

/** The request's body, checked. Throws a `usage` Fault. */
export async function bodyOf<S extends v.GenericSchema>(
  context: Context,
  schema: S,
): Promise<v.InferOutput<S>> {
  try {
    const length = Number(context.req.header("content-length") ?? NaN);
    if (!(length <= BODY_CAP)) throw new RangeError(`it must have at most ${BODY_CAP} bytes`);
    return v.parse(schema, await context.req.json());
  } catch (cause) {
    throw new Fault("usage", `Cannot read the request's body: ${messageOf(cause)}`, { cause });
  }
}

/** Lines of progress, and then how it ended. */
export function work(
  task: (emit: (value: unknown) => void, signal: AbortSignal) => Promise<unknown>,
  options?: { holdMs?: number },
): Promise<Response> {
  return jsonLines(
    (emit, signal) =>
      task(emit, signal).then((result) => ({ result }), (error) => toApiError(error)),
    options,
  );
}
