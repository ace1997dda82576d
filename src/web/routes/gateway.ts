import { type Context, Hono } from "hono";
import * as v from "valibot";
import { Fault, inQuotes, quoted } from "../../fault.ts";
import type { OpenedFile, UiApi } from "../../peer/api/ui_api.ts";
import { parseRange } from "../http/byte_range.ts";
import { ID, query } from "./request.ts";

/** A file or peer id may be in capitals here; `key` is an address's, see ui_access.ts. */
const FileQuery = v.object({
  id: v.optional(v.string()),
  publisher: v.optional(v.string()),
  key: v.optional(v.string()),
});

/**
 * | route                     | does                                                                  |
 * | ------------------------- | --------------------------------------------------------------------- |
 * | GET, HEAD /files/NAME?id= | the file's verified bytes, also while they still arrive; with `Range` |
 * |                           | only the chunks that it needs are fetched. The ETag is the file id    |
 *
 * What fails before the first byte has a status; after it, the connection breaks.
 */
export function gatewayRoutes(api: UiApi) {
  return new Hono().get("/files/*", query(FileQuery), async (context) => {
    const asked = context.req.valid("query");
    const id = asked.id?.toLowerCase();
    const name = nameOf(context);
    if (id !== undefined && !ID.test(id)) {
      throw new Fault(
        "usage",
        `Cannot get ${inQuotes(name)}: "${id.slice(0, 80)}" is not a file id`,
      );
    }
    const publisher = asked.publisher?.toLowerCase();
    if (publisher !== undefined && !ID.test(publisher)) {
      throw new Fault(
        "usage",
        `Cannot get ${inQuotes(name)}: "${publisher.slice(0, 80)}" is not a peer id`,
      );
    }
    const gone = new AbortController();
    const stop = () => gone.abort(new DOMException("the client went away", "AbortError"));
    // A body that is not read is cancelled; this is for a client that goes before there is one.
    context.req.raw.signal.addEventListener("abort", stop);
    const file = await api.open({ name, id, publisher }, gone.signal);
    const tag = `"${file.id}"`;
    const headers = headersOf(file, tag);
    if (matches(context.req.header("if-none-match"), tag)) {
      return new Response(null, { status: 304, headers });
    }
    const condition = context.req.header("if-range");
    // A range is for GET alone: RFC 9110, section 14.2.
    const head = context.req.raw.method === "HEAD";
    const range = !head && (condition === undefined || condition === tag)
      ? parseRange(context.req.header("range"), file.size)
      : undefined;
    if (range === "unsatisfiable") {
      headers.set("content-range", `bytes */${file.size}`);
      return new Response(null, { status: 416, headers });
    }
    const { from, end } = range ?? { from: 0, end: file.size };
    headers.set("content-length", String(end - from));
    if (range) headers.set("content-range", `bytes ${from}-${end - 1}/${file.size}`);
    const status = range ? 206 : 200;
    if (head) return new Response(null, { status, headers });
    return new Response(await bodyOf(file.read(from, end, gone.signal), stop), { status, headers });
  });
}

const FILES = "/files/";

/** The name as it was sent: decoded once, whatever the router makes of it. */
function nameOf(context: Context): string {
  const { pathname } = new URL(context.req.url);
  // The router sees the path as it was sent, a URL without its `..`.
  if (!pathname.startsWith(FILES)) {
    throw new Fault("usage", `Cannot get ${quoted(pathname)}: it is not below ${FILES}`);
  }
  try {
    return decodeURIComponent(pathname.slice(FILES.length));
  } catch (cause) {
    throw new Fault("usage", "Cannot get that: the name is not valid percent-encoded UTF-8", {
      cause,
    });
  }
}

function headersOf({ name }: OpenedFile, tag: string): Headers {
  const base = name.split("/").pop()!;
  // Quotes, backslashes and what isn't ASCII stand in the second form (RFC 6266, appendix D).
  const plain = base.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(base).replace(/['()*]/g, percent);
  return new Headers({
    "accept-ranges": "bytes",
    "cache-control": "private, no-cache",
    "content-disposition": `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`,
    "content-type": "application/octet-stream",
    "etag": tag,
    "x-content-type-options": "nosniff",
  });
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

/** Compares weakly (RFC 9110, 13.1.2): a proxy may have weakened the tag. */
function matches(header: string | undefined, tag: string): boolean {
  const tags = header?.split(",").map((one) => one.trim().replace(/^W\//, "")) ?? [];
  return tags.some((one) => one === "*" || one === tag);
}

/** A body whose first bytes are there already: a failure before them is thrown. */
async function bodyOf(
  bytes: AsyncGenerator<Uint8Array>,
  stop: () => void,
): Promise<ReadableStream<Uint8Array>> {
  let first: IteratorResult<Uint8Array> | undefined = await bytes.next();
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = first ?? await bytes.next();
      first = undefined;
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      stop();
      await bytes.return(undefined).catch(() => {});
    },
  }, { highWaterMark: 0 });
}
