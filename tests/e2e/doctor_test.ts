/** `shoal peer doctor` on real folders, with and without a peer that runs. */
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import type { Finding } from "../../src/peer/api/finding.ts";
import { type Finished, shoal } from "./program.ts";
import { World } from "./world.ts";
import { noPosix, skippedIf } from "../support/tools.ts";

interface Report {
  findings: Finding[];
  exit: number;
}

async function examine(world: World, dir: string, ...args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await world.run(dir, ["doctor", "--json", ...args]);
  assertEquals(stderr, "");
  const report = JSON.parse(stdout) as Report;
  assertEquals(code, report.exit);
  return report;
}

function find({ findings }: Report, check: string): Finding {
  const found = findings.find((one) => one.check === check);
  if (!found) throw new Error(`nothing of ${check} in ${JSON.stringify(findings)}`);
  return found;
}

Deno.test("all is well: with a peer that runs, and without", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await Deno.writeTextFile(`${peer.dir}/file`, "content");
  await world.json(peer.dir, ["share", "file"]);
  const checks = ["config", "bootstrap", "clock", "port", "folder", "identity", "state"];
  for (const running of [true, false]) {
    if (!running) await peer.program.stop();
    const report = await examine(world, peer.dir);
    const all = [...checks, "hash cache", "downloads", "limits", "version"];
    for (const check of all) assertEquals(find(report, check).level, "ok", check);
    assertEquals(report.exit, 0);
    const port = find(report, "port").message;
    assertEquals(port.includes(running ? peer.address : "no peer runs"), true, port);
    assertEquals([...Deno.readDirSync(peer.dir)].map(({ name }) => name).sort(), [
      ".shoal",
      "file",
    ]);
    const left = [...Deno.readDirSync(`${peer.dir}/.shoal`)].map(({ name }) => name);
    assertEquals(left.filter((name) => name.endsWith(".tmp")), []);
  }
  const plain: Finished = await world.run(peer.dir, ["doctor", "--quiet"]);
  assertEquals(plain.code, 0);
  assertEquals(plain.stdout.includes("ok  "), false, "quiet: only what is not ok");
});

Deno.test({
  ...skippedIf(noPosix, "a file that changed without a trace, and a key that others can read"),
  async fn() {
    await using world = await World.create();
    const dir = await world.folder("dir");
    await Deno.writeTextFile(`${dir}/file`, "content");
    await world.json(dir, ["share", "file"]);
    {
      // A disk that rots leaves no trace in the file's times.
      const db = new DatabaseSync(`${dir}/.shoal/state.db`);
      db.prepare("UPDATE files SET settled = 1, id = ?").run("ab".repeat(32));
      db.close();
    }
    let report = await examine(world, dir);
    assertEquals([find(report, "hash cache").level, report.exit], ["fault", 5]);
    await Deno.utime(`${dir}/file`, new Date(), new Date());
    report = await examine(world, dir);
    assertEquals([find(report, "hash cache").level, report.exit], ["ok", 0]);
    await Deno.chmod(`${dir}/.shoal/identity.pem`, 0o644);
    report = await examine(world, dir);
    const identity = find(report, "identity");
    assertEquals([identity.level, report.exit], ["fault", 5]);
    assert(identity.remedy?.includes(`chmod 600 ${await Deno.realPath(dir)}/.shoal/identity.pem`));
  },
});

Deno.test("a damaged database, a folder that is missing, a bootstrap that is away", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/file`, "content");
  await world.json(dir, ["share", "file"]);
  const database = `${dir}/.shoal/state.db`;
  {
    const db = new DatabaseSync(database);
    db.exec("PRAGMA journal_mode = DELETE");
    db.close();
  }
  const size = (await Deno.stat(database)).size;
  const before = await Deno.readFile(database);
  const damaged = before.slice();
  // All but the header and the schema, which stand on the first page.
  for (let at = 4_096; at < size; at++) damaged[at] = 0xa5;
  await Deno.writeFile(database, damaged);
  let report = await examine(world, dir);
  assertEquals([find(report, "state").level, report.exit], ["fault", 7]);
  const after = await Deno.readFile(database);
  assert(after.subarray(4_096).every((byte) => byte === 0xa5), "nothing was done to it");
  await Deno.writeFile(database, before);
  report = await examine(world, dir);
  assertEquals(report.exit, 0);

  assertEquals((await examine(world, `${dir}/missing`)).exit, 2);
  const away = await shoal(["peer", "doctor", "--dir", dir, "--bootstrap", "127.0.0.1:1"]);
  assertEquals([away.code, away.stderr], [4, ""]);
  assert(
    /^fault +bootstrap +Cannot reach bootstrap 127\.0\.0\.1:1: .*--bootstrap/m.test(away.stdout),
  );
  // One of two is enough.
  const both = ["doctor", "--json", "--dir", dir, "--bootstrap", `127.0.0.1:1,${world.bootstrap}`];
  const { code, stdout } = await shoal(["peer", ...both]);
  const { findings } = JSON.parse(stdout) as Report;
  assertEquals([
    code,
    findings.filter(({ check }) => check === "bootstrap").map(({ level }) => level),
  ], [
    0,
    ["warning", "ok"],
  ]);
});

Deno.test("a config file with something wrong in it, and a folder that another process holds", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  const config = `${world.root}/config.toml`;
  await Deno.writeTextFile(config, "limit_up = 'fast'\n");
  const report = await examine(world, dir, "--config", config);
  const finding = find(report, "config");
  assertEquals([finding.level, report.exit], ["fault", 2]);
  assert(finding.message.includes("config.toml:1: limit_up"));

  await Deno.writeTextFile(`${dir}/file`, "content");
  await world.json(dir, ["share", "file"]);
  const db = new DatabaseSync(`${dir}/.shoal/state.db`);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const held = await examine(world, dir);
    assertEquals([find(held, "state").level, held.exit], ["fault", 10]);
  } finally {
    db.close();
  }
});

Deno.test("a private swarm: by the key, through the running peer, and without one", async () => {
  await using world = await World.create({ isPrivate: true });
  const peer = await world.peer("peer");
  const plain = async (...args: string[]): Promise<Report> => {
    const { code, stdout } = await shoal(["peer", "doctor", "--json", ...args]);
    assertEquals(code, (JSON.parse(stdout) as Report).exit);
    return JSON.parse(stdout);
  };
  // The running peer knows the key, and which bootstrap is its own.
  assertEquals(find(await plain("--dir", peer.dir), "bootstrap").level, "ok");
  await peer.program.stop();
  assertEquals(find(await examine(world, peer.dir), "bootstrap").level, "ok");
  const report = await plain("--dir", peer.dir, "--bootstrap", world.bootstrap);
  assertEquals([find(report, "bootstrap").level, report.exit], ["fault", 5]);
  assert(find(report, "bootstrap").message.includes("swarm key"));
  const missing = await plain("--dir", peer.dir, "--swarm-key", `${world.root}/none`);
  assertEquals([find(missing, "swarm key").level, missing.exit], ["fault", 2]);
});
