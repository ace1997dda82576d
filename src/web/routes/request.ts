import type { Env, HonoRequest, MiddlewareHandler, TypedResponse } from "hono";
import * as v from "valibot";
import { Fault, messageOf } from "../../fault.ts";
import { toApiError } from "../http/api_error.ts";
import { jsonLines, type Line } from "../http/json_lines.ts";

/** Most bytes in a request's body of JSON. */
const BODY_CAP = 1 << 16;

/** A file or peer id, or its beginning. */
export const ID = /^[0-9a-f]{8,64}$/;

/** A peer id or its beginning, or nothing. */
export const PublisherKey = v.optional(v.pipe(v.string(), v.regex(ID)));

/** A name or path, as long as any system takes. */
export const Path = v.pipe(v.string(), v.maxLength(4_096));

const FileId = v.optional(v.pipe(
  v.string(),
  v.regex(ID, ({ input }) => `"${input.slice(0, 80)}" is not a file id`),
));

/** A file by its name, and perhaps its id: in a body. */
export const NameBody = v.object({ name: Path, id: FileId });

/** The same in a query. */
export const NameQuery = v.object({ name: v.optional(v.string(), ""), id: FileId });

/** A name, and perhaps its publisher: an id that the user did not type comes with it. */
export const ContentQuery = v.object({ ...NameQuery.entries, publisher: PublisherKey });

/** A schema that a middleware holds requests to, and the part of the request that it is for. */
interface RequestSchema {
  part: "json" | "query";
  schema: v.GenericSchema;
}

/** The schemas of all middleware made here: the OpenAPI document is made from them. */
const schemas = new WeakMap<object, RequestSchema>();

/** The schema that a handler of a route checks requests by; undefined for one that checks none. */
export function requestSchemaOf(handler: object): RequestSchema | undefined {
  return schemas.get(handler);
}

/** Checks a request's JSON body; handlers and the client's types know it as `json`. */
export function json<S extends v.GenericSchema>(
  schema: S,
): MiddlewareHandler<
  Env,
  string,
  { in: { json: v.InferInput<S> }; out: { json: v.InferOutput<S> } }
> {
  return checking("json", schema, (req) => bodyOf(req, schema));
}

/** Checks a request's query; handlers and the client's types know it as `query`. */
export function query<S extends v.GenericSchema>(
  schema: S,
): MiddlewareHandler<
  Env,
  string,
  { in: { query: v.InferInput<S> }; out: { query: v.InferOutput<S> } }
> {
  return checking("query", schema, (req) => parse(schema, req.query(), "query"));
}

function checking(
  part: RequestSchema["part"],
  schema: v.GenericSchema,
  read: (req: HonoRequest) => unknown,
): MiddlewareHandler {
  const check: MiddlewareHandler = async ({ req }, next) => {
    req.addValidatedData(part, { ...await read(req) as object });
    await next();
  };
  schemas.set(check, { part, schema });
  return check;
}

/** The request's body, checked. Throws a `usage` Fault. */
async function bodyOf<S extends v.GenericSchema>(
  req: HonoRequest,
  schema: S,
): Promise<v.InferOutput<S>> {
  let body: unknown;
  try {
    const length = Number(req.header("content-length") ?? NaN);
    if (!(length <= BODY_CAP)) throw new RangeError(`it must have at most ${BODY_CAP} bytes`);
    body = await req.json();
  } catch (cause) {
    throw unreadable("body", cause);
  }
  return parse(schema, body, "body");
}

function parse<S extends v.GenericSchema>(schema: S, value: unknown, part: string) {
  try {
    return v.parse(schema, value);
  } catch (cause) {
    throw unreadable(part, cause);
  }
}

function unreadable(part: string, cause: unknown): Fault {
  return new Fault("usage", `Cannot read the request's ${part}: ${messageOf(cause)}`, { cause });
}

/** Lines of progress, and then how it ended. */
export async function work<Result, Told>(
  task: (emit: (line: Told) => void, signal: AbortSignal) => Promise<Result>,
  options?: { holdMs?: number },
): Promise<Response & TypedResponse<Line<Result, Told>>> {
  const response = await jsonLines(
    (emit, signal) =>
      task(emit, signal).then((result) => ({ result }), (error) => toApiError(error)),
    options,
  );
  return response as Response & TypedResponse<Line<Result, Told>>;
}
