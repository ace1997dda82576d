/** Tokens of scripts, as a peer is asked for them and tells of them. */

/** The rights that a token can have: to look, to fetch, to share. */
export const TOKEN_RIGHTS = ["read", "get", "share"] as const;
/** A right of a token. */
export type TokenRight = "read" | "get" | "share";

/** A token to make. */
export interface TokenRequest {
  /** The name by which it is listed and revoked: no other token has it. */
  label: string;
  /** At least one. */
  rights: TokenRight[];
}

/** A token as it is listed: its secret is not kept. */
export interface TokenEntry extends TokenRequest {
  /** The time when it was made, in milliseconds since 1970. */
  created: number;
}

/** A token that was just made. */
export interface NewToken extends TokenEntry {
  /** The secret, which is shown this once. */
  token: string;
}
