import type { RateLimiter } from "../async/rate_limiter.ts";
import { Watchdog } from "../async/watchdog.ts";
import { closeQuietly, type Socket, writeAll } from "../wire/transport.ts";

/** The buffer of one direction at first, in bytes; it doubles while reads fill it. */
const FIRST_BUFFER = 4_096;
const LAST_BUFFER = 131_072;

interface CarryOptions {
  /** The limit of both directions together. */
  limiter: RateLimiter;
  /** Time after which two ends that say nothing are parted, in milliseconds. */
  idleMs: number;
  /** Asked before so many bytes are passed on; false ends it. */
  mayPass: (bytes: number) => boolean;
  /** Ends it. */
  signal: AbortSignal;
}

/**
 * Passes on what each of two ends sends to the other, until either has closed, and then closes both. The
 * sender waits while the receiver does not read, so no more is held than a buffer for each.
 */
export async function carry(
  one: Socket,
  other: Socket,
  { limiter, idleMs, mayPass, signal }: CarryOptions,
): Promise<void> {
  const over = new AbortController();
  const end = () => {
    over.abort();
    for (const socket of [one, other]) closeQuietly(socket);
  };
  const idle = new Watchdog(end);
  const pass = async (from: Socket, to: Socket) => {
    let buffer = new Uint8Array(FIRST_BUFFER);
    for (;;) {
      // A small limit is asked for small pieces, so that many ends take turns.
      const n = await from.read(buffer.subarray(0, limiter.piece));
      if (n === null || !mayPass(n)) return;
      await limiter.take(n, over.signal);
      await writeAll(to, buffer.subarray(0, n));
      idle.expect("bytes", idleMs);
      if (n === buffer.length && n < LAST_BUFFER) buffer = new Uint8Array(2 * n);
    }
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  idle.expect("bytes", idleMs);
  try {
    await Promise.allSettled([
      pass(one, other).finally(end),
      pass(other, one).finally(end),
    ]);
  } finally {
    signal.removeEventListener("abort", end);
    idle.stop();
  }
}
