import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Fault } from "../../src/fault.ts";
import {
  formatCode,
  formatLink,
  newSecret,
  parseCode,
  parseSecret,
  wordsThatBegin,
} from "../../src/handover/code.ts";

Deno.test("a code: what is written is read again, however it is typed", () => {
  for (const strength of ["short", "words", "link"] as const) {
    const secret = newSecret(strength);
    assertEquals(parseCode(formatCode(417, secret)), { room: 417, secret });
    const bootstrap = { host: "meet.example", port: 9_000 };
    assertEquals(parseCode(formatLink(bootstrap, 417, secret)), { room: 417, secret, bootstrap });
  }
  assertEquals(parseCode(" 417 "), { room: 417 });
  for (
    const typed of [
      "417-orange-canyon-river",
      " 417  Orange CANYON river ",
      "417—orange–canyon−river",
      "417 oran cany rive",
      "417, orange, canyon, river.",
      "417\torange\ncanyon river",
    ]
  ) {
    const known = { room: 417, secret: "orange-canyon-river" };
    assertEquals(parseCode(typed), known, typed);
  }
  assertEquals(wordsThatBegin("oran"), ["orange"]);
});

Deno.test("a code: what is none is said, without its words", () => {
  const refused = (text: string) => assertThrows(() => parseCode(text), Fault);
  assertMatch(refused("orange-canyon-river").message, /number of a room/);
  assertMatch(refused("41-orange-canyon").message, /number of a room/);
  assertMatch(refused("417-orange").message, /two or three words/);
  assertMatch(refused("417-orange-canyon-river-river").message, /two or three words/);
  const typo = refused("417-orange-canyom-river");
  assertMatch(typo.message, /"canyom" is not in the list of words$/);
  assertEquals(typo.next, `did you mean "canyon"?`);
  assertEquals(refused("417-orange-canyon-zzz").kind, "usage");
  for (const one of [typo]) assertEquals(/orange|river/.test(one.message), false);
});

Deno.test("a code: anything at all is read or refused with a usage Fault", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
    for (const read of [parseCode, parseSecret]) {
      try {
        read(text);
      } catch (error) {
        if (!(error instanceof Fault) || error.kind !== "usage") throw error;
      }
    }
  }));
});
