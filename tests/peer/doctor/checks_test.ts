import { assertEquals, assertMatch } from "@std/assert";
import { exitOf } from "../../../src/cli/doctor.ts";
import { judgeClock, judgePort } from "../../../src/peer/doctor/check_bootstrap.ts";
import { judgeSpace } from "../../../src/peer/doctor/check_folder.ts";
import { checkLimits, checkOpenFiles } from "../../../src/peer/doctor/check_limits.ts";
import { RELEASED } from "../../../src/version.ts";
import { checkPartials } from "../../../src/peer/doctor/check_partials.ts";
import { checkVersions } from "../../../src/peer/doctor/check_versions.ts";
import { fault, type Finding, ok, warning } from "../../../src/peer/api/finding.ts";
import { Fault } from "../../../src/fault.ts";
import { AGENT } from "../../../src/version.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const GIB = 2 ** 30;
const ME = "ab".repeat(32);

const levels = (findings: Finding[]) => findings.map(({ level }) => level);

Deno.test("free space: a warning under 1 GiB, and under 5 %", () => {
  assertEquals(judgeSpace(GIB, 20 * GIB).level, "ok");
  assertEquals(judgeSpace(GIB - 1, 2 * GIB).level, "warning");
  assertEquals(judgeSpace(2 * GIB, 40 * GIB + 1).level, "warning");
  assertEquals(judgeSpace(Infinity, Infinity).level, "ok");
});

Deno.test("clock: either way, and where nobody tells the time", () => {
  assertEquals(judgeClock("x", undefined).level, "ok");
  for (
    const [ahead, level] of [[30_000, "ok"], [30_001, "warning"], [-30_001, "warning"]] as const
  ) {
    assertEquals(judgeClock("x", ahead).level, level);
  }
  assertMatch(judgeClock("x", 60_000).message, /60\.0 s ahead of that of x/);
  assertMatch(judgeClock("x", -60_000).message, /60\.0 s behind that of x/);
});

Deno.test("port: what the bootstrap says of calling back", () => {
  const port = (more: { reachable?: boolean | null }) =>
    judgePort("x", [{ peer: ME, address: "192.0.2.1", port: 10_000, ...more }], ME);
  assertMatch(port({ reachable: true }).message, /reached this peer at 192\.0\.2\.1:10000/);
  assertEquals([port({ reachable: false }).level, port({ reachable: null }).level], [
    "warning",
    "ok",
  ]);
  assertEquals(port({}).level, "ok");
  assertEquals(judgePort("x", [], ME).level, "warning");
  assertEquals(judgePort("x", [], undefined).level, "ok");
});

Deno.test("downloads: count, size, the oldest, and the stale ones by name", () => {
  const day = 86_400_000;
  const from = RELEASED + 100 * day;
  const of = (name: string, days: number) => ({ name, size: GIB, updated: from + days * day });
  assertEquals(checkPartials([], 0).level, "ok");
  const young = checkPartials([of("a", 0), of("b", -1)], from + day);
  assertEquals(young.level, "ok");
  assertMatch(young.message, /^2 unfinished, of 2048\.0 MiB in all; .* 2 days$/);
  const stale = checkPartials([of("a", 0), of("b", -20)], from + day);
  assertEquals(stale.level, "warning");
  assertMatch(stale.message, /; stale: "b"$/);
  assertEquals(checkPartials([of("a", 1)], 0).level, "ok", "a clock that went back");
});

Deno.test("limits: a rate that forgot its letter", () => {
  const none = { limit_up: null, limit_down: null, upload_slots: 16 };
  assertEquals(levels(checkLimits(none)), ["ok"]);
  assertEquals(levels(checkLimits({ ...none, limit_up: 500, limit_down: 2 })), [
    "warning",
    "warning",
  ]);
  assertEquals(levels(checkLimits({ ...none, limit_up: 1 << 20 })), ["ok"]);
});

Deno.test("open files: few are a warning; where nobody tells, nothing is said", async () => {
  await using folder = await TempFolder.create();
  const limits = (soft: string) =>
    folder.write(
      "limits",
      `Limit  Soft Limit  Hard Limit\nMax open files            ${soft}  4096  files\n`,
    );
  for (const [soft, expected] of [["1024", "warning"], ["65536", "ok"], ["unlimited", "ok"]]) {
    assertEquals(levels(await checkOpenFiles(await limits(soft))), [expected]);
  }
  assertEquals(await checkOpenFiles(folder.at("missing")), []);
});

Deno.test("versions: others, and newer ones", () => {
  assertEquals(levels(checkVersions([AGENT, "shoal/0.0.1", "odd"])), ["ok"]);
  assertMatch(checkVersions(["odd", "odd"])[0].message, /peers also run odd \(2\)$/);
  assertEquals(levels(checkVersions(["shoal/999.0.0"])), ["warning"]);
  const many = Array.from({ length: 20 }, (_, index) => `x/${index}`);
  assertMatch(checkVersions(many)[0].message, /x\/4 \(1\), others$/);
});

Deno.test("exit code: that of the worst fault, and 0 for warnings", () => {
  const of = (kind: "network" | "integrity" | "usage") => fault("x", new Fault(kind, "y"));
  assertEquals(exitOf([ok("x", "y"), warning("x", "y")]), 0);
  assertEquals(exitOf([of("network")]), 4);
  assertEquals(exitOf([of("network"), of("usage"), of("integrity")]), 5);
  assertEquals(exitOf([fault("x", new Error("boom"))]), 7);
});
