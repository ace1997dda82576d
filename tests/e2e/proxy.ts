import type { ListedPeer } from "../../src/peer/api/peer_api.ts";
import { closedPort, RawEnd } from "../support/sockets.ts";
import { eventually } from "./checks.ts";
import type { World } from "./world.ts";

/** The treatment of the bytes from the source to the getter. */
export interface ProxyOptions {
  /** Bytes after which nothing is passed on until {@link Proxy.resume}. */
  pauseAfter?: number;
  /** Called with each payload that goes by, to do what it likes with it. */
  onPayload?: (payload: Uint8Array, message: Record<string, unknown>) => void;
}

/**
 * A TCP proxy between a getter and a source, so that "half-way" is an event. The source, which World.peer
 * starts with it, is listed by the proxy's address.
 */
export class Proxy {
  /** HOST:PORT to advertise. */
  readonly address: string;
  /** HOST:PORT that it leads to, where the source is to listen. */
  readonly target: string;
  /** Resolves when the pause is reached. */
  readonly paused: Promise<void>;
  readonly #listener: Deno.TcpListener;
  readonly #options: ProxyOptions;
  readonly #reached = Promise.withResolvers<void>();
  readonly #resumed = Promise.withResolvers<void>();
  readonly #ends = new Set<RawEnd>();
  readonly #running: Promise<void>;
  #passed = 0;

  constructor(options: ProxyOptions = {}, target = `127.0.0.1:${closedPort()}`) {
    this.#options = options;
    this.target = target;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.address = `127.0.0.1:${this.#listener.addr.port}`;
    this.paused = this.#reached.promise;
    this.#running = this.#accept();
  }

  /** Resolves when the peer of a folder, which advertises this proxy, was called back and is listed so. */
  async listed(world: World, dir: string): Promise<void> {
    await eventually("the peer is listed by the proxy's address", async () => {
      const peers = await world.json<ListedPeer[]>(dir, ["list-peers"]);
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
    this.cut();
    await this.#running;
  }

  async #accept(): Promise<void> {
    const under: Promise<void>[] = [];
    for await (const conn of this.#listener) under.push(this.#serve(new RawEnd(conn)));
    await Promise.all(under);
  }

  async #serve(getter: RawEnd): Promise<void> {
    const [host, port] = this.target.split(":");
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
