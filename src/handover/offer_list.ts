/**
 * The list of what is handed over: the announcements of all files and folders, as JSON. It is a file of
 * the sender's itself, so that it may be long, and is verified as any other.
 */
import * as v from "valibot";
import { Fault } from "../fault.ts";
import { verifyAnnouncement } from "../trust/announcement.ts";
import { Announcement, LIST_CAP } from "../wire/protocol.ts";

/** The name of the list. No path that is handed over comes to one with a folder in it. */
export const OFFER_NAME = "hand-over/list";
/** Most bytes of a list: {@link LIST_CAP} announcements with long names. */
export const OFFER_CAP = 2 << 20;

const OfferList = v.pipe(v.array(Announcement), v.minLength(1), v.maxLength(LIST_CAP));

export function formatOfferList(announcements: Announcement[]): string {
  return JSON.stringify(announcements);
}

/**
 * Reads a list whose announcements must all be by `publisher`. Throws an `integrity` Fault for anything
 * else.
 */
export async function parseOfferList(text: string, publisher: string): Promise<Announcement[]> {
  const parsed = v.safeParse(OfferList, parseJson(text));
  const announcements = parsed.success ? parsed.output : [];
  const genuine = await Promise.all(
    announcements.map((one) => one.publisher === publisher && verifyAnnouncement(one)),
  );
  if (announcements.length > 0 && genuine.every(Boolean)) return announcements;
  throw new Fault("integrity", "Cannot receive: the sender's list is not as it should be");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
