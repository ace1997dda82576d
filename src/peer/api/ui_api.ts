/**
 * The requests of the UI and of HTTP clients besides PeerApi: only a PeerNode answers them, in its
 * own process.
 */
import type { ManifestEntry } from "../../content/manifest.ts";
import type { Fault } from "../../fault.ts";
import type { Finding } from "./finding.ts";
import type { ConfigChanges, ConfigView } from "./config.ts";
import type { GetRequest, PeerApi, ShareResult } from "./peer_api.ts";

/** A download in cells of equal size, for a picture of it. */
export interface DownloadMap {
  /** At most 1,000, and no more than the file has runs. */
  cells: number;
  /** The share of each cell that is here: per cent, 0 to 100. */
  have: number[];
  /** The number of connected sources that have each cell. */
  sources: number[];
}

/** Bytes sent and received in recent seconds. */
export interface History {
  /** Seconds that each number stands for. */
  interval: 1;
  /** The number of the last one, counted from any beginning. */
  second: number;
  /** Bytes in each of the last 300 seconds, the oldest first. */
  up: number[];
  down: number[];
}

/** A file of the swarm that can be read at any position. */
export interface OpenedFile {
  name: string;
  /** File id, 64 hex digits. */
  id: string;
  size: number;
  /**
   * Verified bytes from position `from` up to `end`, in order, in parts of any length. Fetches no more
   * than the chunks that these lie in, and no faster than they are taken. Throws Faults.
   */
  read(from: number, end: number, signal: AbortSignal): AsyncGenerator<Uint8Array>;
}

/** The entries of a folder, by its verified manifest. */
export interface FolderListing {
  /** The folder's id, 64 hex digits. */
  id: string;
  /** In the order of their paths, which are relative to what was asked for. */
  entries: ManifestEntry[];
  /** Of all files together. */
  bytes: number;
}

/**
 * Which content is meant. With both an id and a publisher, it must be in one announcement of theirs, for
 * that name: an id that the user did not type is sent with its publisher.
 */
export type ContentRequest = Pick<GetRequest, "name" | "id" | "publisher">;

export interface UploadRequest {
  /** The name of the new file: a relative POSIX path under DIR. */
  name: string;
  /** Its size, where the sender says so. */
  size?: number;
  /** Replace a file of that name. Default false. */
  replace?: boolean;
  /** Share it. Default true; false for the files of a folder that is shared once it is whole. */
  share?: boolean;
}

/** The result of an upload, with how it is shared, where it is. */
export type Uploaded = Pick<ShareResult, "name" | "id" | "size"> & Partial<ShareResult>;

export interface UploadOptions {
  signal?: AbortSignal;
  /**
   * Reports the bytes received, which are hashed as they come; then the bytes hashed of a file that
   * was there.
   */
  onProgress?: (
    progress: { received: number; size?: number } | { hashed: number; size: number },
  ) => void;
}

export interface UiApi extends PeerApi {
  /**
   * Finds a file to read: what this peer shares, what it is fetching, or what the swarm has. Throws
   * `not_found`, `ambiguous` and `network` Faults.
   */
  open(request: ContentRequest, signal: AbortSignal): Promise<OpenedFile>;
  /**
   * Lists a folder, or a part of one. Nothing is put on disk. Throws a `usage` Fault for a file,
   * and as {@link open} does.
   */
  listFolder(
    request: ContentRequest,
    signal: AbortSignal,
  ): Promise<FolderListing>;
  /**
   * Examines whether uploads would be taken, one after the other: of each the Fault that would be thrown,
   * as far as that can be told before its content is known.
   */
  checkUploads(requests: UploadRequest[]): Promise<(Fault | undefined)[]>;
  /**
   * Puts what comes into DIR, once it is all there, and shares it. Without `replace`, throws a
   * `destination` Fault when another file of that name is there. One with the same content is shared
   * as it is. What breaks off leaves nothing.
   */
  upload(
    request: UploadRequest,
    body: ReadableStream<Uint8Array<ArrayBuffer>>,
    options?: UploadOptions,
  ): Promise<Uploaded>;
  /** The progress of the download of a content. Throws `not_found` when it isn't being fetched. */
  downloadMap(id: string): Promise<DownloadMap>;
  history(): Promise<History>;
  /** Looks at the bootstraps as this peer does, and at what only the owner of DIR can see. */
  diagnose(): Promise<Finding[]>;
  /** The configuration of this peer. Throws a `usage` Fault when the config file can't be used. */
  config(): Promise<ConfigView>;
  /**
   * Changes the config file, and what can be changed while the peer runs. Nothing is changed when a
   * value is wrong: then it throws a `usage` Fault.
   */
  configure(changes: ConfigChanges): Promise<ConfigView>;
}
