import type { SharedReader } from "../../store/disk/shared_reader.ts";
import type { Target } from "../target/target.ts";
import type { StagedFile } from "./folder_contents.ts";
import { WholeFile } from "../serve/whole_file.ts";
import type { ActiveDownloads } from "../serve/active_downloads.ts";

/**
 * Serves what there is of a folder that isn't shared, such as one that is being fetched. `manifest` is
 * where its manifest lies, and `find` finds its files by their ids. Returns how to stop.
 */
export function serveFolder(
  { id, size, announcement }: Target,
  { manifest, find, active, reader }: {
    manifest: StagedFile;
    find: (id: string) => StagedFile | undefined;
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
