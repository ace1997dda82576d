import { setImmediate } from "node:timers";

/**
 * Lets pending events run, in the midst of much work that never waits. Throws the signal's reason when
 * it has aborted.
 */
export async function yieldToEventLoop(signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal?.throwIfAborted();
}
