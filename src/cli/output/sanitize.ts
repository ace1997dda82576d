/**
 * Characters that could make a terminal do something, show text in another order than it has, or hide
 * in it: C0, DEL, C1, line and paragraph separators; the marks, embeddings and isolates of
 * bidirectional text; and what has no width: soft hyphen, zero-width space, word joiner, invisible
 * operators, byte order mark, annotations and tags. The two joiners stay: scripts and emoji need them.
 */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Text of others (a name, an agent, an error) made fit for a terminal: each unsafe character shows
 * as U+FFFD, so that a name which was altered can be seen to be.
 */
export function sanitize(text: string): string {
  return text.replace(UNSAFE, "\ufffd");
}

/** JSON of a value, on one line, with unsafe characters escaped: the value stays what it was. */
export function safeJson(value: unknown): string {
  return escapeJson(JSON.stringify(value));
}

/** A line of JSON with unsafe characters escaped; there they can only stand in strings. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (char) => char.split("").map(escapeUnit).join(""));
}

/** Half of a surrogate pair is escaped by itself. */
function escapeUnit(unit: string): string {
  return "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0");
}
