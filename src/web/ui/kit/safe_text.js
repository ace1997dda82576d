/** The characters of src/cli/output/sanitize.ts, which says why; a test holds the two together. */
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * Text of others made fit to be shown: what could reorder it or hide in it shows as U+FFFD. Line breaks
 * and tabs stay, which a page shows as spaces or, in a tooltip, as what they are.
 */
export function safeText(text) {
  return text.replace(UNSAFE, (char) => char === "\n" || char === "\t" ? char : "\ufffd");
}
