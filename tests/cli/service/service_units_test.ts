import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { cronLine, shellWord } from "../../../src/cli/service/cron_line.ts";
import {
  type ServicePlan,
  servingUnit,
  timedUnits,
} from "../../../src/cli/service/service_units.ts";
import {
  systemdBarePath,
  systemdProgram,
  systemdText,
  systemdWord,
} from "../../../src/cli/service/systemd_words.ts";
import { type Unit, unitText } from "../../../src/cli/service/unit_file.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, skippedIf, testUnless } from "../../support/tools.ts";

const PLAN: ServicePlan = {
  name: "shoal-peer",
  description: "Shoal peer",
  program: Deno.execPath(),
  words: ["peer", "--dir", "/srv/shoal"],
  user: false,
  ownFolder: false,
  writable: ["/srv/shoal"],
  readable: [],
  lowPort: false,
};

/** A word as systemd reads it: quotes and C escapes first, then specifiers, then variables. */
function readBySystemd(text: string): string {
  const quoted = /^"(.*)"$/s.exec(text)?.[1];
  if (quoted === undefined) assert(!/["'\\\s;]/.test(text), text);
  else assert(/^(?:[^"\\]|\\.)*$/.test(quoted), text);
  const plain = quoted?.replace(
    /\\(x[0-9a-f]{2}|.)/g,
    (_, escape) => escape[0] === "x" ? String.fromCharCode(parseInt(escape.slice(1), 16)) : escape,
  ) ?? text;
  assert(!/[\n\r]/.test(text), "one line");
  // A specifier or a variable would be something else than a doubled sign.
  assert(!/%(?!%)/.test(plain.replaceAll("%%", "")), text);
  assert(!plain.replaceAll("$$", "").includes("$"), text);
  return plain.replaceAll("%%", "%").replaceAll("$$", "$");
}

Deno.test("words reach the program as they were", () => {
  const hard = ["", " ", "a b", "100%", "$HOME", "${X}", '"', "'", "\\", "\n", "\t", ";", "é", "#"];
  for (const word of hard) assertEquals(readBySystemd(systemdWord(word)), word);
  const words = fc.string({ unit: "binary" }).filter((word) => !word.includes("\0"));
  fc.assert(fc.property(words, (word) => assertEquals(readBySystemd(systemdWord(word)), word)));
  assertEquals(systemdProgram("/opt/a$b 100%/shoal"), '"/opt/a$b 100%%/shoal"');
  assertEquals(systemdText("a\nb\\"), "a\ufffdb\\ ");
  for (const path of ["/a\nb", "/a\\"]) assertThrows(() => systemdBarePath(path), Error, "no unit");
});

testUnless(lacking("sh"), "words reach a command of cron as they were", async () => {
  const words = ["a b", "it's", "100%", "$HOME", "`x`", "*", "\\", "", "-n"];
  const line = cronLine("daily", ["printf", "%s\\n", ...words])!;
  assert(line.startsWith("0 0 * * *  "));
  // cron itself takes the backslash from an escaped percent sign (crontab(5)).
  const command = line.slice("0 0 * * *  ".length).replaceAll("\\%", "%");
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  assertEquals(new TextDecoder().decode(stdout), words.map((word) => `${word}\n`).join(""));
  assertEquals(shellWord("/usr/bin/shoal"), "/usr/bin/shoal");
});

Deno.test("calendar expressions in cron's words, where it has them", () => {
  const lines: [string, string | undefined][] = [
    ["hourly", "0 * * * *"],
    ["Daily", "0 0 * * *"],
    ["weekly", "0 0 * * 1"],
    ["03:15", "15 3 * * *"],
    ["*-*-* 03:15:00", "15 3 * * *"],
    ["*-*-01 00:05", "5 0 1 * *"],
    ["Mon..Fri 6:30", "30 6 * * 1-5"],
    ["Sat,Sun 06:30", "30 6 * * 6,0"],
    ["Fri..Sun 06:30", "30 6 * * 5-7"],
    ["*:0/15", "0-59/15 * * * *"],
    ["*:7", "7 * * * *"],
    ["Mon *-*-01 00:00", undefined],
    ["24:00", undefined],
    ["*-*-32 00:00", undefined],
    ["*:0/0", undefined],
    ["Caturday 06:00", undefined],
    ["2026-12-24 18:00", undefined],
    ["03:15:30", undefined],
    ["x", undefined],
  ];
  for (const [calendar, schedule] of lines) {
    assertEquals(cronLine(calendar, ["x"]), schedule && `${schedule}  x`, calendar);
  }
});

/** The values of a setting. */
function valuesOf(text: string, name: string): string[] {
  return text.split("\n").filter((line) => line.startsWith(`${name}=`))
    .map((line) => line.slice(name.length + 1));
}

Deno.test("a service sees no more of the machine than it needs", () => {
  const unit = (plan: Partial<ServicePlan>) => unitText(servingUnit({ ...PLAN, ...plan }));
  const plain = unit({ runAs: "shoal" });
  assertEquals(valuesOf(plain, "User"), ["shoal"]);
  assertEquals(valuesOf(plain, "DynamicUser"), []);
  assertEquals(valuesOf(plain, "ReadWritePaths"), ["/srv/shoal"]);
  assertEquals(valuesOf(plain, "ProtectHome"), ["yes"]);
  assertEquals(valuesOf(plain, "CapabilityBoundingSet"), [""]);
  assertEquals(valuesOf(plain, "MemoryDenyWriteExecute"), []);

  const own = unit({ ownFolder: true, writable: [] });
  assertEquals([valuesOf(own, "DynamicUser"), valuesOf(own, "StateDirectory")], [
    ["yes"],
    ["shoal-peer"],
  ]);
  const home = unit({ writable: ["/home/me/my files"], readable: ["/root/config.toml"] });
  assertEquals(valuesOf(home, "ProtectHome"), ["tmpfs"]);
  assertEquals(valuesOf(home, "BindPaths"), ['"/home/me/my files"']);
  assertEquals(valuesOf(home, "BindReadOnlyPaths"), ["/root/config.toml"]);
  assertEquals(valuesOf(unit({ lowPort: true }), "AmbientCapabilities"), ["CAP_NET_BIND_SERVICE"]);

  const secret = unit({ swarmKey: "/root/swarm.key" });
  assertEquals(valuesOf(secret, "LoadCredential"), ["swarm.key:/root/swarm.key"]);
  assertMatch(
    valuesOf(secret, "ExecStart")[0],
    / --swarm-key \$\{CREDENTIALS_DIRECTORY\}\/swarm\.key$/,
  );
  const user = unit({ user: true, swarmKey: "/home/me/swarm.key" });
  assertMatch(valuesOf(user, "ExecStart")[0], / --swarm-key \/home\/me\/swarm\.key$/);
  assertEquals([valuesOf(user, "ProtectSystem"), valuesOf(user, "User")], [[], []]);
  assertEquals(valuesOf(user, "WantedBy"), ["default.target"]);
});

/** Every kind of plan that `install-service` makes. */
function allUnits(program: string): Unit[][] {
  const hard = ["--advertise", "x", "100% $HOME", 'a "b" \\', "é\n\t;", ";"];
  const plans: Partial<ServicePlan>[] = [
    {},
    { runAs: "daemon", words: hard, description: "100% \\" },
    { ownFolder: true, writable: [] },
    { lowPort: true, swarmKey: "/etc/swarm key: %", readable: ["/home/x/c:1.toml"] },
    { writable: ["/home/x y/%", '/srv/a\\\\"b:c'] },
    { user: true, swarmKey: "/k" },
  ];
  return plans.flatMap((plan) => {
    const whole = { ...PLAN, program, ...plan };
    return [
      [servingUnit(whole)],
      timedUnits(whole, { calendar: "Mon..Fri 03:15", randomizedDelay: 90.5 }),
    ];
  });
}

Deno.test({
  // It is in Debian's package systemd.
  ...skippedIf(lacking("systemd-analyze"), "systemd finds nothing wrong with any unit"),
  async fn() {
    for (const units of allUnits("/bin/true")) {
      await using folder = await TempFolder.create();
      const paths = await Promise.all(
        units.map((unit) => folder.write(unit.name, unitText(unit))),
      );
      const user = !units.some((unit) => unitText(unit).includes("multi-user.target"));
      const { code, stderr } = await new Deno.Command("systemd-analyze", {
        args: ["verify", "--man=no", "--recursive-errors=no", ...user ? ["--user"] : [], ...paths],
        stdout: "null",
        stderr: "piped",
        env: { XDG_RUNTIME_DIR: folder.at(".") },
      }).output();
      const said = new TextDecoder().decode(stderr);
      assertEquals([code, said], [0, ""], units.map(unitText).join("\n"));
    }
  },
});
