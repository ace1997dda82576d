/** Commands that `get` runs when a download is done or has failed. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { contentsOf } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { lastLine, World, writeRandom } from "./world.ts";
import { lacking, noPosix, testUnless } from "../support/tools.ts";

testUnless(lacking("sh"), "commands: run when it is done or has failed, and told how", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const id = await alice.publish("data", "content");
  const dir = await world.folder("getter");
  const script = `${world.root}/hook`;
  await Deno.writeTextFile(script, `#!/bin/sh\nenv | grep ^SHOAL_ > "$1"\necho said\nexit "$2"\n`, {
    mode: 0o755,
  });
  const told = async () =>
    Object.fromEntries(
      (await Deno.readTextFile(`${world.root}/told`)).trimEnd().split("\n")
        .map((line) => [line.split("=")[0], line.slice(line.indexOf("=") + 1)]),
    );
  const hooks = (code: number) => [
    ...["--on-done", `${script} '${world.root}/told' ${code}`],
    ...["--on-error", `${script} '${world.root}/told' ${code}`],
  ];
  const done = await world.run(dir, ["get", "data", "--json", ...hooks(0)]);
  assertEquals([done.code, done.stderr], [0, "said\n"]);
  assertEquals(JSON.parse(lastLine(done.stdout)).event, "done");
  const values = await told();
  assertEquals(
    [values.SHOAL_NAME, values.SHOAL_PATH, values.SHOAL_FILE_ID, values.SHOAL_SIZE],
    ["data", `${dir}/data`, id, "7"],
  );
  assertEquals([values.SHOAL_STATUS, values.SHOAL_EXIT], ["done", "0"]);
  assertEquals(values.SHOAL_ON_DONE, undefined);

  const failing = await world.run(dir, ["get", "data", "--json", ...hooks(3)]);
  assertEquals(failing.code, 11);
  assertEquals(JSON.parse(lastLine(failing.stdout)).error.code, "hook");
  assertEquals(await Deno.readTextFile(`${dir}/data`), "content", "the file stays");

  const missing = await world.run(dir, ["get", "none", ...hooks(3)]);
  assertEquals(missing.code, 3, "what failed first is what counts");
  const { SHOAL_STATUS, SHOAL_EXIT, SHOAL_ERROR } = await told();
  assertEquals([SHOAL_STATUS, SHOAL_EXIT], ["not_found", "3"]);
  assertStringIncludes(SHOAL_ERROR, "no peer in the swarm has it");
});

testUnless(
  noPosix ?? lacking("sleep"),
  "a hook is over when its command is, and the deadline bounds it",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 1_000);
    await world.json(source.dir, ["share", "data"]);
    const get = async (name: string, ...hook: string[]) => {
      const dir = await world.folder(crypto.randomUUID());
      const started = performance.now();
      const finished = await world.run(dir, ["get", name, ...hook]);
      return { dir, seconds: (performance.now() - started) / 1000, ...finished };
    };
    // The background command holds the pipe for longer than a test may take.
    const pid = `${world.root}/pid`;
    const left = `sh -c 'echo begun; sleep 100 2>/dev/null & echo $! > ${pid}'`;
    const done = await get("data", "--on-done", left, "--deadline", "60s");
    Deno.kill(Number(await Deno.readTextFile(pid)), "SIGKILL");
    assertEquals(done.code, 0);
    assert(done.seconds < 30 && done.stderr.includes("begun\n"), `${done.seconds} ${done.stderr}`);

    const late = await get("data", "--on-done", "sleep 100", "--deadline", "3s");
    assertEquals(late.code, 9);
    assert(late.seconds < 30, String(late.seconds));
    assertStringIncludes(late.stderr, "shoal: --on-done sleep was ended: the deadline passed\n");
    assertEquals(contentsOf(late.dir), ["data"], "the file is in its place");
    const waiting = ["--wait", "1h", "--deadline", "2s"];
    const failed = await get("nothing", "--on-error", "sh -c 'echo told'", ...waiting);
    assertEquals(failed.code, 9, "the command has time though the deadline passed");
    assertStringIncludes(failed.stderr, "told\n");
  },
);
