import { messageOf } from "../fault.ts";
import { toApiError } from "./api_error.ts";

const encoder = new TextEncoder();

/**
 * A response of JSON lines: `work` emits values as they come, and is told by the signal when nobody
 * reads them any more. Lines that the reader is too slow for are dropped, except the last one.
 */
export function jsonLines(
  work: (emit: (value: unknown) => void, signal: AbortSignal) => Promise<unknown>,
): Response {
  const gone = new AbortController();
  const line = (value: unknown) => encoder.encode(JSON.stringify(value) + "\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const emit = (value: unknown) => {
        if (!gone.signal.aborted && (controller.desiredSize ?? 0) > 0) {
          controller.enqueue(line(value));
        }
      };
      work(emit, gone.signal).catch((error) => ({ error: { message: messageOf(error) } })).then(
        (last) => {
          if (gone.signal.aborted) return;
          if (last !== undefined) controller.enqueue(line(last));
          controller.close();
        },
      );
    },
    cancel: () => gone.abort(new DOMException("the client went away", "AbortError")),
  }, { highWaterMark: 16 });
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}

/** Values that are sent together, where they are there already. */
const AT_ONCE = 64;

/** A response of lines `{result}`, as they are read; one that ends early has an error in its last line. */
export function streamLines(values: Iterable<unknown> | AsyncIterable<unknown>): Response {
  const results = linesOf(values);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { value, done } = await results.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: () => void results.return(),
  });
  return new Response(body, { headers: { "content-type": "application/jsonl" } });
}

async function* linesOf(
  values: Iterable<unknown> | AsyncIterable<unknown>,
): AsyncGenerator<string, void> {
  const line = (value: unknown) => JSON.stringify(value) + "\n";
  let text = "";
  let count = 0;
  try {
    for await (const result of values) {
      text += line({ result });
      if (++count % AT_ONCE > 0) continue;
      yield text;
      text = "";
    }
  } catch (error) {
    text += line(toApiError(error));
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
