import type { PeerRecord } from "../../src/peer/peer_api.ts";
import { RawEnd } from "../support/sockets.ts";
import { eventually } from "./checks.ts";
import type { Peer, World } from "./world.ts";

/** What a proxy does to what goes from the source to the getter. */
export interface ProxyOptions {
  /** Bytes after which nothing is passed on until {@link Proxy.resume}. */
  pauseAfter?: number;
  /** Called with each payload that goes by, to do what it likes with it. */
  onPayload?: (payload: Uint8Array, message: Record<string, unknown>) => void;
}

/**
 * A TCP proxy between a getter and a source, so that "half-way" is an event. The source is listed by
 * the proxy's address: start it with `--advertise`, then call {@link lead}.
 */
export class Proxy {
  /** HOST:PORT to advertise. */
  readonly address: string;
  /** Resolves when the pause is reached. */
  readonly paused: Promise<void>;
  /** HOST:PORT of the source, once it is known. */
  readonly #target = Promise.withResolvers<string>();
  readonly #listener: Deno.TcpListener;
  readonly #options: ProxyOptions;
  readonly #reached = Promise.withResolvers<void>();
  readonly #resumed = Promise.withResolvers<void>();
  readonly #ends = new Set<RawEnd>();
  readonly #running: Promise<void>;
  #passed = 0;

  constructor(options: ProxyOptions = {}) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.address = `127.0.0.1:${this.#listener.addr.port}`;
    this.paused = this.#reached.promise;
    this.#running = this.#accept();
  }

  /** Leads to a peer that advertises this proxy, and waits until it is listed so. */
  async lead(world: World, source: Pick<Peer, "dir" | "address">): Promise<void> {
    this.#target.resolve(source.address);
    await eventually("the peer is listed by the proxy's address", async () => {
      const peers = await world.json<PeerRecord[]>(source.dir, ["list-peers"]);
      return peers.some(({ address, port }) => `${address}:${port}` === this.address);
    });
  }

  /** Passes on again, for good. */
  resume(): void {
    this.#resumed.resolve();
  }

  /** Ends every connection; new ones are passed on. */
  cut(): void {
    for (const end of this.#ends) end.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.resume();
    this.#target.resolve("127.0.0.1:0");
    this.cut();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const under: Promise<void>[] = [];
    for await (const conn of this.#listener) under.push(this.#serve(new RawEnd(conn)));
    await Promise.all(under);
  }

  async #serve(getter: RawEnd): Promise<void> {
    const [host, port] = (await this.#target.promise).split(":");
    let source: RawEnd;
    try {
      source = await RawEnd.connect({ host, port: Number(port) });
    } catch {
      return getter.close(); // the source is gone, and so it looks from the other side
    }
    this.#ends.add(getter).add(source);
    const close = () => {
      getter.close();
      source.close();
    };
    await Promise.all([
      this.#passRequests(getter, source).catch(() => {}).finally(close),
      this.#passReplies(source, getter).catch(() => {}).finally(close),
    ]);
  }

  async #passRequests(getter: RawEnd, source: RawEnd): Promise<void> {
    const buffer = new Uint8Array(65_536);
    for (let n; (n = await getter.conn.read(buffer));) await source.send(buffer.subarray(0, n));
  }

  async #passReplies(source: RawEnd, getter: RawEnd): Promise<void> {
    const { pauseAfter = Infinity, onPayload } = this.#options;
    for (let message; (message = await source.line());) {
      const payload = await source.bytes(message.payload ?? 0);
      onPayload?.(payload, message);
      this.#passed += payload.length;
      if (this.#passed > pauseAfter) {
        // The pause falls in the middle of a payload, where a broken connection hurts most.
        await getter.send(message, payload.subarray(0, payload.length / 2));
        this.#reached.resolve();
        await this.#resumed.promise;
        await getter.send(payload.subarray(payload.length / 2));
      } else {
        await getter.send(message, payload);
      }
    }
  }
}
