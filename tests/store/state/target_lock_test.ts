import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { TargetLock } from "../../../src/store/state/target_lock.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { note } from "../../support/run_folder.ts";

Deno.test("target lock: one at a time, free again afterwards, and nothing is left", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("file");
  for (let round = 0; round < 2; round++) {
    using _lock = TargetLock.take(path);
    const fault = assertThrows(() => TargetLock.take(path), Fault);
    assertEquals(fault.kind, "held");
    using _other = TargetLock.take(folder.at("other"));
  }
  assertEquals(folder.list(), []);
});

Deno.test("target lock: holds against other processes, and not beyond their death", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("file");
  const script = `import { TargetLock } from "${
    import.meta.resolve("../../../src/store/state/target_lock.ts")
  }";
    TargetLock.take(Deno.args[0]); console.log("taken"); setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "-", path],
    cwd: new URL("../../..", import.meta.url),
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const forget = note({ kind: "process", pid: child.pid });
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const reader = child.stdout.getReader();
  assertMatch(new TextDecoder().decode((await reader.read()).value), /taken/);
  assertEquals(assertThrows(() => TargetLock.take(path), Fault).kind, "held");
  child.kill("SIGKILL");
  await child.status;
  forget();
  await reader.cancel();
  assertEquals(folder.list().length, 1, "what a dead process leaves");
  TargetLock.take(path)[Symbol.dispose]();
  assertEquals(folder.list(), []);
});

Deno.test("target lock: neither a link nor a folder in its place is followed", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("file");
  let place: string;
  {
    using _lock = TargetLock.take(path);
    [place] = folder.list();
  }
  await Deno.symlink(folder.at("elsewhere"), folder.at(place));
  assertEquals(assertThrows(() => TargetLock.take(path), Fault).kind, "disk");
  assertEquals(folder.list(), [place]);
});

Deno.test("target lock: in a shared folder it lies out of sight", async () => {
  await using folder = await TempFolder.create();
  await folder.mkdir("dir/.shoal");
  await folder.mkdir("dir/a");
  {
    using _lock = TargetLock.take(folder.at("dir/a/b/file"));
    assertThrows(() => TargetLock.take(folder.at("dir/a/b/file")), Fault);
    assertEquals(Array.from(Deno.readDirSync(folder.at("dir/a"))), []);
  }
  assertEquals(Array.from(Deno.readDirSync(folder.at("dir/.shoal/locks"))), []);
});
