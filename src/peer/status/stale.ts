import { RELEASED } from "../../version.ts";

const DAY_MS = 86_400_000;
/** A download without progress for so long is shown as stale, in milliseconds. */
const STALE_MS = 7 * DAY_MS;
/** A download without progress for so long is not resumed by itself any more, in milliseconds. */
const ABANDONED_MS = 60 * DAY_MS;

/** The time of a download's last progress, in milliseconds since 1970. */
interface Progressed {
  updated: number;
}

/** True for a download without progress for a week: its sources may never come back. */
export function isStale(download: Progressed, now = Date.now()): boolean {
  return idleMs(download, now) > STALE_MS;
}

/** True for a download that is too old to be resumed by itself. */
export function isAbandoned(download: Progressed, now = Date.now()): boolean {
  return idleMs(download, now) > ABANDONED_MS;
}

/** A clock that was not set yet says nothing of an age. */
function idleMs({ updated }: Progressed, now: number): number {
  return now - Math.max(updated, RELEASED);
}
