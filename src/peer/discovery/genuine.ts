import { isAhead, verifyAnnouncement } from "../../trust/announcement.ts";
import type { Announcement, Found } from "../../wire/protocol.ts";
import type { Query } from "./directory.ts";

/** Those of some answers that fit the query and are signed by their publishers. */
export async function genuine(query: Query, found: Found[]): Promise<Found[]> {
  const isGenuine = await Promise.all(
    found.map(({ announcement }) =>
      fits(query, announcement) && !isAhead(announcement.time) && verifyAnnouncement(announcement)
    ),
  );
  return found.filter((_, index) => isGenuine[index]);
}

function fits({ name, file, publisher }: Query, announcement: Announcement): boolean {
  return (name === undefined || announcement.name === name) &&
    (file === undefined || announcement.id === file) &&
    (publisher === undefined || announcement.publisher === publisher);
}
