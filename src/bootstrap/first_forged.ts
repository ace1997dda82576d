import { verifyAnnouncement } from "../trust/announcement.ts";
import type { Announcement } from "../wire/protocol.ts";
import type { FairQueue } from "../async/fair_queue.ts";

/** Signatures that are checked in one turn: about 2 ms. */
const SLICE = 32;

/** The first announcement that its publisher did not sign, if any. Some are checked each turn. */
export async function firstForged(
  announcements: Announcement[],
  fairQueue: FairQueue,
): Promise<Announcement | undefined> {
  for (let at = 0; at < announcements.length; at += SLICE) {
    const slice = announcements.slice(at, at + SLICE);
    const genuine = await fairQueue.take(() => Promise.all(slice.map(verifyAnnouncement)));
    const forged = genuine.indexOf(false);
    if (forged >= 0) return slice[forged];
  }
}
