import type { Share } from "../../store/shares/library.ts";
import type { SharedFile } from "../api/peer_api.ts";

/** A share as others may see it. */
export function viewOf(share: Share): SharedFile {
  const { served, available, watched } = share;
  const { kind = "file", name, id, mtime, publisher, entries, bytes } = share.announcement;
  const size = kind === "folder" ? bytes ?? 0 : share.announcement.size;
  const path = placeOf(share);
  return { kind, name, path, id, size, entries, mtime, publisher, served, available, watched };
}

/** The place of the shared file or folder. */
export function placeOf({ root, path }: Share): string {
  return root ?? path;
}
