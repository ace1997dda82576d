import type { TypedResponse } from "hono";
import { messageOf } from "../../fault.ts";
import { toApiError } from "./api_error.ts";
import { within } from "../../async/deadline.ts";

/** A line of an answer that takes a while: progress, or in the last line the result. */
export type Line<Result, Told = never> = Told | { result: Result };

const encoder = new TextEncoder();

/**
 * Work that takes no longer than this is answered in one piece, in milliseconds. Of several small writes the system
 * holds back all but the first until the reader's system has confirmed it, which takes 40 ms (RFC 896,
 * RFC 1122 4.2.3.2): much for a script that shares a thousand small files.
 */
const HOLD_MS = 20;

/** Most lines that wait for a slow reader. */
const LINES = 16;

/**
 * A response of JSON lines: `work` emits values as they come, and its signal aborts when the reader
 * has gone. Lines that the reader is too slow for are dropped, except the last one.
 */
export async function jsonLines(
  work: (emit: (value: unknown) => void, signal: AbortSignal) => Promise<unknown>,
  { holdMs = HOLD_MS }: { holdMs?: number } = {},
): Promise<Response> {
  const gone = new AbortController();
  const held: string[] = [];
  let write = (line: string): void => {
    if (held.length < LINES) held.push(line);
  };
  const done = work((value) => write(lineOf(value)), gone.signal)
    .catch((error) => ({ error: { message: messageOf(error) } }))
    .then((last) => last === undefined ? "" : lineOf(last));
  const all = await within(done, holdMs);
  if (all !== undefined) return response(held.join("") + all);
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      write = (line) => {
        if (!gone.signal.aborted && (controller.desiredSize ?? 0) > 0) {
          controller.enqueue(encoder.encode(line));
        }
      };
      for (const line of held) write(line);
      done.then((last) => {
        if (gone.signal.aborted) return;
        if (last !== "") controller.enqueue(encoder.encode(last));
        // A line that can't be sent any more cancels the body while it is enqueued.
        if (!gone.signal.aborted) controller.close();
      });
    },
    cancel: () => gone.abort(new DOMException("the client went away", "AbortError")),
  }, { highWaterMark: LINES });
  return response(body);
}

function lineOf(value: unknown): string {
  return JSON.stringify(value) + "\n";
}

function response(body: BodyInit): Response {
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}

/** Values that are sent together, where they are there already. */
const AT_ONCE = 64;

/** A response of lines `{result}`, as they are read; one that ends early has an error in its last line. */
export function streamLines<Result>(
  values: Iterable<Result> | AsyncIterable<Result>,
): Response & TypedResponse<Line<Result>> {
  const results = linesOf(values);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await results.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: () => void results.return(),
  });
  return response(body) as Response & TypedResponse<Line<Result>>;
}

async function* linesOf(
  values: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<string, void> {
  let text = "";
  let count = 0;
  try {
    for await (const result of values) {
      text += lineOf({ result });
      if (++count % AT_ONCE > 0) continue;
      yield text;
      text = "";
    }
  } catch (error) {
    text += lineOf(toApiError(error));
  }
  if (text !== "") yield text;
}

/** The values of a body of JSON lines, of at most `cap` characters each. */
export async function* readJsonLines(
  body: AsyncIterable<Uint8Array>,
  cap = 1 << 20,
): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    if (rest.length > cap) throw new RangeError(`a line of over ${cap} characters`);
    for (const line of lines) yield JSON.parse(line);
  }
  if (rest !== "") throw new SyntaxError("the last line is cut off");
}
