import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
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
    [20, `debian-12.7…  ${FIGURES}`],
  ];
  for (const [columns, line] of lines) {
    assertEquals(progressLine(name, SHOWN, columns), line, String(columns));
  }
  const begun = { bytes: 0, size: 2 };
  assertEquals(
    progressLine("a", begun, 30),
    "a  ░░░░░░░░░░░░░░  0%  0 B/2 B",
  );
});

Deno.test("progress line: nothing is whole at once, and more than all is all", () => {
  assertEquals(progressLine("a", { bytes: 0, size: 0 }, 30), "a  ████████████  100%  0 B/0 B");
  assertEquals(progressLine("a", { bytes: 3, size: 2 }, 30), "a  ████████████  100%  3 B/2 B");
});

Deno.test("progress line: it fits wherever its figures and a short name do", () => {
  const names = fc.string({ minLength: 1, maxLength: 100, unit: "grapheme-ascii" });
  fc.assert(
    fc.property(names, fc.nat(300), fc.nat(SHOWN.size), (name, columns, bytes) => {
      const line = progressLine(name, { ...SHOWN, bytes }, columns);
      const figures = progressLine("", { ...SHOWN, bytes }, 0).trimStart();
      assert(line.endsWith(`  ${figures}`), line);
      // The least of a name, and the gap.
      const least = 12 + 2 + figures.length;
      assert(line.length <= Math.max(columns, least), `${line.length} > ${columns}: ${line}`);
    }),
  );
});
