/**
 * Characters that could make a terminal do something, or show text in another order than it has: C0,
 * DEL, C1, line and paragraph separators, and the marks, embeddings and isolates of bidirectional
 * text.
 */
// deno-lint-ignore no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text of others (a name, an agent, an error) made fit for a terminal: each unsafe character shows
 * as U+FFFD, so that a name which was altered can be seen to be.
 */
export function sanitize(text: string): string {
  return text.replace(UNSAFE, "\ufffd");
}

/** JSON of a value, on one line, with unsafe characters escaped: the value stays what it was. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (char) => "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}
