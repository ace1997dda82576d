/** The notifications to a service manager, and the logs. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { NotifySocket } from "./notify_socket.ts";
import { Program, shoal } from "./program.ts";
import { World } from "./world.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { lacking, noPosix, skippedIf } from "../support/tools.ts";

const SERVERS = {
  bootstrap: ["bootstrap"],
  peer: ["peer", "--bootstrap", "127.0.0.1:1"],
};

for (const [role, words] of Object.entries(SERVERS)) {
  Deno.test({
    ...skippedIf(
      noPosix ?? lacking("python3"),
      `a ${role} says when it serves, that it lives, and when it ends`,
    ),
    async fn() {
      await using folder = await TempFolder.create();
      const root = folder.path;
      await using socket = await NotifySocket.open(`${root}/notify`);
      await Deno.mkdir(`${root}/tmp`);
      const dir = role === "peer" ? ["--dir", root] : [];
      await using program = new Program([...words, ...dir, "--host", "127.0.0.1", "--port", "0"], {
        env: { NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "200000", TMPDIR: `${root}/tmp` },
      });
      const ready = await socket.next();
      const [, status] = await program.sees(/^(.* listening on .*)\n/);
      assertEquals(ready, { pid: program.pid, lines: ["READY=1", `STATUS=${status}`] });
      for (let beats = 0; beats < 3; beats++) {
        assertEquals(await socket.next(), { pid: program.pid, lines: ["WATCHDOG=1"] });
      }
      assertEquals([...Deno.readDirSync(`${root}/tmp`)], [], "no socket is left lying around");
      program.signal("SIGTERM");
      let notice = await socket.next();
      while (notice.lines[0] === "WATCHDOG=1") notice = await socket.next();
      assertEquals(notice.lines, ["STOPPING=1"]);
      assertEquals(await program.ended(), 143);
    },
  });
}

Deno.test({
  ...skippedIf(
    noPosix,
    "a service manager that can't be told, or means another process, changes nothing",
  ),
  async fn() {
    const cases: Record<string, string>[] = [
      { NOTIFY_SOCKET: "/nonexistent/notify" },
      { NOTIFY_SOCKET: "notify", WATCHDOG_USEC: "1000" },
      { NOTIFY_SOCKET: "", WATCHDOG_USEC: "x" },
      { WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" },
    ];
    for (const env of cases) {
      await using program = new Program(["bootstrap", "--host", "127.0.0.1", "--port", "0"], {
        env,
      });
      await program.sees(/listening on/);
      if (env.NOTIFY_SOCKET?.startsWith("/")) await program.sees(/Cannot notify \/nonexistent/);
      assertEquals(await program.stop(), 143);
      assertEquals(program.stderr.split("\n").length > 2, false, program.stderr);
    }
  },
});

/** Each line that a program wrote to standard error, as JSON. */
function records(stderr: string): Record<string, unknown>[] {
  return stderr.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

function assertRecord(record: Record<string, unknown>): void {
  const { "@timestamp": time, level, logger, message, properties } = record;
  assertMatch(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert(["DEBUG", "INFO", "WARNING", "ERROR"].includes(String(level)), String(level));
  assertMatch(String(logger), /^shoal\./);
  assert(typeof message === "string" && message.length > 0 && !message.includes("\n"));
  assert(typeof properties === "object" && properties !== null);
}

Deno.test("--log-format json: each line is a record", async () => {
  const logs = ["--log-format", "json", "--log-level", "debug"];
  await using bootstrap = new Program(
    ["bootstrap", "--host", "127.0.0.1", "--port", "0", ...logs],
  );
  const [, address] = await bootstrap.sees(/listening on (\S+)\n/);
  await using temporary = await TempFolder.create();
  const dir = temporary.path;
  const folder = ["--dir", dir, "--bootstrap", address, ...logs, "--quiet"];
  await using peer = new Program(["peer", "0", "--host", "127.0.0.1", ...folder]);
  await peer.sees(/registered with/);
  const verb = await shoal(["peer", "get", "absent", "--wait", "1s", ...folder]);
  assertEquals(verb.code, 3);
  await peer.stop();
  await bootstrap.sees(/ left/);
  await bootstrap.stop();
  // The verb's own failure is a line for people; the last one says what to do.
  const lines = verb.stderr.split("\n");
  assertMatch(lines.at(-3)!, /^shoal: Cannot get "absent": /);
  const all = [...records(bootstrap.stderr), ...records(peer.stderr)];
  for (const record of all) assertRecord(record);
  const registered = all.find(({ logger }) => logger === "shoal.peer.registration");
  assertEquals((registered?.properties as { bootstrap: string }).bootstrap, address);
});

Deno.test("--log-format json: a verb that serves logs records, too", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/file`, "content");
  const logs = ["--log-format", "json", "--log-level", "info", "--quiet"];
  const serving = world.start(dir, ["share", "file", "--serve", "--port", "0", ...logs]);
  await serving.sees(/registered with/);
  await serving.stop();
  const all = records(serving.stderr.replace(/^shoal: interrupted\n/m, ""));
  assert(all.length > 0);
  for (const record of all) assertRecord(record);
});

Deno.test({
  ...skippedIf(noPosix, "SIGHUP: a bootstrap reads what its config file says of logs"),
  async fn() {
    await using folder = await TempFolder.create();
    const root = folder.path;
    const config = `${root}/config.toml`;
    const write = (text: string) => Deno.writeTextFile(config, `[bootstrap_server]\n${text}`);
    await write("log_level = 'warning'\n");
    const words = ["--host", "127.0.0.1", "--port", "0", "--config", config];
    await using bootstrap = new Program(["bootstrap", ...words]);
    const [, address] = await bootstrap.sees(/listening on (\S+)\n/);
    await write("log_level = 'debug'\nport = 7\nhost = '::1'\n");
    bootstrap.signal("SIGHUP");
    await bootstrap.sees(/config\.toml was read again/);
    await (await Deno.connect({ hostname: "127.0.0.1", port: Number(address.split(":")[1]) }))
      .close();
    await bootstrap.sees(/\[debug\] shoal\.bootstrap: .* left/);
    assertEquals(bootstrap.stderr.includes("restart"), false, "flags say host and port");
    await write("log_level = 'loud'\n");
    bootstrap.signal("SIGHUP");
    await bootstrap.sees(/config\.toml:2: log_level: /);
    assertEquals(await bootstrap.stop(), 143);
  },
});
