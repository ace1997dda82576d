import { Fault, quoted } from "../../fault.ts";
import { realClock } from "../../async/clock.ts";
import { type TimeoutSignal, timeoutSignal } from "../../async/deadline.ts";
import type { StreamRequest } from "../api/peer_api.ts";

/**
 * A signal that aborts with `signal`, and with a `deadline` Fault when the time of a request is up, unless
 * it is disposed of before.
 */
export function requestDeadline(
  { name, deadline }: Pick<StreamRequest, "name" | "deadline">,
  signal?: AbortSignal,
): TimeoutSignal {
  const late = () => new Fault("deadline", `Cannot get ${quoted(name)}: the deadline passed`);
  // A deadline is a point in time, which comes while the machine sleeps too.
  return timeoutSignal(deadline, late, { signal, clock: realClock });
}
