import { abortable } from "../async/retry.ts";

/** For how long answers under way are waited for when the server stops, in milliseconds. */
const GRACE_MS = 3_000;

/** An HTTP server that stops, whatever its callers do. */
export class WebServer {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #answers: Set<Promise<void>>;
  readonly #closing: AbortController;

  private constructor(
    server: Deno.HttpServer<Deno.NetAddr>,
    { answers, closing }: { answers: Set<Promise<void>>; closing: AbortController },
  ) {
    this.#server = server;
    this.#answers = answers;
    this.#closing = closing;
  }

  /** Port 0 is any free one. Throws what the system says when the port can't be listened on. */
  static listen(
    { hostname, port, onError }: Pick<Deno.ServeTcpOptions, "hostname" | "port" | "onError">,
    handler: Deno.ServeHandler<Deno.NetAddr>,
  ): WebServer {
    const answers = new Set<Promise<void>>();
    const closing = new AbortController();
    const server = Deno.serve(
      { hostname, port, signal: closing.signal, onListen() {}, ...(onError && { onError }) },
      async (request, info) => {
        const answered = info.completed.catch(() => {}).finally(() => answers.delete(answered));
        answers.add(answered);
        const response = await handler(request, info);
        // What is left of its body ends the connection. Who isn't told so would use it once more.
        if (response.status >= 400 && request.body) response.headers.set("connection", "close");
        return response;
      },
    );
    return new WebServer(server, { answers, closing });
  }

  get address(): Deno.NetAddr {
    return this.#server.addr;
  }

  /**
   * Lets pending answers go out, but not for ever, and closes. `shutdown()` of Deno isn't used: it
   * waits for callers whose body was refused, or that read nothing, for as long as they stay.
   */
  async stop(): Promise<void> {
    const late = AbortSignal.timeout(GRACE_MS);
    await abortable(Promise.all(this.#answers), late).catch(() => {});
    this.#closing.abort();
    await this.#server.finished;
  }
}
