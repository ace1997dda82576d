import { Fault } from "../../fault.ts";
import type { StreamRequest } from "../api/peer_api.ts";
import { realClock } from "../../async/clock.ts";
import { deadline } from "../../async/deadline.ts";

/** Aborts with a `deadline` Fault when the time of a request is up, unless it is disposed of before. */
export function abortAtDeadline(
  ending: AbortController,
  { name, deadline: ms }: Pick<StreamRequest, "name" | "deadline">,
): Disposable {
  const late = () => ending.abort(new Fault("deadline", `Cannot get ${name}: the deadline passed`));
  // A deadline is a point in time, which comes while the machine sleeps too.
  return deadline(ms, late, realClock);
}
