/** `install-service` as people and scripts use it: printed, written, and never over something else. */
import { assert, assertEquals } from "@std/assert";
import { assertRefused } from "./checks.ts";
import { type Finished, type RunOptions, shoal as run } from "./program.ts";
import { TempFolder } from "../support/temp_folder.ts";

const EXEC = ["--exec", "/opt/shoal"];

interface Printed {
  units: { path: string; text: string }[];
  cron?: string;
  commands: string[];
  written: boolean;
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  await using folder = await TempFolder.create();
  await work(folder.path);
}

/** Runs the program as its user does: other tests have it find nobody in the network. */
function shoal(args: string[], options: RunOptions = {}): Promise<Finished> {
  return run(args, { ...options, env: { SHOAL_NO_LAN: "", ...options.env } });
}

async function shoalJson<T>(args: string[], options?: RunOptions): Promise<T> {
  const { code, stdout, stderr } = await shoal([...args, "--json"], options);
  assertEquals(code, 0, stderr);
  return JSON.parse(stdout);
}

const lines = (text: string) => text.split("\n");

Deno.test("a unit is printed, and has what the command and the environment said", async () => {
  const { code, stdout } = await shoal(
    ["bootstrap", "install-service", ...EXEC, "--port", "8001", "--log-format", "json"],
    { env: { SHOAL_HOST: "127.0.0.1" } },
  );
  assertEquals(code, 0);
  assertEquals(lines(stdout)[0], "# /etc/systemd/system/shoal-bootstrap.service");
  const start = "ExecStart=/opt/shoal bootstrap --host 127.0.0.1 --port 8001 --log-format json";
  assert(lines(stdout).includes(start), stdout);
  assert(lines(stdout).includes("DynamicUser=yes"));

  const words = ["peer", "install-service", ...EXEC, "--dir", "rel dir", "--run-as", "shoal"];
  const peer = await shoalJson<Printed>([...words, "--bootstrap", "a:1,[::1]:2"], { cwd: "/tmp" });
  const dir = `${await Deno.realPath("/tmp")}/rel dir`;
  const [{ text }] = peer.units;
  assert(
    lines(text).includes(`ExecStart=/opt/shoal peer --bootstrap "a:1,[::1]:2" --dir "${dir}"`),
    text,
  );
  assert(lines(text).includes(`ReadWritePaths="${dir}"`));
  assertEquals([peer.cron, peer.written], [undefined, false]);
});

Deno.test("a swarm key is named by its file, for root alone to read", async () => {
  const words = ["bootstrap", "install-service", ...EXEC];
  const { stdout } = await shoal(words, { env: { SHOAL_SWARM_KEY_FILE: "/etc/shoal/swarm.key" } });
  const start = "ExecStart=/opt/shoal bootstrap --swarm-key ${CREDENTIALS_DIRECTORY}/swarm.key";
  assert(lines(stdout).includes(start), stdout);
  assert(lines(stdout).includes("LoadCredential=swarm.key:/etc/shoal/swarm.key"));
});

Deno.test("get by the clock: a service, a timer, and the line for cron", async () => {
  const words = ["--dir", "/srv/x", "--run-as", "7", "--on-calendar", "Mon..Fri 03:15"];
  const { stdout } = await shoal([
    ...["peer", "install-service", "--json", ...EXEC, ...words, "--randomized-delay", "1m"],
    ...["--", "get", "a b.db", "--overwrite", "-o", "/data/b.db"],
  ]);
  const { units, cron, commands } = JSON.parse(stdout) as Printed;
  assertEquals(units.map(({ path }) => path.replace(/.*\//, "")), [
    "shoal-get-a-b.db.service",
    "shoal-get-a-b.db.timer",
  ]);
  const [service, timer] = units.map(({ text }) => lines(text));
  const start = 'ExecStart=/opt/shoal peer --dir /srv/x get "a b.db" --overwrite -o /data/b.db';
  assert(service.includes(start), service.join("\n"));
  assert(service.includes("ReadWritePaths=/data") && service.includes("User=7"));
  assert(timer.includes("OnCalendar=Mon..Fri 03:15") && timer.includes("RandomizedDelaySec=60s"));
  const command = "/opt/shoal peer --dir /srv/x get 'a b.db' --overwrite -o /data/b.db";
  assertEquals(cron, `15 3 * * 1-5  ${command}`);
  assertEquals(commands.at(-1), "systemctl enable --now shoal-get-a-b.db.timer");
});

Deno.test("written once; what differs is left alone until --overwrite", async () => {
  await withFolder(async (folder) => {
    const words = ["peer", "install-service", ...EXEC, "--unit-dir", folder, "--write"];
    const get = [...words, "--on-calendar", "daily", "get", "x"];
    const first = await shoal(get);
    assertEquals(first.code, 0);
    assert(first.stderr.includes("\n  systemctl enable --now shoal-get-x.timer\n"), first.stderr);
    const [service, timer] = [`${folder}/shoal-get-x.service`, `${folder}/shoal-get-x.timer`];
    assertEquals(first.stdout, `${service}  written\n${timer}  written\n`);
    const again = await shoal(get);
    assertEquals([again.code, again.stdout], [0, `${service}  unchanged\n${timer}  unchanged\n`]);

    await Deno.writeTextFile(timer, "mine\n");
    await Deno.remove(service);
    assertRefused(await shoal(get), { code: 6, text: timer });
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["shoal-get-x.timer"]);
    assertEquals(await Deno.readTextFile(timer), "mine\n");
    const replaced = await shoal([...words, "--overwrite", "--on-calendar", "daily", "get", "x"]);
    assertEquals([replaced.code, replaced.stdout], [
      0,
      `${service}  written\n${timer}  replaced\n`,
    ]);
    assertEquals([...Deno.readDirSync(folder)].length, 2, "nothing is left half-written");
  });
});

Deno.test("a user's own units go where the user's service manager looks", async () => {
  await withFolder(async (folder) => {
    const env = { XDG_CONFIG_HOME: folder };
    const words = ["peer", "install-service", ...EXEC, "--user", "--dir", folder, "--write"];
    const { code, stdout } = await shoal(words, { env });
    const path = `${folder}/systemd/user/shoal-peer.service`;
    assertEquals([code, stdout], [0, `${path}  written\n`]);
    assert((await Deno.readTextFile(path)).includes("WantedBy=default.target"));
  });
});

Deno.test("what can't be a service is refused, and nothing is written", async () => {
  await withFolder(async (folder) => {
    const install = ["peer", "install-service", "--unit-dir", folder, "--write"];
    const cases: [string[], string, hint?: true][] = [
      [[...install, ...EXEC, "share", "x"], "only 'get'", true],
      [[...install, ...EXEC, "get"], "missing required argument", true],
      [[...install, ...EXEC, "--", "get", "x", "-o", "rel"], "absolute path"],
      [[...install, ...EXEC, "--", "get", "--from-file", "rel"], "absolute path"],
      [[...install, ...EXEC, "--", "get", "x", "--nothing"], "--nothing", true],
      [[...install, ...EXEC, "--dir", folder], "--run-as"],
      [[...install, ...EXEC, "--dir", "/a\nb", "--run-as", "x"], "no unit can name"],
      [[...install, ...EXEC, "--user"], "--dir"],
      [[...install, ...EXEC, "--on-calendar", "daily"], "get NAME", true],
      [[...install, ...EXEC, "--on-calendar", "a\nb", "get", "x"], "--on-calendar", true],
      [[...install, ...EXEC, "--name", "../x"], "--name", true],
      [[...install, ...EXEC, "--run-as", "a b"], "--run-as", true],
      [["bootstrap", "install-service", ...EXEC, "x"], "too many arguments", true],
    ];
    for (const [words, text, hint] of cases) {
      assertRefused(await shoal(words), { code: 2, text, hint });
    }
    if (!Deno.env.has("SHOAL_BIN")) {
      assertRefused(await shoal(install), { code: 2, text: "--exec" });
    }
    const missing = [
      "bootstrap",
      "install-service",
      ...EXEC,
      "--write",
      "--unit-dir",
      `${folder}/no`,
    ];
    assertRefused(await shoal(missing), { code: 7, text: `${folder}/no` });
    assertEquals([...Deno.readDirSync(folder)], []);
  });
});
