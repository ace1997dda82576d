/** Most milliseconds slept in one go: longer, and a clock that is set or a machine that slept is missed. */
const LOOK_MS = 60_000;

/**
 * Calls `act` once the clock says `time` or more (both in milliseconds since 1970), unless the signal
 * aborts before. Keeps no process running.
 */
export function atTime(
  time: number,
  act: () => void,
  { now, signal }: { now: () => number; signal: AbortSignal },
): void {
  if (signal.aborted) return;
  const timer = setTimeout(() => {
    signal.removeEventListener("abort", cancel);
    if (now() >= time) act();
    else atTime(time, act, { now, signal });
  }, Math.max(0, Math.min(time - now(), LOOK_MS)));
  Deno.unrefTimer(timer);
  const cancel = () => clearTimeout(timer);
  signal.addEventListener("abort", cancel, { once: true });
}
