import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { displayWidth } from "../../../src/cli/output/display_width.ts";
import { progressLine } from "../../../src/cli/output/progress_line.ts";

const SHOWN = { bytes: 25 << 20, size: 100 << 20, rate: 5 << 20, eta: 15, sources: 2 };
const FIGURES = "25%  25.0 MiB/100 MiB  5.0 MiB/s  ETA 15 s  2 sources";

Deno.test("progress line: a name, a bar, and figures; with few columns the bar gives way, then the name", () => {
  const name = "debian-12.7.0-amd64-netinst.iso";
  const lines: [number, string][] = [
    [200, `${name}  █████░░░░░░░░░░░░░░░  ${FIGURES}`],
    [97, `${name}  ██░░░░░░░  ${FIGURES}`],
    [90, `debian-12.7.0-amd64-neti…  ██░░░░░░  ${FIGURES}`],
    [77, `debian-12.7…  ██░░░░░░  ${FIGURES}`],
    [76, `debian-12.7.0-amd64-…  ${FIGURES}`],
    [60, "debian-12.7.0-a…  25%  25.0 MiB/100 MiB  5.0 MiB/s  ETA 15 s"],
    [40, "debian-12.7.0-am…  25%  25.0 MiB/100 MiB"],
    [20, "debian-12.7.0-…  25%"],
    [5, "  25%"],
  ];
  for (const [columns, line] of lines) {
    assertEquals(progressLine(name, SHOWN, { columns }), line, String(columns));
  }
  const begun = { bytes: 0, size: 2 };
  assertEquals(
    progressLine("a", begun, { columns: 30 }),
    "a  ░░░░░░░░░░░░░░  0%  0 B/2 B",
  );
});

Deno.test("progress line: nothing is whole at once, and more than all is all", () => {
  assertEquals(
    progressLine("a", { bytes: 0, size: 0 }, { columns: 30 }),
    "a  ████████████  100%  0 B/0 B",
  );
  assertEquals(
    progressLine("a", { bytes: 3, size: 2 }, { columns: 30 }),
    "a  ████████████  100%  3 B/2 B",
  );
});

Deno.test("progress line: wide characters count as two, and ASCII is enough where it must be", () => {
  const wide = progressLine("日本語".repeat(10), SHOWN, { columns: 76 });
  assertEquals(wide, `日本語日本語日本語日…  ${FIGURES}`);
  assertEquals(
    progressLine("a.mkv", { bytes: 25, size: 100 }, { columns: 32, ascii: true }),
    "a.mkv  ##------  25%  25 B/100 B",
  );
  assertEquals(
    progressLine("x".repeat(20), SHOWN, { columns: 18, ascii: true }),
    "xxxxxxxxxxxx~  25%",
  );
});

Deno.test("progress line: it fits any terminal", () => {
  const names = fc.string({ minLength: 1, maxLength: 100, unit: "grapheme" });
  fc.assert(
    fc.property(
      names,
      fc.integer({ min: 4, max: 300 }),
      fc.nat(SHOWN.size),
      (name, columns, bytes) => {
        const line = progressLine(name, { ...SHOWN, bytes }, { columns });
        assert(displayWidth(line) <= columns, `${displayWidth(line)} > ${columns}: ${line}`);
      },
    ),
  );
});
