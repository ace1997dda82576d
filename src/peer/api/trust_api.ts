/** Listings, and remembered publishers. */
import type { TrustRecord } from "../../store/state/trust_store.ts";
import type { Standing } from "../../trust/choose_offer.ts";
import type { FileRecord } from "../../wire/protocol.ts";

/** One line of a listing, and what is known of its publisher in connection with its name. */
export type ListedFile = FileRecord & { trust: Standing };

/** The publisher that is remembered for a name. */
export type TrustEntry = TrustRecord;

export interface TrustRequest {
  name: string;
  /** A peer id, or the first 8 or more hex digits of one that offers the name. Default the only one. */
  publisher?: string;
}
