import { escapeJson, safeJson, sanitize } from "../../../src/cli/output/sanitize.ts";
import { must } from "../allow.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";

const TEXTS = [
  ...[
    "\x1b]0;owned\x07",
    "\x1b]8;;http://x\x1b\\y",
    "\x1b]52;c;aGk=\x07",
    "\x1b[2J\x1b[31m",
    "\x9b2J",
  ],
  ...["\u202egpj.exe", "\u2066a\u2069", "a\u200bb", "\ufeffa", "a\r\nb", "\u{e0041}", "👩\u200d🔬"],
  ...["\u061c\u200e\u200f", "\u2028\u2029", "\x7f\x00", "日本語", "\ud800", "\u00ad\u2060\u180e"],
];

/** By Unicode's own classes, but for the joiners: how the program's list is written doesn't matter. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Bidi_C}/u;

/** Text of others where it is shown: nothing in it acts on a terminal, and JSON stays what it was. */
export const terminal: Target = {
  name: "terminal",
  weight: 100,
  seeds: TEXTS.map(bytesOf),
  run(input) {
    const text = textOf(input);
    const shown = sanitize(text);
    must(!UNSAFE.test(shown), "nothing unsafe is left");
    must(sanitize(shown) === shown, "what was shown is shown again");
    const json = safeJson({ [text]: [text] });
    must(!UNSAFE.test(json), "nothing unsafe is in JSON");
    must(
      JSON.stringify(JSON.parse(json)) === JSON.stringify({ [text]: [text] }),
      "JSON is the same",
    );
    must(escapeJson(json) === json, "it is escaped once");
  },
};
