import { Fault } from "../../fault.ts";
import type { StreamRequest } from "../api/peer_api.ts";

/** Has what is `ending` end when a request's time is up, unless it is disposed of before. */
export function abortAtDeadline(
  ending: AbortController,
  { name, deadline }: Pick<StreamRequest, "name" | "deadline">,
): Disposable {
  const timer = deadline === undefined ? undefined : setTimeout(
    () => ending.abort(new Fault("deadline", `Cannot get ${name}: the deadline passed`)),
    deadline,
  );
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
