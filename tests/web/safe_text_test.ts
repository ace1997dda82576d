import { assertEquals } from "@std/assert";
import { sanitize } from "../../src/cli/output/sanitize.ts";
import { html } from "../../src/web/ui/kit/html.js";
import { safeText } from "../../src/web/ui/kit/safe_text.js";

Deno.test("ui: text is filtered as on a terminal, but for line breaks and tabs", () => {
  for (let code = 0; code <= 0x10ffff; code++) {
    const char = String.fromCodePoint(code);
    const expected = char === "\n" || char === "\t" ? char : sanitize(char);
    if (safeText(char) !== expected) assertEquals(safeText(char), expected, code.toString(16));
  }
});

Deno.test("ui: what people read is filtered, what is sent back is not", () => {
  const name = "a\u202egpj.exe";
  const { props } = html`<a title=${name} href=${name}>${name}${[name]}</a>`;
  const shown = "a\ufffdgpj.exe";
  assertEquals(props.title, shown);
  assertEquals(props.href, name);
  assertEquals(props.children, [shown, [shown]]);
});
