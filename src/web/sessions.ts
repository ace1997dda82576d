import { toHex } from "../content/hex.ts";

/** How long a sign-in link can be used, in milliseconds. */
export const TICKET_MS = 10 * 60_000;
/** How long a session lasts that nothing is asked in, in milliseconds. */
export const SESSION_MS = 7 * 24 * 3_600_000;
/** Most tickets and most sessions at a time; the oldest gives way. */
const CAP = 64;

interface SessionsOptions {
  /** Milliseconds from any starting point; never goes back. Default the process's. */
  now?: () => number;
}

/**
 * Who is signed in to the page. A ticket is good for one sign-in; a session is what a cookie names.
 * Both are 256 random bits, and live in memory alone: they end with the peer.
 */
export class Sessions {
  readonly #now: () => number;
  /** When each ends, by its secret; oldest first. */
  readonly #tickets = new Map<string, number>();
  readonly #sessions = new Map<string, number>();

  constructor({ now = () => performance.now() }: SessionsOptions = {}) {
    this.#now = now;
  }

  /** A new ticket. */
  ticket(): string {
    return this.#add(this.#tickets, TICKET_MS);
  }

  /** A session for a ticket, which is used up; undefined when there is no such ticket any more. */
  redeem(ticket: string): string | undefined {
    const ends = this.#tickets.get(ticket);
    this.#tickets.delete(ticket);
    return ends !== undefined && this.#now() < ends ? this.open() : undefined;
  }

  /** A new session. */
  open(): string {
    return this.#add(this.#sessions, SESSION_MS);
  }

  /** True for a session that goes on, which then lasts anew. */
  has(session: string): boolean {
    const ends = this.#sessions.get(session);
    if (ends === undefined) return false;
    this.#sessions.delete(session);
    if (this.#now() >= ends) return false;
    this.#sessions.set(session, this.#now() + SESSION_MS);
    return true;
  }

  /** Ends a session. */
  end(session: string): void {
    this.#sessions.delete(session);
  }

  #add(map: Map<string, number>, ms: number): string {
    const secret = toHex(crypto.getRandomValues(new Uint8Array(32)));
    for (const [old] of map) {
      if (map.size < CAP) break;
      map.delete(old);
    }
    map.set(secret, this.#now() + ms);
    return secret;
  }
}
