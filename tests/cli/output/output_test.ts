import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { safeJson, sanitize } from "../../../src/cli/output/sanitize.ts";
import { formatTable, formatTableStream } from "../../../src/cli/output/table.ts";
import {
  formatAge,
  formatDuration,
  formatRate,
  formatSize,
  formatTime,
  parseSize,
} from "../../../src/cli/output/units.ts";
import { Fault } from "../../../src/fault.ts";

Deno.test("sizes are shown in powers of 1024 and never as 1024 of a unit", () => {
  const table: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [102_348, "99.9 KiB"],
    [102_400, "100 KiB"],
    [1_048_575, "1.0 MiB"],
    [1 << 30, "1.0 GiB"],
    [2 ** 53, "8.0 PiB"],
  ];
  for (const [bytes, text] of table) assertEquals(formatSize(bytes), text);
  assertEquals(formatRate(870 * 1024 ** 2), "870 MiB/s");
});

Deno.test("sizes are read back", () => {
  const table: [string, number][] = [
    ["0", 0],
    ["512", 512],
    ["512B", 512],
    ["64K", 65_536],
    ["1.5g", 1.5 * 1024 ** 3],
    ["2 MiB", 2 * 1024 ** 2],
    ["1TB", 1024 ** 4],
  ];
  for (const [text, bytes] of table) assertEquals(parseSize(text), bytes);
  for (const text of ["", "K", "-1", "1X", "1e9", "99999T", "1.K"]) {
    assertThrows(() => parseSize(text), Fault, "is not a size");
  }
});

Deno.test("durations, ages and times", () => {
  const durations: [number, string][] = [
    [0, "0 ms"],
    [0.035, "35 ms"],
    [1.2, "1.2 s"],
    [9.96, "10 s"],
    [59.6, "1m00s"],
    [200, "3m20s"],
    [18_400, "5h06m"],
    [183_600, "2d03h"],
  ];
  for (const [seconds, text] of durations) assertEquals(formatDuration(seconds), text);
  assertEquals([59, 60, 3_600, 86_400].map((s) => formatAge(0, s * 1000)), [
    "59s",
    "1m",
    "1h",
    "1d",
  ]);
  assertEquals(formatAge(5_000, 0), "0s", "a clock that is ahead");
  assertEquals(formatTime(Date.UTC(2026, 0, 31, 9, 5, 59)), "2026-01-31T09:05Z");
});

Deno.test("what others wrote can't act on a terminal", () => {
  assertEquals(sanitize("a\x1b[31mb\r\n\x07\x7f\x9bc"), "a�[31mb�����c");
  assertEquals(sanitize("\u202egnp.exe\u2066\u200f\u061c"), "�gnp.exe���");
  assertEquals(sanitize("a\u200bb\ufeff\u2060\u00ad\u{e0041}"), "a\ufffdb\ufffd\ufffd\ufffd\ufffd");
  assertEquals(sanitize("日本語 🐟 é"), "日本語 🐟 é");
  assertEquals(sanitize("👩\u200d🔬 نمی\u200cخواهم"), "👩\u200d🔬 نمی\u200cخواهم");
  const value = { name: "a\u202eb\x9b\x7f\u2028\n\u200b\ufeff\u{e0041}" };
  assertMatch(safeJson(value), /^[\x20-\x7e]+$/);
  assertEquals(JSON.parse(safeJson(value)), value);
});

Deno.test("tables have columns that awk can pick, wide characters or not", async () => {
  assertEquals(await formatTable(["A"], []), "");
  const table = await formatTable(["ID", "NAME"], [["1", "日本"], ["22", "x\x1by"], ["", "🐟"]]);
  assertEquals(table.split("\n"), ["ID  NAME", "1   日本", "22  x�y", "-   🐟"]);
  const wide = await formatTable(["A", "B"], [["日本", "x"], ["y", "z"]]);
  assertEquals(wide.split("\n"), ["A     B", "日本  x", "y     z"]);
});

Deno.test("a long table comes in pieces, with one header", async () => {
  for (const count of [0, 1, 999, 1000, 1001, 2500]) {
    const pieces = await Array.fromAsync(formatTableStream(["N"], numbers(count)));
    const lines = pieces.join("").split("\n");
    assertEquals(lines.length - 1, count === 0 ? 0 : count + 1);
    assertEquals(lines.filter((line) => line === "N").length, count === 0 ? 0 : 1);
    assertEquals(lines.slice(1, -1), Array.from({ length: count }, (_, i) => String(i)));
  }
});

async function* numbers(count: number): AsyncGenerator<string[]> {
  for (let i = 0; i < count; i++) yield await Promise.resolve([String(i)]);
}
