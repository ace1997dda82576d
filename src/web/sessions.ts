import { createHash } from "node:crypto";
import { toHex } from "../content/hex.ts";
import { LruMap } from "../async/lru_map.ts";

/** Time for which a sign-in link is valid, in milliseconds. */
export const TICKET_MS = 10 * 60_000;
/** Time without a request after which a session ends, in milliseconds. */
export const SESSION_MS = 7 * 24 * 3_600_000;
/**
 * Time for which the address of one file is valid, in milliseconds: as long as a browser may resume
 * it.
 */
const KEY_MS = 24 * 3_600_000;
/** Most tickets and most sessions at a time; the oldest gives way. */
const CAP = 64;
/** Most addresses of files at a time: one for each press of Save; the oldest gives way. */
const KEYS_CAP = 1_000;
/**
 * Distance by which a session's end moves before it is stored again, in milliseconds: not with each
 * request.
 */
const STORE_EVERY_MS = 3_600_000;

/** The store in which sessions outlive the process: store/state/session_store.ts. */
export interface KeptSessions {
  list(): [hash: string, ends: number][];
  put(hash: string, ends: number): void;
  delete(hash: string): void;
  clear(): void;
}

export interface SessionsOptions {
  /** Milliseconds since 1970. Default the system's clock. */
  now?: () => number;
  /** Default none: they end with the process. */
  store?: KeptSessions;
}

/**
 * The sessions of the page. A ticket is good for one sign-in; a session's secret is sent with each
 * request; a key opens one file in an address, where no header can be sent. All are 256 random bits, and
 * of sessions only the hash is kept.
 */
export class Sessions {
  readonly #now: () => number;
  readonly #store: KeptSessions | undefined;
  /** The ends of sign-in links, by secret, the oldest first. */
  readonly #tickets = new Map<string, number>();
  /** The ends of sessions, and what is stored of that, by hash, the least recently used first. */
  readonly #sessions = new Map<string, { ends: number; stored: number }>();
  readonly #keys = new LruMap<string, { path: string; session: string; ends: number }>(KEYS_CAP);

  constructor({ now = Date.now, store }: SessionsOptions = {}) {
    this.#now = now;
    this.#store = store;
    for (const [hash, ends] of store?.list() ?? []) {
      if (now() < ends) this.#sessions.set(hash, { ends, stored: ends });
      else store!.delete(hash);
    }
  }

  /** A new ticket. */
  ticket(): string {
    const secret = newSecret();
    for (const [old] of this.#tickets) {
      if (this.#tickets.size < CAP) break;
      this.#tickets.delete(old);
    }
    this.#tickets.set(secret, this.#now() + TICKET_MS);
    return secret;
  }

  /** A session for a ticket, which is used up; undefined when there is no such ticket any more. */
  redeem(ticket: string): string | undefined {
    const ends = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    return ends !== undefined && this.#now() < ends ? this.open() : undefined;
  }

  /** A new session. */
  open(): string {
    const secret = newSecret();
    for (const [old] of this.#sessions) {
      if (this.#sessions.size < CAP) break;
      this.#end(old);
    }
    this.#renew(hashOf(secret));
    return secret;
  }

  /** True for a live session, which then lasts anew. */
  has(session: string): boolean {
    return this.#has(hashOf(session));
  }

  /** Ends a session. */
  end(session: string): void {
    this.#end(hashOf(session));
  }

  /** Ends all sessions. */
  endAll(): void {
    this.#sessions.clear();
    this.#store?.clear();
  }

  /** A key for a path with its query, which ends with the session. */
  keyFor(session: string, path: string): string {
    const key = newSecret();
    this.#keys.set(key, { path, session: hashOf(session), ends: this.#now() + KEY_MS });
    return key;
  }

  /** True when a key opens this path. */
  opens(key: string, path: string): boolean {
    const known = this.#keys.get(key);
    return known !== undefined && known.path === path && this.#now() < known.ends &&
      this.#has(known.session);
  }

  #has(hash: string): boolean {
    const session = this.#sessions.get(hash);
    if (!session) return false;
    if (this.#now() >= session.ends) {
      this.#end(hash);
      return false;
    }
    this.#renew(hash, session.stored);
    return true;
  }

  #renew(hash: string, stored = 0): void {
    const ends = this.#now() + SESSION_MS;
    this.#sessions.delete(hash);
    const due = ends - stored >= STORE_EVERY_MS;
    if (due) this.#store?.put(hash, ends);
    this.#sessions.set(hash, { ends, stored: due ? ends : stored });
  }

  #end(hash: string): void {
    if (this.#sessions.delete(hash)) this.#store?.delete(hash);
  }
}

function newSecret(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}

function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}
