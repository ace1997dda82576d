/**
 * The promises of `get` to scripts: updates, locks, lists, waiting; after each, what is on
 * disk.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ListedFile, Receipt } from "../../src/peer/api/peer_api.ts";
import { closedPort } from "../support/sockets.ts";
import { assertRefused, contentsOf, eventually } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { World } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";

Deno.test("--update: the trusted publisher's newer version, and nobody else's", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "one");
  const dir = await world.folder("getter");
  const update = ["get", "data", "--update"];
  assertEquals((await world.run(dir, update)).code, 0, "the first time it is fetched");
  const again = await world.run(dir, update);
  assertEquals(again.code, 0);
  assertStringIncludes(again.stdout, "up to date");

  await alice.publish("data", "two");
  using old = await Deno.open(`${dir}/data`);
  const newer = await world.json<Receipt>(dir, update);
  assertEquals([newer.up_to_date, newer.trust], [false, "known"]);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "two");
  assertEquals(await new Response(old.readable).text(), "one", "who had it open reads on");

  // Somebody else's, under the same name.
  await alice.program.stop();
  const bob = await publisher(world, "bob");
  await bob.publish("data", "three");
  assertRefused(await world.run(dir, update), { code: 5, text: "was remembered for it" });
  // Nobody remembered: what stands there may be anything.
  const fresh = await world.folder("fresh");
  await Deno.writeTextFile(`${fresh}/data`, "my own");
  assertRefused(await world.run(fresh, update), { code: 6, text: "no publisher is remembered" });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "two");
  assertEquals(await Deno.readTextFile(`${fresh}/data`), "my own");
  const named = await world.run(fresh, [...update, "--publisher", bob.key]);
  assertEquals([named.code, await Deno.readTextFile(`${fresh}/data`)], [0, "three"]);
});

Deno.test("--update: an old version replayed as new is refused", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "one");
  const holder = await world.peer("holder");
  await world.json(holder.dir, ["get", "data"]);
  await alice.publish("data", "two");
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  // Alice is gone; who has the first version still offers it, signed by her.
  await alice.program.stop();
  await Deno.writeTextFile(`${dir}/data`, "changed here");
  assertRefused(await world.run(dir, ["get", "data", "--update"]), { code: 5, text: "is older" });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "changed here");
});

Deno.test("older versions are listed, and can be had by their ids", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const one = await alice.publish("data", "one");
  const holder = await world.peer("holder");
  await world.json(holder.dir, ["get", "data"]);
  const two = await alice.publish("data", "two");
  const dir = await world.folder("getter");
  for (const place of [dir, holder.dir]) {
    const versions = await world.json<ListedFile[]>(place, ["list-files", "--versions", "data"]);
    assertEquals(versions.map(({ id }) => id), [two, one], "the newest first");
  }
  assertEquals((await world.json<ListedFile[]>(dir, ["list-files", "data"])).length, 1);
  const old = await world.json<Receipt>(dir, ["get", `data@${one.slice(0, 10)}`, "-o", "old"], {
    cwd: dir,
  });
  assertEquals([old.id, await Deno.readTextFile(`${dir}/old`)], [one, "one"]);
  assertRefused(await world.run(dir, ["list-files", "--versions"]), { code: 2 });
});

Deno.test("--no-clobber leaves what is there alone, and asks nobody", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/data`, "mine");
  const nobody = { bootstrap: `127.0.0.1:${closedPort()}` };
  const kept = await world.json<Receipt>(dir, ["get", "data", "--no-clobber"], nobody);
  assertEquals([kept.kept, kept.up_to_date, kept.size, kept.bytes], [true, false, 4, 0]);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "mine");
  const wrong = ["get", "data", "--no-clobber", "--checksum", `sha256=${"0".repeat(64)}`];
  assertEquals((await world.run(dir, wrong, nobody)).code, 5);
  // What there is to say of a large file takes its time, which is bounded too.
  await Deno.truncate(`${dir}/data`, 64 * 2 ** 30);
  const late = ["get", "data", "--no-clobber", "--deadline", "1s"];
  assertRefused(await world.run(dir, late, nobody), { code: 9 });
  assertEquals((await Deno.stat(`${dir}/data`)).size, 64 * 2 ** 30);
});

Deno.test("options that can't be meant together are refused before anything is done", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  const table = [
    ["data", "--update", "--no-clobber"],
    ["data", "--update", "--overwrite"],
    ["data", "--update", "--id", "12345678"],
    ["data@12345678", "--update"],
    ["data", "-o", "-", "--update"],
    ["data", "-o", "-", "--dry-run"],
    ["data", "-o", "-", "--seed-for", "1m"],
    ["data", "-o", "-", "--reuse", "x"],
    ["a", "b", "-o", "-"],
    ["a", "b", "--id", "12345678"],
    ["a", "b", "--checksum", `sha256=${"0".repeat(64)}`],
    ["data", "--splay", "soon"],
    ["data", "--wait-lock=never"],
    ["data", "--on-done", "'"],
    ["data", "--on-done", ""],
  ];
  for (const words of table) {
    assertRefused(await world.run(dir, ["get", ...words]), { code: 2, hint: true });
  }
  assertRefused(await world.run(dir, ["get", "data", "--receipt", "no/where"]), { code: 2 });
  assertRefused(await world.run(dir, ["get", "a", "b", "-o", `${dir}/none`]), { code: 2 });
  for (const option of ["--on-done", "--on-error"]) {
    assertRefused(await world.run(dir, ["get", "data", option, "no-such-command"]), { code: 11 });
  }
  assertEquals(contentsOf(dir), []);
});

Deno.test("several names: each is fetched, the first failure is the exit code", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  for (const name of ["a", "b", "c"]) await alice.publish(name, name);
  const dir = await world.folder("getter");
  const words = ["get", "a", "missing", "--from-file", "-", "--receipt", "receipts", "--json"];
  const got = await world.run(dir, [...words, "--wait", "1s"], {
    stdin: "\ufeffb\r\n\nc\n",
    cwd: dir,
  });
  assertEquals(got.code, 3, got.stderr);
  assertEquals(contentsOf(dir), ["a", "b", "c", "receipts"]);
  const lines = got.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const names = (event: string) =>
    lines.filter((line) => line.event === event).map(({ name }) => name);
  assertEquals([names("found"), names("done")], [["a", "b", "c"], ["a", "b", "c"]]);
  assertEquals(lines.filter(({ error }) => error).map(({ name }) => name), ["missing"]);
  const receipts = (await Deno.readTextFile(`${dir}/receipts`)).trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(receipts.map(({ name, error }) => [name, error?.exit]), [
    ["a", undefined],
    ["missing", 3],
    ["b", undefined],
    ["c", undefined],
  ]);
  const none = await world.run(dir, ["get", "none", "a", "neither"]);
  assertEquals(none.code, 3);
  assertEquals(none.stderr.match(/Cannot get "(none|neither)"/g)?.length, 2, none.stderr);
  const unshared = await world.run(dir, ["share", "none", "a", "neither"]);
  assertEquals(unshared.stderr.match(/Cannot share "(none|neither)"/g)?.length, 2, unshared.stderr);
  const folder = await world.folder("elsewhere");
  assertEquals((await world.run(dir, ["get", "a", "b", "-o", folder])).code, 0);
  assertEquals(contentsOf(folder), ["a", "b"]);
});

testUnless(lacking("sh"), "a receipt never takes the place of what was fetched", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  for (const name of ["a", "b"]) await alice.publish(name, name);
  const dir = await world.folder("getter");
  await Deno.symlink(`${dir}/b`, `${dir}/link`);
  for (const [name, receipt] of [["a", "a"], ["a", `${dir}/a`], ["b", "b"], ["b", "link"]]) {
    const got = await world.run(dir, ["get", name, "--receipt", receipt], { cwd: dir });
    assertRefused(got, { code: 2, text: "it is what was fetched" });
  }
  const several = await world.run(dir, ["get", "a", "b", "--receipt", "a"], { cwd: dir });
  assertEquals([several.code, several.stdout.split("\n").length], [2, 3]);
  assert(several.stderr.includes("it is what was fetched"), several.stderr);
  for (const name of ["a", "b"]) assertEquals(await Deno.readTextFile(`${dir}/${name}`), name);
  assertEquals(contentsOf(dir), ["a", "b", "link"]);
  // What a command has moved away meanwhile is nowhere.
  const nightly = ["get", "a", "b", "--receipt", "receipts", "--on-done", "sh -c 'rm $SHOAL_PATH'"];
  for (let night = 0; night < 2; night++) {
    const { code, stderr } = await world.run(dir, nightly, { cwd: dir });
    assertEquals([code, stderr], [0, ""]);
  }
  assertEquals(contentsOf(dir), ["link", "receipts"]);
});

Deno.test("--wait: for a name that nobody has yet; then exit 3", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const dir = await world.folder("getter");
  const never = await world.run(dir, ["get", "never", "--wait", "10m", "--deadline", "1s"]);
  assertRefused(never, { code: 9 });
  assertRefused(await world.run(dir, ["get", "never", "--wait", "1s"]), { code: 3 });
  const running = await world.peer("running");
  const waiting = [dir, running.dir].map((place) =>
    world.start(place, ["get", "late", "--wait", "10m"])
  );
  // Both have looked at least once when the running peer says that it looks.
  await eventually("it is looked for", async () => {
    const { transfers } = await world.json<{ transfers: { name: string }[] }>(running.dir, [
      "status",
    ]);
    return transfers.some(({ name }) => name === "late");
  });
  await alice.publish("late", "at last");
  for (const get of waiting) assertEquals(await get.ended(), 0, get.stderr);
  assertEquals(await Deno.readTextFile(`${dir}/late`), "at last");
});

Deno.test("--deadline counts from the start, whatever is waited for", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "content");
  const dir = await world.folder("getter");
  const holder = world.start(dir, ["get", "yet to come", "--wait", "1h"]);
  const words = ["get", "data", "--wait-lock", "--deadline", "1s"];
  await eventually("DIR is held", async () => {
    return (await world.run(dir, ["get", "data", "--dry-run"])).code === 10;
  });
  assertRefused(await world.run(dir, words), { code: 9, text: "until the deadline passed" });
  assertEquals(await holder.stop("SIGTERM"), 143);
  assertEquals(contentsOf(dir), []);
  assertRefused(await world.run(dir, ["get", "none", "--wait", "1h", "--deadline", "1s"]), {
    code: 9,
    text: "the deadline passed",
  });
  const several = await world.run(dir, ["get", "none", "data", "--wait", "1h", "--deadline", "1s"]);
  assertEquals(several.code, 9);
  assertEquals(several.stderr.match(/the deadline passed/g)?.length, 2, several.stderr);
  const splay = await world.run(dir, ["get", "data", "--splay", "1h", "--deadline", "1h"]);
  assertRefused(splay, { code: 2, text: "longer than --splay", hint: true });
  assertEquals(contentsOf(dir), []);
  const done = await world.run(dir, [...words.slice(0, 3), "--deadline", "1h"]);
  assertEquals(done.code, 0);
});

Deno.test("--seed-for: serves what was fetched, then leaves; a signal ends that in order", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "content");
  const dir = await world.folder("seeder");
  const elsewhere = await world.folder("elsewhere");
  const words = ["get", "data", "-o", elsewhere, "--seed-for", "1h", "--host", "127.0.0.1"];
  const seeder = world.start(dir, words);
  await seeder.sees(/Serving it for 1h00m/);
  await alice.program.stop();
  const other = await world.folder("other");
  await world.json(other, ["get", "data"]);
  assertEquals(await Deno.readTextFile(`${other}/data`), "content");
  assertEquals(await seeder.stop("SIGTERM"), 0, seeder.stderr);
  const left = await world.run(await world.folder("late"), ["get", "data", "--wait", "1s"]);
  assertEquals(left.code, 3, "it has left");
  // A failure is not seeded.
  const failed = await world.run(dir, ["get", "none", "--seed-for", "1h", "--wait", "1s"]);
  assertEquals(failed.code, 3);
});

Deno.test("two downloads to one path from two folders: the second waits, or exits with 10", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await Deno.writeFile(`${alice.dir}/big`, new Uint8Array(8 << 20).fill(7));
  await world.json(alice.dir, ["share", "big"]);
  const [one, two] = [await world.folder("one"), await world.folder("two")];
  const output = `${world.root}/out`;
  const words = ["get", "big", "-o", output];
  const slow = world.start(one, [...words, "--limit-down", "200K"]);
  for (const kind of [".shoal-partial", ".shoal-lock"]) {
    await eventually(
      "it is being fetched",
      () => [...Deno.readDirSync(world.root)].some(({ name }) => name.endsWith(kind)),
    );
  }
  assertRefused(await world.run(two, words), { code: 10, text: "another download" });
  assertRefused(await world.run(two, [...words, "--wait-lock", "1s"]), { code: 10 });
  assertRefused(await world.run(one, words), { code: 10, text: "another process has it" });
  const waiting = world.start(two, [...words, "--wait-lock"]);
  // One that was killed leaves its lock behind, and nobody minds.
  await slow.stop("SIGKILL");
  assertEquals(await waiting.ended(), 0, waiting.stderr);
  assertEquals((await Deno.stat(output)).size, 8 << 20);
  const left = [...Deno.readDirSync(world.root)].map(({ name }) => name);
  assert(!left.some((name) => name.endsWith(".shoal-lock")), left.join());
});
