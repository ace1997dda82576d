import { assertEquals } from "@std/assert";
import type { UiApi } from "../../src/peer/api/ui_api.ts";
import { controlApi } from "../../src/web/control_api.ts";
import { readJsonLines } from "../../src/web/http/json_lines.ts";

/** The token that the API of a test asks for. */
export const TOKEN = "0123456789abcdef".repeat(4);

interface Asking {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A peer's control API, asked without a socket. */
export function control(api: UiApi) {
  const app = controlApi(api, { token: TOKEN });
  return async (method: string, route: string, { body, headers, signal }: Asking = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const length = text === undefined ? undefined : new TextEncoder().encode(text).length;
    return await app.fetch(
      new Request(`http://127.0.0.1:1${route}`, {
        ...{ method, body: text, signal },
        headers: {
          host: "127.0.0.1:1",
          authorization: `Bearer ${TOKEN}`,
          ...(length !== undefined && { "content-length": `${length}` }),
          ...headers,
        },
      }),
    );
  };
}

/** The values of an answer that is a stream of JSON lines. */
export async function linesOf(response: Response): Promise<unknown[]> {
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/jsonl");
  return await Array.fromAsync(readJsonLines(response.body!));
}
