/** What `get` is made of: locks, waiting, commands, lists of names, receipts. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { runHook } from "../../../src/cli/process/hook.ts";
import { ReceiptFile } from "../../../src/cli/output/receipt_file.ts";
import { getVerb } from "../../../src/cli/verbs/get.ts";
import { namesOf } from "../../../src/cli/verbs/get_names.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { whileHeld } from "../../../src/cli/process/while_held.ts";
import { Fault } from "../../../src/fault.ts";
import { untilFound } from "../../../src/peer/target/until_found.ts";
import { TargetLock } from "../../../src/store/state/target_lock.ts";
import { faultOf } from "../../support/faults.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, testUnless } from "../../support/tools.ts";

const { signal } = new AbortController();

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
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const reader = child.stdout.getReader();
  assertMatch(new TextDecoder().decode((await reader.read()).value), /taken/);
  assertEquals(assertThrows(() => TargetLock.take(path), Fault).kind, "held");
  child.kill("SIGKILL");
  await child.status;
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

Deno.test("waiting: for what time may mend, and no longer than was said", async () => {
  for (const kind of ["not_found", "network"] as const) {
    let looks = 0;
    const find = () => ++looks < 3 ? Promise.reject(new Fault(kind, "no")) : Promise.resolve(7);
    assertEquals(await untilFound(find, { waitMs: 60_000, signal }), 7);
    assertEquals(looks, 3);
  }
  let looks = 0;
  let time = 0;
  const never = (kind: "not_found" | "integrity") => () => {
    looks++;
    time += 10_000;
    return Promise.reject(new Fault(kind, "no"));
  };
  await assertRejects(() => untilFound(never("not_found"), { signal }), Fault);
  assertEquals(looks, 1, "without a time, one look");
  await assertRejects(() => untilFound(never("integrity"), { waitMs: 60_000, signal }), Fault);
  assertEquals(looks, 2, "what time doesn't mend is not waited for");
  const options = { waitMs: 20_000, signal, now: () => time };
  await assertRejects(() => untilFound(never("not_found"), options), Fault);
  assertEquals(looks, 4);
});

Deno.test("waiting for a lock: while it is held, until it is free, or the time is over", async () => {
  let tries = 0;
  const held = () => Promise.reject(new Fault("held", "no"));
  const work = () => ++tries < 3 ? held() : Promise.resolve("in");
  assertEquals(await whileHeld(work, { waitMs: Infinity, signal }), "in");
  await assertRejects(() => whileHeld(held, { signal }), Fault, "no");
  const late = { waitMs: Infinity, signal, deadline: performance.now() + 20 };
  await faultOf("deadline", whileHeld(held, late), "no, until the deadline passed");
  await faultOf(
    "held",
    whileHeld(held, { waitMs: 1, signal, deadline: performance.now() + 60_000 }),
    "no",
  );
  await faultOf("held", whileHeld(held, { signal, deadline: Infinity }), "no");
  const ended = new AbortController();
  const waiting = whileHeld(held, { waitMs: Infinity, signal: ended.signal });
  ended.abort(new DOMException("enough", "AbortError"));
  await assertRejects(() => waiting, DOMException, "enough");
});

Deno.test("splay: a random part of the time, and none of a refused command's", async () => {
  const call = (flags: Record<string, unknown>) => ({
    ...{ args: ["x"], flags, cwd: "/", started: 0, output: new Output(), signal },
  });
  const started = performance.now();
  await getVerb.prepare!(call({ splay: 3_600 }), () => 0);
  assert(performance.now() - started < 60_000);
  const ended = new AbortController();
  const long = getVerb.prepare!({ ...call({ splay: 3_600 }), signal: ended.signal }, () => 0.999);
  ended.abort(new DOMException("enough", "AbortError"));
  await assertRejects(() => long, DOMException);
  const missing = call({ splay: 3_600, onDone: ["/nonexistent/command"] });
  const fault = await assertRejects(() => getVerb.prepare!(missing, () => 0.999), Fault);
  assertEquals(fault.kind, "hook");
});

testUnless(
  lacking("sh"),
  "hooks: no shell, values in the environment, options of its own left out",
  async () => {
    await using folder = await TempFolder.create();
    const script = `printf '%s|' "$@" "$SHOAL_NAME" "\${SHOAL_ID-unset}" > out`;
    const options = { cwd: folder.path, signal, without: ["SHOAL_ID"] };
    Deno.env.set("SHOAL_ID", "of the caller");
    try {
      const values = { SHOAL_NAME: "a;b $(c) \0\n'", SHOAL_PATH: undefined };
      await runHook("--on-done", ["sh", "-c", script, "sh", "$HOME", "a b"], {
        ...options,
        values,
      });
    } finally {
      Deno.env.delete("SHOAL_ID");
    }
    assertEquals(await Deno.readTextFile(folder.at("out")), "$HOME|a b|a;b $(c) \n'|unset|");
    for (const words of [["false"], ["/nonexistent"], ["sh", "-c", "kill -9 $$"]]) {
      const run = runHook("--on-done", words, { ...options, values: {} });
      assertEquals((await assertRejects(() => run, Fault)).kind, "hook", words.join(" "));
    }
    const ended = new AbortController();
    const words = ["sh", "-c", "echo > begun; exec sleep 3600"];
    const long = runHook("--on-done", words, { ...options, signal: ended.signal, values: {} });
    ended.abort(new DOMException("enough", "AbortError"));
    await assertRejects(() => long, DOMException);
  },
);

Deno.test("lists of names: blank lines, line ends, and files that can't be read", async () => {
  await using folder = await TempFolder.create();
  const list = await folder.write("list", "a\r\n\n  \nb c\n# d");
  const { path: cwd } = folder;
  const { signal } = new AbortController();
  const read = (list?: string) => Array.fromAsync(namesOf(["first"], { list, cwd, signal }));
  assertEquals(await read(list), ["first", "a", "b c", "# d"]);
  assertEquals(await read("list"), ["first", "a", "b c", "# d"]);
  assertEquals(await read(), ["first"]);
  for (
    const wrong of ["missing", ".", await folder.write("long", "x".repeat(10_000)), "/dev/zero"]
  ) {
    assertEquals((await assertRejects(() => read(wrong), Fault)).kind, "usage");
  }
});

testUnless(lacking("mkfifo"), "receipts in a file: whole or not at all", async () => {
  await using folder = await TempFolder.create();
  const { path: cwd } = folder;
  const file = await ReceiptFile.at("receipt", cwd);
  file.add({ name: "a" });
  await file.save();
  file.add({ name: "b" });
  await file.save();
  assertEquals(await Deno.readTextFile(folder.at("receipt")), '{"name":"a"}\n{"name":"b"}\n');
  assertEquals(folder.list(), ["receipt"]);
  await Deno.symlink("receipt", folder.at("link"));
  const behind = await ReceiptFile.at("link", cwd);
  behind.add({ name: "c" });
  await behind.save();
  assertEquals(await Deno.readTextFile(folder.at("receipt")), '{"name":"c"}\n');
  assertEquals((await Deno.lstat(folder.at("link"))).isSymlink, true);
  await new Deno.Command("mkfifo", { args: [folder.at("fifo")] }).output();
  for (const wrong of [".", "missing/receipt", "fifo"]) {
    assertEquals((await assertRejects(() => ReceiptFile.at(wrong, cwd), Fault)).kind, "usage");
  }
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
