const controller = new AbortController();

/** Aborted by SIGINT or SIGTERM: nothing more is started, what runs is ended. */
export const interrupted: AbortSignal = controller.signal;

/** Listens for the signals until it is disposed of. */
export function listenForInterrupts(): Disposable {
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const abort = () => controller.abort(new Error("Interrupted"));
  for (const signal of signals) Deno.addSignalListener(signal, abort);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, abort);
    },
  };
}
