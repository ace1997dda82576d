import { signal } from "@preact/signals";

/** Seconds that are shown. */
export const SECONDS = 300;
/**
 * A little more than the time until the next second is sent, if something moves in it, in
 * milliseconds.
 */
const QUIET_MS = 1_200;

/** Counts when another second is over, while there is anything to show. */
export const ratesMoved = signal(0);

/** Bytes in each second, by its number modulo {@link SECONDS}. */
const rings = { up: new Array(SECONDS).fill(0), down: new Array(SECONDS).fill(0) };
/** The last second that is over, and when it was told, in seconds of this page's clock. */
let last = 0;
let told = 0;
/** The last second in which something moved. */
let busy = -Infinity;
let timer;

/** Takes over the seconds that the peer tells of. */
export function applyRates({ second, moved }) {
  advance(second);
  told = performance.now() / 1000;
  for (const [at, up, down] of moved) {
    if (at <= last - SECONDS || at > last) continue;
    rings.up[at % SECONDS] = up;
    rings.down[at % SECONDS] = down;
    busy = Math.max(busy, at);
  }
  ratesMoved.value++;
  goOn();
}

/** The last {@link SECONDS} seconds of `up` or `down`, the oldest first. */
export function ratesOf(direction) {
  const ring = rings[direction];
  const from = (last + 1) % SECONDS;
  return [...ring.slice(from), ...ring.slice(0, from)];
}

/** Seconds in which nothing moves aren't told: they pass by themselves. */
function goOn() {
  clearTimeout(timer);
  if (last - busy > SECONDS || document.hidden) return;
  timer = setTimeout(() => {
    const now = performance.now() / 1000;
    const passed = Math.floor(now - told);
    advance(last + passed);
    told += passed;
    ratesMoved.value++;
    goOn();
  }, QUIET_MS);
}

function advance(second) {
  if (second < last - SECONDS) last = second - SECONDS;
  for (let at = Math.max(last + 1, second - SECONDS + 1); at <= second; at++) {
    rings.up[at % SECONDS] = rings.down[at % SECONDS] = 0;
  }
  last = Math.max(last, second);
}
