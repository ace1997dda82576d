import type { Stop } from "./stop.ts";

/**
 * Reloads on each SIGHUP, until it is disposed of; stops when the terminal that this was started from
 * is gone. Windows has no such signal.
 */
export function onHangUp(stop: Stop, reload: () => void): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]() {} };
  const onTerminal = Deno.stdin.isTerminal();
  const act = () => {
    if (onTerminal && !Deno.stdin.isTerminal()) stop.ask("SIGHUP");
    else reload();
  };
  Deno.addSignalListener("SIGHUP", act);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", act) };
}
