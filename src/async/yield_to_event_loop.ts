import { setImmediate } from "node:timers";

/**
 * Lets whatever else is due have its turn, in the midst of much work that never waits. Throws the
 * signal's reason when it has aborted.
 */
export async function turn(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
