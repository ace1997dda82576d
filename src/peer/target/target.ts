import type { FileEntry } from "../../content/manifest.ts";
import type { Taken } from "../../trust/choose_offer.ts";
import type { Announcement } from "../../wire/protocol.ts";
import type { Fault } from "../../fault.ts";
import type { GetRequest } from "../api/peer_api.ts";
import type { Source } from "../download/source.ts";

/** The content that will be fetched, and its sources. */
export interface Target {
  id: string;
  size: number;
  sources: Source[];
  /** Undefined for a legacy peer's file, which is unsigned, and for a part of a folder. */
  announcement?: Announcement;
  /** The reason why it is taken. */
  taken: Taken;
  /** Of a file in a folder: what the folder says of it, and the folder's announcement. */
  entry?: FileEntry;
  within?: Announcement;
  /**
   * Of a folder: why what is announced under the very name that is wanted is not taken. Thrown where the
   * folder has no such part.
   */
  refused?: Fault;
}

/** The part of a request that says which content is meant. */
export type WantedContent = Pick<GetRequest, "name" | "id" | "publisher" | "sha256" | "unsigned">;
