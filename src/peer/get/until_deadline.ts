import type { StreamRequest } from "../api/peer_api.ts";
import { abortAtDeadline } from "./abort_at_deadline.ts";

/**
 * Does some work on a request. Its signal aborts with `signal`, and with a `deadline` Fault when the time
 * of the request is up.
 */
export async function untilDeadline<T>(
  request: Pick<StreamRequest, "name" | "deadline">,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController();
  using _late = abortAtDeadline(ending, request);
  return await work(AbortSignal.any([ending.signal, ...(signal ? [signal] : [])]));
}
