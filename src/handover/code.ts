/**
 * Codes for a hand-over: `417-orange-canyon-river`, a room's number and a secret that people read out;
 * and links, `shoal://meet.example:8000/417#orange-canyon-river`, which name the bootstrap too. What
 * is typed is forgiving: capitals, blanks, long dashes, and words of which only the first four letters
 * are there.
 */
import { wordlist } from "@scure/bip39/wordlists/english.js";
import { Fault, quoted } from "../fault.ts";
import { BOOTSTRAP_PORT, parseAddress } from "../peer/api/settings.ts";
import { type Address, formatAddress } from "../wire/address.ts";

/** The strength of a secret: two words (22 bits), three words (33), or 26 letters and digits (130). */
export type Strength = "short" | "words" | "link";

/** A code as it was typed: the room alone, or with its secret, or with its bootstrap as well. */
export interface TypedCode {
  room: number;
  secret?: string;
  bootstrap?: Address;
}

/** Letters by which a word of the list is told from all others. */
const TELLING = 4;
const LINK_SECRET = /^[a-z2-7]{26}$/;
const BASE_32 = "abcdefghijklmnopqrstuvwxyz234567";
const WORDS = new Set(wordlist);
/** Words by their first letters; those that are shorter stand under all of theirs. */
const BY_BEGINNING = new Map(wordlist.map((word) => [word.slice(0, TELLING), word]));

/** A fresh secret. */
export function newSecret(strength: Strength): string {
  if (strength === "link") {
    const bytes = crypto.getRandomValues(new Uint8Array(26));
    return [...bytes].map((byte) => BASE_32[byte % BASE_32.length]).join("");
  }
  // The list has 2,048 words, which divides what 16 bits can be.
  const numbers = crypto.getRandomValues(new Uint16Array(strength === "short" ? 2 : 3));
  return [...numbers].map((number) => wordlist[number % wordlist.length]).join("-");
}

export function formatCode(room: number, secret: string): string {
  return `${room}-${secret}`;
}

/** The link of a code. What follows `#` stays with the program that opens it. */
export function formatLink(bootstrap: Address, room: number, secret: string): string {
  return `shoal://${formatAddress(bootstrap)}/${room}#${secret}`;
}

/** Reads a code, a link or a room's number. Throws a `usage` Fault that doesn't repeat the secret. */
export function parseCode(text: string): TypedCode {
  const typed = text.trim();
  const link = /^(?:shoal|https?):\/\/([^/#?]+)\/(?:r\/)?(\d{3,6})#(.+)$/i.exec(typed);
  if (link) {
    const [, bootstrap = "", room = "", secret = ""] = link;
    return {
      bootstrap: parseAddress(bootstrap, BOOTSTRAP_PORT),
      room: Number(room),
      secret: parseSecret(secret),
    };
  }
  const [, room, secret] = /^(\d{3,6})(?:[^0-9a-z]+(.+))?$/is.exec(typed) ?? [];
  if (room === undefined) {
    throw new Fault("usage", "Cannot read the code: it must begin with the number of a room", {
      next: "a code looks like 417-orange-canyon-river",
    });
  }
  return { room: Number(room), ...secret !== undefined && { secret: parseSecret(secret) } };
}

/** Reads the words of a code. Throws a `usage` Fault that names the word that isn't one. */
export function parseSecret(text: string): string {
  const plain = text.normalize("NFKC").toLowerCase().trim();
  if (LINK_SECRET.test(plain)) return plain;
  const words = plain.split(/[^a-z]+/).filter((word) => word !== "");
  if (words.length < 2 || words.length > 3) {
    throw new Fault("usage", "Cannot read the code: it must have two or three words");
  }
  return words.map(completeWord).join("-");
}

/** The words of the list that begin so. */
export function wordsThatBegin(beginning: string): string[] {
  return wordlist.filter((word) => word.startsWith(beginning));
}

function completeWord(typed: string): string {
  if (WORDS.has(typed)) return typed;
  const word = typed.length >= TELLING ? BY_BEGINNING.get(typed.slice(0, TELLING)) : undefined;
  // What begins like a word and goes on otherwise is a typo.
  if (word?.startsWith(typed)) return word;
  throw new Fault("usage", `Cannot read the code: ${quoted(typed)} is not in the list of words`, {
    next: word === undefined ? "ask for the code again" : `did you mean ${quoted(word)}?`,
  });
}
