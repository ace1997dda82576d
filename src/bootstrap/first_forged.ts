import { verifyAnnouncement } from "../trust/announcement.ts";
import type { Announcement } from "../wire/protocol.ts";
import type { Visitor } from "./visitor.ts";

/** Signatures that are checked in one turn: about 2 ms. */
const SLICE = 32;

/** The first announcement that its publisher did not sign, if any. Some are checked in each turn. */
export async function firstForged(
  announcements: Announcement[],
  visitor: Pick<Visitor, "inTurn">,
): Promise<Announcement | undefined> {
  for (let at = 0; at < announcements.length; at += SLICE) {
    const slice = announcements.slice(at, at + SLICE);
    const genuine = await visitor.inTurn(() => Promise.all(slice.map(verifyAnnouncement)));
    const forged = genuine.indexOf(false);
    if (forged >= 0) return slice[forged];
  }
}
