/**
 * One connection to a private listener, from the outside to the listener's own TLS on loopback. The
 * runtime gives no hold of the socket below a TLS connection, and doesn't close it before the
 * handshake is over: a silent caller would keep it for ever. So the outside is a plain socket here,
 * which can be closed at any time, and on which Nagle's algorithm can be turned off.
 */
import { closeQuietly, type Socket, writeAll } from "../../wire/transport.ts";
import { FIRST_BUFFER, pump } from "./pump.ts";

/** Time for what was sent last to reach the other end once this one has closed, in milliseconds. */
const LINGER_MS = 5_000;

/** The inside of a connection: the end that is pumped to, and the TLS at the other. */
export interface Inside {
  end: Deno.TcpConn;
  tls: Deno.TlsConn;
}

/** The socket that leads outside, where TLS has not begun. */
type Outside = Socket & Partial<Pick<Deno.TcpConn, "setNoDelay">>;

export class Gate {
  readonly encrypted = true;
  readonly remoteAddr: Deno.Addr;
  readonly localAddr: Deno.Addr;
  readonly #outside: Outside;
  readonly #inside: Promise<Inside>;
  readonly #ended: Promise<void>;
  #tls: Deno.TlsConn | undefined;
  #end: Deno.TcpConn | undefined;
  /** True once the handshake is over, or has failed: then TLS lets go of its socket by itself. */
  #settled = false;
  #closed = false;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** `enter` is called when the other end says something; `first` is what it has said already. */
  constructor(outside: Outside, enter: () => Promise<Inside>, first?: Uint8Array) {
    outside.setNoDelay?.(true);
    this.remoteAddr = outside.remoteAddr;
    this.localAddr = outside.localAddr;
    this.#outside = outside;
    const { promise, resolve, reject } = Promise.withResolvers<Inside>();
    this.#inside = promise;
    promise.catch(() => {}); // until it is awaited
    this.#ended = this.#run(enter, resolve, first).catch(reject).finally(() => {
      reject(new Deno.errors.UnexpectedEof("closed before the handshake"));
      this.abort();
    });
  }

  /** Resolves when nothing is left of it. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const tls = this.#tls ?? (await this.#inside).tls;
    try {
      return await tls.read(into);
    } finally {
      this.#settled = true;
    }
  }

  async write(bytes: Uint8Array): Promise<number> {
    return await (this.#tls ?? (await this.#inside).tls).write(bytes);
  }

  /** Lets what was written, or the word that TLS failed, reach the other end for a short time. */
  close(): void {
    if (!this.#settled) return this.abort();
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#tls);
    this.#linger = setTimeout(() => this.abort(), LINGER_MS);
    Deno.unrefTimer(this.#linger);
  }

  /** Closes at once, whatever the other end does. */
  abort(): void {
    this.#closed = true;
    clearTimeout(this.#linger);
    for (const one of [this.#outside, this.#end, this.#tls]) closeQuietly(one);
  }

  async #run(
    enter: () => Promise<Inside>,
    resolve: (inside: Inside) => void,
    said?: Uint8Array,
  ): Promise<void> {
    const first = said ?? await this.#readFirst();
    if (!first) return;
    const inside = await enter();
    this.#end = inside.end;
    this.#tls = inside.tls;
    resolve(inside);
    await writeAll(inside.end, first);
    // What comes from outside ends with the outside; what goes there must all have gone.
    const inward = pump(this.#outside, inside.end).finally(() => closeQuietly(inside.end));
    await pump(inside.end, this.#outside).finally(() => closeQuietly(this.#outside));
    await inward;
  }

  async #readFirst(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(FIRST_BUFFER);
    const n = await this.#outside.read(buffer);
    return n === null ? undefined : buffer.subarray(0, n);
  }
}
