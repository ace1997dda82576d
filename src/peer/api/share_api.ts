/** Sharing, as a peer is asked for it and tells of it. */
import type { LeftOut } from "../../store/tree/walk_tree.ts";

/** The kind of a content. */
export type ContentKind = "file" | "folder";

/** A file or folder that this peer shares. */
export interface SharedFile {
  /** The kind of content. */
  kind: ContentKind;
  /** Relative POSIX path by which others ask for it. */
  name: string;
  /** The place on this machine: an absolute path. */
  path: string;
  /** File id, 64 hex digits; of a folder that of its manifest. */
  id: string;
  /** Bytes; of a folder those of all its files. */
  size: number;
  /** Of a folder: files, folders and links in it. */
  entries?: number;
  /** True when changes are looked for all the time, and announced. */
  watched: boolean;
  /** The time of the last modification, in milliseconds since 1970. */
  mtime: number;
  /** The publisher of the announcement: a peer id. This peer's own, unless the file was fetched. */
  publisher: string;
  /** Bytes of it that were served to others since it was shared. */
  served: number;
  /** False while the file is missing, or is no longer what was announced. */
  available: boolean;
}

/** A file or folder to share, as a peer is asked for it. */
export interface ShareRequest {
  /** A name under DIR, or a path: absolute, or relative to `cwd`. */
  file: string;
  /** The folder that the asker stands in: an absolute path. */
  cwd: string;
  /** Look for changes all the time from now on, and announce them. Default as it is; at first false. */
  watch?: boolean;
}

/** The result of sharing. */
export interface ShareResult extends SharedFile {
  /** False when the file, or all that is in the folder, was known and unchanged. */
  hashed: boolean;
  /** The entries of a folder that can't be shared, with reasons. */
  left_out?: LeftOut[];
  /** The time that it took. */
  seconds: number;
}

/** Options of sharing. */
export interface ShareOptions {
  /** Ends it; nothing is shared then. */
  signal?: AbortSignal;
  /** Bytes hashed so far, of how many. */
  onProgress?: (hashed: number, size: number) => void;
}
