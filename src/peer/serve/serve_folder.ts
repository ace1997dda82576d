import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { ActiveDownloads } from "./active_downloads.ts";
import { type FileAt, WholeFile } from "./whole_file.ts";

/**
 * Serves what there is of a folder that isn't shared, such as one that is being fetched. `manifest` is
 * where its manifest lies, and `find` finds its files by their ids. Returns how to stop.
 */
export function serveFolder(
  { id, size, announcement }: { id: string; size: number; announcement?: Announcement },
  { manifest, find, active, reader }: {
    manifest: FileAt;
    find: (id: string) => FileAt | undefined;
    active: ActiveDownloads;
    reader: SharedReader;
  },
): () => void {
  // All that is served of it counts as one upload.
  const counted = { id, name: announcement?.name ?? id, size: announcement?.bytes ?? 0 };
  const stops = [
    active.add(new WholeFile({ id, size, counted }, manifest, reader)),
    active.addMany((id) => {
      const file = find(id);
      return file && new WholeFile({ id, size: file.stamp.size, counted }, file, reader);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
    reader.forget(manifest.path);
  };
}
