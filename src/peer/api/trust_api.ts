/** Listings, and remembered publishers. */
import type { TrustRecord } from "../../store/state/trust_store.ts";
import type { Standing } from "../../trust/choose_offer.ts";
import type { ContentKind } from "./share_api.ts";

/** One line of a listing, and what is known of its publisher in connection with its name. */
export interface ListedFile {
  /** Default `file`. */
  kind?: ContentKind;
  /** The name that it is announced under. */
  name: string;
  /** File id, 64 hex digits. */
  id: string;
  /** Bytes; of a folder those of its manifest. */
  size: number;
  /** The time of the last modification, in milliseconds since 1970. */
  mtime: number;
  /** The time of the announcement, in milliseconds since 1970. */
  time: number;
  /** The publisher: a peer id. */
  publisher: string;
  /** Of a folder: files, folders and links in it. */
  entries?: number;
  /** Of a folder: bytes of all files together. */
  bytes?: number;
  /** The number of its sources. */
  sources: number;
  /** The standing of that publisher in connection with that name. */
  trust: Standing;
}

/** The publisher that is remembered for a name. */
export type TrustEntry = TrustRecord;

/** A publisher to remember for a name. */
export interface TrustRequest {
  /** The name that it may publish. */
  name: string;
  /** A peer id, or the first 8 or more hex digits of one that offers the name. Default the only one. */
  publisher?: string;
}
