import { assertEquals } from "@std/assert";
import { type Address, Connection, type ConnectionOptions } from "../../src/wire/connection.ts";
import { type Bytes, concat } from "./bytes.ts";

const encoder = new TextEncoder();
/** Silence after which a read fails, in milliseconds: longer than any that the program keeps. */
const SILENT_MS = 180_000;

/** One end of a TCP connection, spoken by hand: nothing of the program's own is in it. */
export class RawEnd {
  readonly conn: Deno.TcpConn;
  readonly #over = Promise.withResolvers<void>();
  #rest: Bytes = new Uint8Array();

  constructor(conn: Deno.TcpConn) {
    this.conn = conn;
  }

  /** Resolves when this end is closed. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  static async connect({ host, port }: Address): Promise<RawEnd> {
    return new RawEnd(await Deno.connect({ hostname: host, port }));
  }

  /** Sends text, or a value as a line of JSON, or bytes. */
  async send(...parts: (string | object | Uint8Array)[]): Promise<void> {
    for (const part of parts) {
      const bytes = part instanceof Uint8Array
        ? part
        : encoder.encode(typeof part === "string" ? part : JSON.stringify(part) + "\n");
      for (let at = 0; at < bytes.length;) at += await this.conn.write(bytes.subarray(at));
    }
  }

  /** The next line, parsed; null at the end. */
  // deno-lint-ignore no-explicit-any
  async line(): Promise<any> {
    for (;;) {
      const at = this.#rest.indexOf(10);
      if (at >= 0) return JSON.parse(new TextDecoder().decode(this.#take(at + 1)));
      if (!await this.#more()) {
        assertEquals(this.#rest.length, 0, "the last line is cut off");
        return null;
      }
    }
  }

  /** The next `count` bytes, or fewer at the end. */
  async bytes(count: number): Promise<Bytes> {
    while (this.#rest.length < count && await this.#more());
    return this.#take(count);
  }

  /** The next bytes, as they come; undefined at the end. */
  async some(): Promise<Bytes | undefined> {
    if (this.#rest.length === 0 && !await this.#more()) return;
    return this.#take(this.#rest.length);
  }

  /** Waits until the other end has closed, whatever else it says. */
  async closed(): Promise<void> {
    try {
      while (await this.#more()) this.#rest = new Uint8Array();
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
    }
  }

  close(): void {
    this.#over.resolve();
    try {
      this.conn.close();
    } catch {
      // Closed already.
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(count: number): Bytes {
    const taken = this.#rest.slice(0, count);
    this.#rest = this.#rest.slice(taken.length);
    return taken;
  }

  async #more(): Promise<boolean> {
    const buffer = new Uint8Array(65_536);
    const timer = setTimeout(() => this.close(), SILENT_MS);
    const n = await this.conn.read(buffer).finally(() => clearTimeout(timer));
    if (n) this.#rest = concat([this.#rest, buffer.subarray(0, n)]);
    return n !== null;
  }
}

/** Two ends of one TCP connection over loopback. */
export async function socketPair(): Promise<[Deno.TcpConn, Deno.TcpConn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return [conn, await accepted];
}

/** A Connection, and the other end of it by hand. Dispose of both with `using`. */
export async function connectionPair(
  options?: ConnectionOptions,
): Promise<{ connection: Connection; far: RawEnd } & Disposable> {
  const [near, far] = await socketPair();
  const pair = { connection: new Connection(near, options), far: new RawEnd(far) };
  const dispose = () => {
    pair.connection.close();
    pair.far.close();
  };
  return { ...pair, [Symbol.dispose]: dispose };
}

/** A listener whose every connection follows a script, then is closed. */
export class Scripted {
  readonly address: Address;
  /** Connections accepted so far. */
  accepted = 0;
  readonly #listener: Deno.TcpListener;
  readonly #ends = new Set<RawEnd>();
  readonly #running: Promise<void>;
  #failure: unknown;

  constructor(script: (end: RawEnd) => Promise<unknown>, host = "127.0.0.1") {
    this.#listener = Deno.listen({ hostname: host, port: 0 });
    this.address = { host, port: this.#listener.addr.port };
    this.#running = this.#run(script);
  }

  async #run(script: (end: RawEnd) => Promise<unknown>): Promise<void> {
    const scripts: Promise<unknown>[] = [];
    for await (const conn of this.#listener) {
      this.accepted++;
      const end = new RawEnd(conn);
      this.#ends.add(end);
      scripts.push(
        script(end).catch((error) => {
          // The other end going away ends a script; anything else is the test's own fault.
          const gone = [
            Deno.errors.BrokenPipe,
            Deno.errors.ConnectionReset,
            Deno.errors.BadResource,
            Deno.errors.Interrupted,
          ];
          if (!gone.some((kind) => error instanceof kind)) this.#failure ??= error;
        }).finally(() => end.close()),
      );
    }
    await Promise.all(scripts);
  }

  /** Ends what is still under way. Throws what a script threw. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const end of this.#ends) end.close();
    await this.#running;
    if (this.#failure) throw this.#failure;
  }
}

/** The same connection, with the length of each write noted. */
export function countingWrites(conn: Deno.Conn): { conn: Deno.Conn; writes: number[] } {
  const writes: number[] = [];
  const counted = new Proxy(conn, {
    get(target, key) {
      if (key === "write") {
        return async (bytes: Uint8Array) => {
          const written = await target.write(bytes);
          writes.push(written);
          return written;
        };
      }
      const value = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { conn: counted, writes };
}

/**
 * Ports that no common system gives to a program that asks for any (its range begins at 32768 or
 * later).
 */
const OWN_PORTS = { first: 12_000, count: 20_000 };

/**
 * A port on loopback where nothing listens, and that no connection or listener of another test
 * comes to by chance: for a peer that is away, or comes back to the same place.
 */
export function closedPort(): number {
  for (;;) {
    const port = OWN_PORTS.first + Math.floor(Math.random() * OWN_PORTS.count);
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
}
