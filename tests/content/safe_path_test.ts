import { assert, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { resolve } from "node:path";
import { Fault } from "../../src/fault.ts";
import { findCaseCollision } from "../../src/store/disk/find_case_collision.ts";
import { foldName, pathOf, safeName, whyUnsafe } from "../../src/content/safe_path.ts";
import { isInside } from "../../src/system/paths.ts";
import { faultOf } from "../support/faults.ts";
import { TempFolder } from "../support/temp_folder.ts";

const NFC = "caf\u00e9";
const NFD = "cafe\u0301";

Deno.test("names: what may be one, everywhere", () => {
  const good = [
    "a",
    "a b.txt",
    "folder/file",
    "..a",
    "a..",
    "...",
    ".hidden",
    "a/.shoal",
    ".shoals",
    "~",
    "-rf",
    NFC,
    "日本語/ファイル",
    "👍",
    "x".repeat(255),
    Array(64).fill("x").join("/"),
    "a\\b",
    "C:",
    "a:b",
  ];
  for (const name of good) assertEquals(whyUnsafe(name, "linux"), undefined, name);
});

Deno.test("names: what may not be one, anywhere", () => {
  const bad: [name: string, why: string][] = [
    ["", "empty"],
    ["/", "absolute"],
    ["/etc/passwd", "absolute"],
    ["//a", "absolute"],
    ["C:/a", "absolute"],
    ["c:\\a", "absolute"],
    [".", "the part ."],
    ["..", "the part .."],
    ["../a", "the part .."],
    ["a/../b", "the part .."],
    ["a/..", "the part .."],
    ["a/./b", "the part ."],
    ["a//b", "a part of it is empty"],
    ["a/", "a part of it is empty"],
    ["a\0b", "control"],
    ["a\nb", "control"],
    ["a\x1b[31mb", "control"],
    ["a\x7fb", "control"],
    ["a\u0085b", "control"],
    ["\ud800", "Unicode"],
    ["a\udc00b", "Unicode"],
    [NFD, "NFC"],
    ["x".repeat(256), "255 bytes"],
    ["é".repeat(128), "255 bytes"],
    [Array(65).fill("x").join("/"), "64 parts"],
    ["x/".repeat(512) + "x", "1024 bytes"],
    ["é/".repeat(400) + "é", "1024 bytes"],
    ["x".repeat(1_000_000), "1024 bytes"],
    [".shoal", "Shoal's own"],
    [".shoal/identity.pem", "Shoal's own"],
    [".SHOAL/state.db", "Shoal's own"],
    [".Shoal", "Shoal's own"],
    [".\u017fhoal/state.db", "Shoal's own"], // a long s, which some file systems take for an s
    [".sh\u200coal/identity.pem", "Shoal's own"], // a character that HFS+ leaves out
    ["\ufeff.shoal", "Shoal's own"],
    ["\\\\server\\share", "absolute"],
  ];
  for (const os of ["linux", "darwin", "windows"]) {
    for (const [name, why] of bad) {
      const reason = whyUnsafe(name, os);
      assert(reason?.includes(why), `${JSON.stringify(name.slice(0, 40))} on ${os}: ${reason}`);
    }
  }
});

Deno.test("names: what may not be one on Windows", () => {
  const bad = [
    ...["a\\b", "..\\a", "a:b", "a.txt:stream", "C:", "a*", "a?", "a<b", "a>b", 'a"b', "a|b"],
    ...["a.", "a ", "a./b", "a /b", "...", "CON", "con", "con.txt", "NUL.tar.gz", "a/aux", "prn"],
    ...[
      "COM1",
      "com9.log",
      "COM¹",
      "con .txt",
      "CLOCK$",
      "lpt0",
      "LPT³.x",
      "CONIN$",
      "conout$",
      ".shoal.",
      ".shoal ",
    ],
    ...["SHOAL~1/identity.pem", "shoal~2"],
  ];
  for (const name of bad) assertNotEquals(whyUnsafe(name, "windows"), undefined, name);
  const good = ["console", "com", "com10", "nul_", "a.b", "lpt", "auxiliary/x", "a'b", "shoal~"];
  for (const name of good) assertEquals(whyUnsafe(name, "windows"), undefined, name);
});

Deno.test("names: the error says which name and why, on one short line", async () => {
  await faultOf("usage", () => safeName("../a"), 'Cannot use "../a": it has the part ..');
  const fault = await faultOf("usage", () => safeName("x\n".repeat(500_000)));
  assert(fault.message.length < 300);
});

/** Names made of the pieces that trouble is made of. */
const trouble = fc.array(
  fc.oneof(
    fc.constantFrom(
      "..",
      ".",
      "/",
      "\\",
      "//",
      "~",
      "C:",
      "%2e%2e",
      "\0",
      "\n",
      ".shoal",
      NFD,
      " ",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  ),
  { maxLength: 8 },
).map((parts) => parts.join(""));

Deno.test("names: whatever is accepted lies inside DIR, outside the state folder", () => {
  fc.assert(
    fc.property(fc.oneof(trouble, fc.string({ unit: "binary" })), (name) => {
      for (const os of ["linux", "windows"]) {
        if (whyUnsafe(name, os) !== undefined) continue;
        const path = resolve("/srv/files", name);
        assert(path.startsWith("/srv/files/"), path);
        assert(!isInside("/srv/files/.shoal", path), path);
      }
      try {
        const path = pathOf("/srv/files", name);
        assertEquals(resolve(path), path, "there is one way to write it");
        assertEquals(safeName(name), name, "what was accepted stays so");
        assertEquals(name.normalize("NFC"), name);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        assertEquals(error.kind, "usage");
      }
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("names: folding brings together what some disk takes for one, once and for all", () => {
  for (let code = 0; code < 0x110000; code++) {
    if (code === 0xd800) code = 0xe000;
    const char = String.fromCodePoint(code);
    const folded = foldName(char);
    if (folded !== char) assertEquals(foldName(folded), folded, code.toString(16));
    for (const other of [char.toUpperCase(), char.toLowerCase(), char.normalize("NFD")]) {
      if (other !== char) assertEquals(foldName(other), folded, code.toString(16));
    }
  }
  assertEquals(foldName("STRASSE/CAFÉ"), foldName(`straße/${NFD}`));
  assertNotEquals(foldName("a"), foldName("á"));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (name) => {
    assertEquals(foldName(foldName(name)), foldName(name));
  }));
});

Deno.test("twins: what differs in case or form alone is found, whatever the disk", async () => {
  await using folder = await TempFolder.create();
  await folder.write("Docs/Read.me", "x");
  await folder.write(`docs/${NFD}`, "x");
  await folder.write("both", "x");
  await folder.write("BOTH", "x");
  const table: [name: string, twin: string | undefined][] = [
    ["Docs/Read.me", undefined],
    ["Docs/read.me", "Docs/Read.me"],
    ["docs/Read.me", "Docs/Read.me"],
    ["DOCS/READ.ME", "Docs/Read.me"],
    [`docs/${NFC}`, `docs/${NFD}`],
    ["DOCS/other", undefined],
    ["both", undefined],
    ["BOTH", undefined],
    ["Both/below", undefined],
    ["missing/Docs/Read.me", undefined],
  ];
  for (const [name, twin] of table) {
    assertEquals(await findCaseCollision(folder.path, name), twin, name);
  }
  const some = await findCaseCollision(folder.path, "bOtH");
  assert(some === "both" || some === "BOTH");
});
