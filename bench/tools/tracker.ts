import { bencode } from "./bencode.ts";

/** Seconds after which a client may ask again. */
const INTERVAL = 60;

/**
 * A BitTorrent tracker for one torrent on this machine (BEP 3, compact answers of BEP 23): lists the
 * ports that announced themselves, all on 127.0.0.1.
 */
export class Tracker implements AsyncDisposable {
  readonly #ports = new Set<number>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#answer(new URL(request.url).searchParams),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}/announce`;
  }

  /** True once a client announced that it listens on that port. */
  lists(port: number): boolean {
    return this.#ports.has(port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }

  #answer(query: URLSearchParams): Response {
    const port = Number(query.get("port"));
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      return new Response(bencode({ "failure reason": "port is missing" }));
    }
    if (query.get("event") === "stopped") this.#ports.delete(port);
    else this.#ports.add(port);
    const others = [...this.#ports].filter((other) => other !== port);
    const peers = new Uint8Array(
      others.flatMap((other) => [127, 0, 0, 1, other >> 8, other & 255]),
    );
    return new Response(bencode({ interval: INTERVAL, peers }));
  }
}
