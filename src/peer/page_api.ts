/**
 * What the page and HTTP clients can ask of a running peer besides PeerApi: only a PeerNode does it,
 * in its own process.
 */
import type { PeerApi } from "./peer_api.ts";

/** A download in cells of equal size, for a picture of it. */
export interface DownloadMap {
  /** At most 1,000, and no more than the file has MiB. */
  cells: number;
  /** How much of each cell is there: per cent, 0 to 100. */
  have: number[];
  /** How many connected sources have each cell. */
  sources: number[];
}

/** What was sent and received lately. */
export interface History {
  /** Seconds that each number stands for. */
  interval: 1;
  /** Bytes in each of the last 300 seconds, the oldest first. */
  up: number[];
  down: number[];
}

export interface PageApi extends PeerApi {
  /** How far the download of a content is. Throws `not_found` when it isn't being fetched. */
  downloadMap(id: string): Promise<DownloadMap>;
  history(): Promise<History>;
}
