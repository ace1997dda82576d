/**
 * A TCP connection that carries messages: bounded lines in, exact payloads in, one write per message
 * out, a time limit on every wait. Neither side of the protocol is in here.
 */
import { Fault, isAbort, messageOf } from "../fault.ts";
import type { RateLimiter } from "../async/rate_limiter.ts";
import { type Address, formatAddress } from "./address.ts";
import { watchAddress } from "./address_watch.ts";
import { decodeLine, encodeMessage, type Message, type Outgoing } from "./codec.ts";
import { giveBuffer, isPooledBuffer, takeBuffer } from "./buffer_pool.ts";
import { HANDSHAKE_MS, LEAST_RATE, LINE_CAP, PROGRESS_MS } from "./protocol.ts";
import { inTheClear, OtherSwarm, type Socket, type Transport } from "./transport.ts";
import { awakeClock } from "../async/clock.ts";
import { Watchdog } from "../async/watchdog.ts";
import { Mutex } from "../async/mutex.ts";
import { timeoutSignal } from "../async/deadline.ts";

export { type Address, formatAddress };

export interface ConnectionOptions {
  /** Most bytes in a line. Default {@link LINE_CAP}. */
  lineCap?: number;
  /** Bytes of the line buffer at first: a connection that says little costs little. Default 4,096. */
  firstBuffer?: number;
  /** Time without progress after which a message is given up. Default {@link PROGRESS_MS}. */
  progressMs?: number;
  /** Pace what is sent. Default none. */
  limitUp?: RateLimiter[];
  /** Pace the payloads that are read, so that TCP makes the other end wait. Default none. */
  limitDown?: RateLimiter[];
  /** The transport of the connection. Default in the clear. */
  transport?: Transport;
  /** The ids of which the other end must have one, where that is a peer; none for any. */
  peers?: ReadonlySet<string>;
}

const FIRST_BUFFER = 4_096;
const NO_BUFFER = new Uint8Array();
/** The factor by which a line's buffer grows where lines may be longer than most. */
const GROWTH = 32;
/** Messages up to this many bytes are not kept waiting by a limit on what is sent; they only count. */
const UNPACED = 1_024;
/** A message that has begun and doesn't go on for this long is nudged, in milliseconds. */
const NUDGE_MS = 2;
/** A payload may come so many times slower than those before it came. */
const SLOWER = 32;
/** Least bytes to tell a rate from. */
const RATE_SAMPLE = 16_384;
/** The first byte of a TLS record from a caller (a handshake) or a callee (an alert). */
const TLS_RECORDS = [0x16, 0x15];

/**
 * A socket's address. An IPv4 address that a dual-stack socket shows as `::ffff:192.0.2.1` is given
 * as what it is, since others may have no IPv6.
 */
function addressOf(addr: Deno.Addr): Address {
  const { hostname, port } = addr as Deno.NetAddr;
  return { host: hostname.replace(/^::ffff:(?=\d+\.)/i, ""), port };
}

/** A line has more bytes than its reader makes room for. */
export class LineTooLong extends Fault {
  constructor(message: string) {
    super("network", message);
  }
}

export class Connection {
  /** The other end. */
  readonly remote: Address;
  /** This end. */
  readonly local: Address;
  readonly #conn: Socket;
  readonly #lineCap: number;
  readonly #firstBuffer: number;
  /** Time without progress after which a message is given up, in milliseconds. */
  readonly progressMs: number;
  readonly transport: Transport;
  readonly #limitUp: RateLimiter[];
  readonly #limitDown: RateLimiter[];
  readonly #closing = new AbortController();
  readonly #readWatch = new Watchdog((expected) => this.#giveUp(expected));
  readonly #writeWatch = new Watchdog((expected) => this.#giveUp(expected));
  #nudgeWatch: Watchdog | undefined;
  /** Read but not yet consumed: `#buffer[#start, #end)`. */
  #buffer: Uint8Array<ArrayBuffer>;
  #start = 0;
  #end = 0;
  /** True while the first byte of a message is being waited for. */
  #waiting = false;
  /** While the system may write into the buffer. */
  #filling = false;
  /** True for a further connection of a caller that has one: it is closed when its place is needed. */
  yields = false;
  /** Bytes of the line that was read last. */
  lineBytes = 0;
  readonly #writing = new Mutex();
  /** Fails the write under way. */
  #interrupt: ((error: Error) => void) | undefined;
  #reason: Fault | undefined;
  /** Bytes per second at which the last long payload came. */
  #rate = 0;
  /** Since when a write waits for the other end to read, by the awake clock. */
  #blockedAt: number | undefined;

  constructor(conn: Socket, options: ConnectionOptions = {}) {
    this.#conn = conn;
    this.#lineCap = options.lineCap ?? LINE_CAP;
    this.#firstBuffer = options.firstBuffer ?? FIRST_BUFFER;
    this.#buffer = new Uint8Array(this.#firstBuffer);
    this.progressMs = options.progressMs ?? PROGRESS_MS;
    this.#limitUp = options.limitUp ?? [];
    this.#limitDown = options.limitDown ?? [];
    this.transport = options.transport ?? inTheClear;
    this.remote = addressOf(conn.remoteAddr);
    this.local = addressOf(conn.localAddr);
  }

  /**
   * Opens a connection within {@link HANDSHAKE_MS} (or `ms`), and joins the swarm where it is private.
   * Throws a `network` Fault that names the address and the reason, or the signal's own reason.
   */
  static open(
    address: Address,
    options: ConnectionOptions & { signal?: AbortSignal; ms?: number } = {},
  ): Promise<Connection> {
    const { transport = inTheClear, peers } = options;
    const connect = (signal: AbortSignal) => transport.connect(address, signal, peers);
    return Connection.over(connect, formatAddress(address), options);
  }

  /**
   * As {@link open}, over the socket that `connect` gives: it is closed here. `where` is what messages
   * call the other end.
   */
  static async over(
    connect: (signal: AbortSignal) => Promise<Socket>,
    where: string,
    options: ConnectionOptions & { signal?: AbortSignal; ms?: number } = {},
  ): Promise<Connection> {
    const { signal, ms = HANDSHAKE_MS } = options;
    const late = new DOMException("the handshake took too long", "AbortError");
    using ends = timeoutSignal(ms, () => late, { signal });
    const { signal: either } = ends;
    let connection: Connection | undefined;
    const abort = () => connection?.close();
    try {
      connection = new Connection(await connect(either), options);
      either.addEventListener("abort", abort);
      either.throwIfAborted();
      await connection.transport.join(connection);
      connection.#watchLocal();
      return connection;
    } catch (cause) {
      connection?.close();
      signal?.throwIfAborted();
      if (cause instanceof OtherSwarm && !either.aborted) throw cause;
      const why = either.aborted || isAbort(cause)
        ? `no answer within ${ms / 1000} s`
        : messageOf(cause).replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase());
      throw new Fault("network", `Cannot connect to ${where}: ${why}`, { cause });
    } finally {
      either.removeEventListener("abort", abort);
    }
  }

  /** Closes this connection when the machine loses the address that it is from. */
  #watchLocal(): void {
    const { host } = this.local;
    const stop = watchAddress(host, () => {
      this.close(
        new Fault("network", `${this} ended: this machine no longer has the address ${host}`),
      );
    });
    if (this.closed) stop();
    else this.closing.addEventListener("abort", stop, { once: true });
  }

  /** True for TLS; of one that was accepted it is known with the first message. */
  get encrypted(): boolean {
    return this.transport.secured || this.#conn.encrypted === true;
  }

  /** True once either end has closed, or an error has. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Aborts, with a Fault, when {@link closed} becomes true. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /**
   * The next message, or null when the other end has closed between messages. Waits `idleMs`
   * (default: no progress limit but the connection's own) for its first byte.
   */
  async read(idleMs: number = this.progressMs): Promise<Message | null> {
    const line = await this.readLine(idleMs);
    try {
      return line && decodeLine(line);
    } catch (error) {
      this.#dropBuffer();
      throw error;
    }
  }

  /**
   * From now on `nudge` is called when a message that has begun doesn't go on for a moment. Where the
   * other end can't turn Nagle's algorithm off, it may be holding the rest back until what it sent is
   * acknowledged, and the system delays that by some 40 ms unless there is something to send along.
   */
  onPause(nudge: () => void): void {
    this.#nudgeWatch = new Watchdog(nudge);
  }

  /** A message that is being waited for must from now on begin within `ms` milliseconds. */
  hasten(ms: number = this.progressMs): void {
    if (this.#waiting) this.#readWatch.expect("a message", ms);
  }

  /**
   * The next line without its newline, to be used at once; null as in {@link read}. It is valid until
   * the next read, and no longer than this turn of the event loop when the connection is closed.
   */
  async readLine(idleMs: number = this.progressMs): Promise<Uint8Array | null> {
    this.#waiting = this.#start === this.#end;
    // A long line's room is not kept for as long as the connection says nothing.
    if (this.#waiting && this.#buffer.length !== this.#firstBuffer) {
      this.#dropBuffer();
      this.#buffer = new Uint8Array(this.#firstBuffer);
    }
    if (this.#waiting) this.#readWatch.expect("a message", idleMs);
    else this.#readWatch.expect("the rest of a message", this.progressMs);
    let scanned = 0;
    try {
      for (;;) {
        const at = this.#buffer.subarray(this.#start + scanned, this.#end).indexOf(10);
        if (at >= 0) {
          const line = this.#buffer.subarray(this.#start, this.#start + scanned + at);
          this.#start += scanned + at + 1;
          this.lineBytes = line.length;
          return line;
        }
        scanned = this.#end - this.#start;
        if (scanned >= this.#lineCap) {
          throw new LineTooLong(`${this} sent a line of more than ${this.#lineCap} bytes`);
        }
        this.#makeRoom();
        this.#filling = true;
        const n = await this.#readInto(this.#buffer.subarray(this.#end), scanned > 0);
        this.#filling = false;
        if (n === null) {
          if (scanned === 0) return null;
          throw new Fault("network", `${this} closed the connection in the middle of a message`);
        }
        // The limit on a line counts from its first byte: a byte a second is not progress.
        if (scanned === 0) this.#readWatch.expect("the rest of a message", this.progressMs);
        this.#waiting = false;
        this.#end += n;
        // What is no JSON for sure needn't be waited for.
        if (scanned === 0 && TLS_RECORDS.includes(this.#buffer[this.#start]!)) {
          throw new OtherSwarm(String(this), "it speaks TLS, as the members of a private swarm do");
        }
      }
    } catch (error) {
      this.#dropBuffer();
      throw error;
    } finally {
      this.#filling = this.#waiting = false;
      this.#readWatch.relax();
    }
  }

  /**
   * Fills `into` with the payload that follows the message just read. It must go on every
   * {@link progressMs}, and come as a whole within that time and its size at a least rate, which is
   * higher for an end that was quicker before. The time that this end's own limits take does not count.
   * `onBytes` is called with the number of bytes as they come.
   */
  async readPayload(into: Uint8Array, onBytes: (bytes: number) => void = () => {}): Promise<void> {
    let filled = Math.min(this.#end - this.#start, into.length);
    into.set(this.#buffer.subarray(this.#start, this.#start + filled));
    this.#start += filled;
    const awaited = into.length - filled;
    let left = this.progressMs + 1_000 * awaited / Math.max(LEAST_RATE, this.#rate / SLOWER);
    const allowed = left;
    if (filled > 0) onBytes(filled);
    try {
      await this.#pace(this.#limitDown, filled);
      while (filled < into.length) {
        const began = awakeClock.now();
        this.#readWatch.expect("the rest of a payload", Math.min(left, this.progressMs));
        const most = Math.min(into.length, filled + pieceOf(this.#limitDown));
        const n = await this.#readInto(into.subarray(filled, most), true);
        if (n === null) {
          throw new Fault("network", `${this} closed the connection in the middle of a payload`);
        }
        filled += n;
        this.#readWatch.relax();
        left -= awakeClock.now() - began;
        onBytes(n);
        await this.#pace(this.#limitDown, n);
      }
      if (awaited >= RATE_SAMPLE) this.#rate = 1_000 * awaited / Math.max(1, allowed - left);
    } finally {
      this.#readWatch.relax();
    }
  }

  /** Sends a message, with its payload where it has one. Concurrent calls go out one by one. */
  send(message: Outgoing, payload?: Uint8Array): Promise<void> {
    return this.sendBytes(encodeMessage(message, payload));
  }

  /** Sends bytes that are already a whole message; they must not change until this resolves. */
  sendBytes(bytes: Uint8Array): Promise<void> {
    return this.#writing.run(() => this.#write(bytes));
  }

  /**
   * The socket below, for whatever is no message from now on. Nothing else may be under way here. Either
   * of the two closes both.
   */
  detach(): Socket {
    this.#readWatch.stop();
    this.#writeWatch.stop();
    this.#nudgeWatch?.stop();
    const conn = this.#conn;
    let rest = this.#buffer.slice(this.#start, this.#end);
    this.#dropBuffer();
    return {
      tcp: rest.length === 0 && "setNoDelay" in conn ? conn as Deno.TcpConn : undefined,
      remoteAddr: conn.remoteAddr,
      localAddr: conn.localAddr,
      encrypted: this.encrypted,
      read: (into) => {
        if (rest.length === 0) return conn.read(into);
        const part = rest.subarray(0, into.length);
        into.set(part);
        rest = rest.subarray(part.length);
        return Promise.resolve(part.length);
      },
      write: (bytes) => conn.write(bytes),
      close: () => this.close(),
    };
  }

  /** True when it was closed while the other end did not read: the system keeps the socket for a while. */
  get leftUnread(): boolean {
    return this.closed && this.#blockedAt !== undefined;
  }

  /** Closes at once. Reads and writes under way fail with `reason`, where one is given. */
  close(reason?: Fault): void {
    if (this.closed) return;
    this.#reason = reason;
    this.#closing.abort(reason ?? new Fault("network", `${this} was closed`));
    this.#readWatch.stop();
    this.#writeWatch.stop();
    this.#nudgeWatch?.stop();
    try {
      this.#conn.close();
    } catch {
      // The runtime closes a connection by itself when its resource is gone.
    }
    this.#interrupt?.(new Deno.errors.Interrupted("closed"));
    // The receiver of a line reads it before the event loop goes round again.
    if (isPooledBuffer(this.#buffer)) setTimeout(() => this.#filling || this.#dropBuffer());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** The other end's address, for messages. */
  toString(): string {
    return formatAddress(this.remote);
  }

  /** For how long the other end has not read anything of what is being sent, in milliseconds. */
  get blockedMs(): number {
    return this.closed || this.#blockedAt === undefined ? 0 : awakeClock.now() - this.#blockedAt;
  }

  /** As {@link readPayload}: what is sent must be read at a least rate. */
  async #write(bytes: Uint8Array): Promise<void> {
    let left = this.progressMs + 1_000 * bytes.length / LEAST_RATE;
    const paced = bytes.length > UNPACED;
    if (!paced) { for (const limiter of this.#limitUp) limiter.spend(bytes.length); }
    try {
      while (bytes.length > 0) {
        let piece = bytes;
        if (paced) {
          piece = bytes.subarray(0, pieceOf(this.#limitUp));
          await this.#pace(this.#limitUp, piece.length);
        }
        bytes = bytes.subarray(piece.length);
        while (piece.length > 0) {
          if (this.closed) throw new Deno.errors.BadResource("closed");
          this.#writeWatch.expect("the other end to read", Math.min(left, this.progressMs));
          const began = this.#blockedAt = awakeClock.now();
          piece = piece.subarray(await this.#writeSome(piece));
          this.#blockedAt = undefined;
          left -= awakeClock.now() - began;
        }
        this.#writeWatch.relax();
      }
    } catch (cause) {
      throw this.#reason ?? new Fault("network", `${this} closed the connection`, { cause });
    } finally {
      if (!this.closed) this.#blockedAt = undefined;
      this.#writeWatch.relax();
    }
  }

  /** Waits until all limiters let `bytes` more bytes pass. Throws when the connection is closed. */
  async #pace(limiters: RateLimiter[], bytes: number): Promise<void> {
    for (const limiter of limiters) {
      if (bytes > 0 && limiter.rate !== undefined) {
        await limiter.take(bytes, this.closing).catch((cause) => {
          throw this.#reason ?? new Fault("network", `${this} closed the connection`, { cause });
        });
      }
    }
  }

  /** One write; it ends when the connection is closed, which in Deno 2.5 it would not by itself. */
  #writeSome(bytes: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      this.#conn.write(bytes).then(resolve, reject);
    });
  }

  /** `begun`: in the middle of a message. */
  async #readInto(into: Uint8Array, begun: boolean): Promise<number | null> {
    try {
      if (this.closed) throw new Deno.errors.BadResource("closed");
      if (begun) this.#nudgeWatch?.expect("more", NUDGE_MS);
      const n = await this.#conn.read(into);
      this.#nudgeWatch?.relax();
      return n;
    } catch (cause) {
      const fault = this.#reason ??
        new Fault("network", `${this} closed the connection`, { cause });
      // Whatever else waits for this connection needn't.
      this.close(fault);
      throw fault;
    }
  }

  /** Nothing is read into it at this time, and what is left in it is not needed. */
  #dropBuffer(): void {
    giveBuffer(this.#buffer);
    this.#buffer = NO_BUFFER;
    this.#start = this.#end = 0;
  }

  /** Leaves free space behind `#end`, without ever holding more than a line's cap. */
  #makeRoom(): void {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end < this.#buffer.length) return;
    const grown = this.#lineCap === LINE_CAP
      ? takeBuffer()
      : new Uint8Array(Math.min(this.#buffer.length * GROWTH, this.#lineCap));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }

  #giveUp(expected: string): void {
    this.close(new Fault("network", `${this} made no progress: gave up waiting for ${expected}`));
  }
}

/** The most bytes to move at a time. */
function pieceOf(limiters: RateLimiter[]): number {
  let piece = Infinity;
  for (const limiter of limiters) piece = Math.min(piece, limiter.piece);
  return piece;
}
