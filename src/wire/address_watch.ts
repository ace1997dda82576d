import { ownAddresses } from "./attached.ts";

/** The interval at which the machine's addresses are looked at, in milliseconds. */
const LOOK_MS = 1_000;

interface Watched {
  host: string;
  onGone: () => void;
}

/** The connections that end when the machine loses the address that they are from. */
const watched = new Set<Watched>();
let timer: ReturnType<typeof setInterval> | undefined;

/**
 * Calls `onGone` once the machine no longer has that address: what was sent from it gets no answer,
 * and the system says nothing of it for minutes. Returns how to end the watch. An address that is not
 * among those of the machine's interfaces is not watched.
 */
export function watchAddress(host: string, onGone: () => void): () => void {
  if (!isOwn(host)) return () => {};
  const one = { host, onGone };
  watched.add(one);
  timer ??= startTimer();
  return () => {
    watched.delete(one);
    if (watched.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

function startTimer(): ReturnType<typeof setInterval> {
  const started = setInterval(look, LOOK_MS);
  Deno.unrefTimer(started);
  return started;
}

function look(): void {
  const hosts = new Set(ownAddresses().map(({ host }) => host));
  // None at all is what a system says that doesn't tell.
  if (hosts.size === 0) return;
  for (const { host, onGone } of [...watched]) if (!hosts.has(host)) onGone();
}

function isOwn(host: string): boolean {
  return ownAddresses().some((own) => own.host === host);
}
