import { createHash } from "node:crypto";
import * as v from "valibot";
import { toHex } from "../../content/hex.ts";
import { Fault, quoted } from "../../fault.ts";
import { damaged, type StateDatabase } from "./state_database.ts";

/** Most tokens at a time. */
const TOKENS_CAP = 100;
/** Letters, digits and a few signs, so that it needs no quotes in a shell. */
const LABEL = /^[0-9A-Za-z][0-9A-Za-z._@-]{0,63}$/;
/** The beginning of each token: who finds one in a log or a repository knows what it is. */
const PREFIX = "shoal_";

const Row = v.object({ label: v.string(), rights: v.string(), created: v.number() });

/** A token without its secret. */
interface StoredToken {
  label: string;
  rights: string[];
  /** In milliseconds since 1970. */
  created: number;
}

/** The tokens of scripts. Of their secrets, 256 random bits each, only hashes are stored. */
export class TokenStore {
  readonly #db: StateDatabase;

  constructor(db: StateDatabase) {
    this.#db = db;
  }

  /** All tokens, by label. */
  list(): StoredToken[] {
    return this.#db.all("SELECT label, rights, created FROM api_tokens ORDER BY label").map(parse);
  }

  /**
   * Makes a token, and returns its secret. Throws a `usage` Fault for a label that is no label or is
   * taken, and when there are too many.
   */
  create(
    { label, rights }: Pick<StoredToken, "label" | "rights">,
  ): StoredToken & { token: string } {
    const cannot = `Cannot make the token ${quoted(label)}`;
    if (!LABEL.test(label)) {
      const allowed = "a label has up to 64 letters, digits, dots, hyphens, underscores and @";
      throw new Fault("usage", `${cannot}: ${allowed}`);
    }
    const tokens = this.list();
    if (tokens.some((one) => one.label === label)) {
      throw new Fault("usage", `${cannot}: there is one with that label`, {
        next: `revoke it first: shoal peer token revoke ${label}`,
      });
    }
    if (tokens.length >= TOKENS_CAP) {
      throw new Fault("usage", `${cannot}: there are ${TOKENS_CAP} tokens already`, {
        next: "revoke one: shoal peer token list",
      });
    }
    const token = PREFIX + toHex(crypto.getRandomValues(new Uint8Array(32)));
    const created = Date.now();
    this.#db.runDurably(
      "INSERT INTO api_tokens (label, hash, rights, created) VALUES (?, ?, ?, ?)",
      ...[label, hashOf(token), rights.join(","), created],
    );
    return { label, rights, created, token };
  }

  /** Revokes a token at once, and returns what it was. Throws `not_found`. */
  revoke(label: string): StoredToken {
    const token = this.list().find((one) => one.label === label);
    if (!token) {
      throw new Fault("not_found", `Cannot revoke the token ${quoted(label)}: there is none`, {
        next: "see which there are: shoal peer token list",
      });
    }
    this.#db.runDurably("DELETE FROM api_tokens WHERE label = ?", label);
    return token;
  }

  /** The rights of a secret; undefined when it is no token's. */
  rightsOf(secret: string): string[] | undefined {
    if (!secret.startsWith(PREFIX)) return;
    const row = this.#db.get(
      "SELECT label, rights, created FROM api_tokens WHERE hash = ?",
      hashOf(secret),
    );
    return row === undefined ? undefined : parse(row).rights;
  }
}

function parse(row: unknown): StoredToken {
  const parsed = v.safeParse(Row, row);
  if (!parsed.success) throw damaged("a token");
  return { ...parsed.output, rights: parsed.output.rights.split(",") };
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
