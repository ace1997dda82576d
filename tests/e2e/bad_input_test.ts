/** Words, folders, names and files that can't be used: one line, the right code, nothing left. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ListedFile } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import { shoal } from "./program.ts";
import { World, writeRandom } from "./world.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { isRoot, lacking, noLinux, noPosix, skippedIf } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

Deno.test("a port that is in use, or is none", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = String(taken.addr.port);
  const peer = await world.run(dir, [port, "--host", "127.0.0.1"]);
  assertRefused(peer, { code: 4, text: `Cannot listen on 127.0.0.1:${port}: the port is in use` });
  const bootstrap = await shoal(["bootstrap", "--host", "127.0.0.1", "--port", port]);
  assertRefused(bootstrap, { code: 4, text: `Cannot listen on 127.0.0.1:${port}: ` });
  const served = await world.run(dir, [
    "share",
    "x",
    "--serve",
    "--host",
    "127.0.0.1",
    "--port",
    port,
  ]);
  assertRefused(served, { code: 4, text: "the port is in use" });
  await Deno.lstat(`${dir}/.shoal/control.json`).then(() => assert(false), () => {});

  for (const bad of ["99999", "-1", "1.5", "1e3", "0x10", "10000x", ""]) {
    assertRefused(await world.run(dir, ["--port", bad]), { code: 2, hint: true });
    assertRefused(await shoal(["bootstrap", "--port", bad]), { code: 2, hint: true });
  }
  for (const bad of ["99999", "10000x", "ten"]) {
    assertRefused(await world.run(dir, [bad]), { code: 2, hint: true });
  }
  for (const bad of ["", "host:", "host:0", "host:70000", "a b:1", "http://host:1", "[::1"]) {
    const refused = await shoal(["peer", "list-peers", "--bootstrap", bad]);
    assertRefused(refused, { code: 2, hint: true });
  }
  const nowhere = await world.run(dir, ["0", "--host", "192.0.2.1"]);
  assertRefused(nowhere, { code: 4, text: "Cannot listen on 192.0.2.1:0" });
});

Deno.test("a DIR that is missing, or no folder", async () => {
  await using world = await World.create();
  await writeRandom(`${world.root}/file`, 10);
  await writeRandom(`${world.root}/file2`, 10);
  await Deno.mkdir(`${world.root}/linked`);
  await Deno.symlink(world.root, `${world.root}/linked/.shoal`);
  const before = contentsOf(world.root);
  const cases: [string, string][] = [
    [`${world.root}/missing`, "there is no such folder"],
    [`${world.root}/file`, "it is a file"],
    [`${world.root}/linked`, "it is a link"],
  ];
  for (const [dir, text] of cases) {
    for (const words of [["0"], ["get", "x"], ["share", "x"], ["unshare", "x"], ["status"]]) {
      assertRefused(await world.run(dir, words), { code: 2, text });
    }
  }
  // Who only looks needs no folder.
  for (const words of [["list-peers", "--json"], ["list-files", "--json"]]) {
    assertEquals((await world.run(`${world.root}/missing`, words)).stdout, "[]\n");
  }
  const mangled = await world.run(`${world.root}/file/below`, ["0"]);
  assertEquals(mangled.code, 2);
  assertEquals(contentsOf(world.root), before);
});

Deno.test("names that can't be names are refused before anybody is asked", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  const cases: [string, string][] = [
    ["/etc/passwd", "it is absolute"],
    ["../secret", "it has the part .."],
    ["a/../../secret", "it has the part .."],
    ["a/./b", "it has the part ."],
    ["a//b", "a part of it is empty"],
    ["//", "it is absolute"],
    ["", "it is empty"],
    ["line\nbreak", "it has a control character"],
    ["esc\x1b[2J", "it has a control character"],
    ["c1\u009b", "it has a control character"],
    [".shoal/identity.pem", ".shoal is Shoal's own"],
    [".SHOAL/state.db", ".shoal is Shoal's own"],
    ["x".repeat(256), "over 255 bytes"],
    [`${"ü/".repeat(341)}xx`, "longer than 1024 bytes"],
    ["x/".repeat(600), "longer than 1024 bytes"],
  ];
  for (const [name, text] of cases) {
    assertRefused(await world.run(dir, ["get"], { words: [name] }), { code: 2, text });
    const piped = await world.run(dir, ["get", "-o", "-"], { words: [name] });
    assertRefused(piped, { code: 2, text });
  }
  // A name of exactly the cap is only one that nobody has.
  const longest = [..."abcde"].map((c) => c.repeat(c === "e" ? 4 : 254)).join("/");
  assertEquals(longest.length, 1_024);
  assertRefused(await world.run(dir, ["get", longest]), { code: 3 });
  assertEquals(contentsOf(dir), []);
  assertEquals(contentsOf(world.root), ["dir"]);
});

Deno.test({
  ...skippedIf(noPosix ?? lacking("mkfifo"), "what can't be shared"),
  async fn() {
    await using world = await World.create();
    const peer = await world.peer("peer");
    const dir = peer.dir;
    await Deno.mkdir(`${dir}/folder`);
    await writeRandom(`${world.root}/outside`, 10);
    await writeRandom(`${dir}/inside`, 10);
    await Deno.symlink(`${world.root}/outside`, `${dir}/leaves`);
    await Deno.symlink(world.root, `${dir}/folder/leaves`);
    await Deno.symlink(`${dir}/nothing`, `${dir}/dangling`);
    await Deno.symlink(`${dir}/loop`, `${dir}/loop`);
    using _socket = Deno.listen({ transport: "unix", path: `${dir}/socket` });
    const made = await outputOf("mkfifo", { args: [`${dir}/fifo`] });
    assert(made.success);
    await writeRandom(`${world.root}/bad\nname`, 10);
    const once = await world.folder("once");
    await Deno.symlink(`${world.root}/outside`, `${once}/leaves`);
    const cases: [string, string, number?][] = [
      ["missing", "no such file"],
      [dir, "it is the shared folder itself"],
      ["socket", "it is not a regular file"],
      ["fifo", "it is not a regular file"],
      ["leaves", `it is a link that leaves ${dir}`],
      ["folder/leaves/outside", `it is a link that leaves ${dir}`],
      [`${dir}/leaves`, `it is a link that leaves ${dir}`],
      ["dangling", "no such file"],
      ["loop", "too many links", 7],
      ["inside/below", "no such file"],
      ["", "it is empty"],
      ["/", "it has no name"],
      [".shoal/identity.pem", ".shoal is Shoal's own"],
      [`${dir}/.shoal/identity.pem`, ".shoal is Shoal's own"],
      [`${world.root}/bad\nname`, "it has a control character"],
    ];
    for (const [file, text, code = 2] of cases) {
      assertRefused(await world.run(dir, ["share"], { words: [file] }), { code, text });
    }
    // The runtime may keep programs out of there; else it is no regular file.
    assertRefused(await world.run(dir, ["share", "/dev/null"]), { code: 2, text: "Cannot share" });
    assertRefused(await world.run(once, ["share", "leaves"]), { code: 2, text: "leaves" });
    assertEquals(await world.json(once, ["list-files"]), []);

    // The same files are fine where no promise of DIR is broken.
    await Deno.symlink(`${dir}/inside`, `${dir}/stays`);
    assertEquals((await world.run(dir, ["share", "stays"])).code, 0);
    assertEquals((await world.run(dir, ["share", `${world.root}/outside`])).code, 0);
    const clash = await world.folder("clash");
    await writeRandom(`${clash}/outside`, 10);
    const taken = await world.run(dir, ["share", `${clash}/outside`]);
    assertRefused(taken, { code: 2, text: "the name outside is taken by" });
  },
});

Deno.test({
  // Root may read everything, unless it goes without that capability.
  ...skippedIf(noPosix ?? (isRoot ? lacking("setpriv") : undefined), "a file that may not be read"),
  async fn() {
    await using world = await World.create();
    const dir = await world.folder("dir");
    await writeRandom(`${dir}/private`, 10);
    await Deno.chmod(`${dir}/private`, 0o000);
    const prefix = isRoot ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];
    const refused = await world.run(dir, ["share", "private"], { prefix });
    assertRefused(refused, { code: 7, text: "permission denied" });
  },
});

Deno.test("a destination that can't be one", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 1_000);
  await Deno.mkdir(`${source.dir}/a`);
  await writeRandom(`${source.dir}/a/b`, 1_000);
  await world.json(source.dir, ["share", "data", "a/b"]);
  const dir = await world.folder("dir");
  const outside = await world.folder("outside");
  await Deno.mkdir(`${dir}/data`);
  await Deno.symlink(outside, `${dir}/a`);
  await Deno.symlink(`${outside}/nothing`, `${dir}/dangling`);
  const before = contentsOf(dir);
  const cases: [string[], number, string][] = [
    [["get", "data"], 6, "it is a folder"],
    [["get", "data", "--overwrite"], 6, "it is a folder"],
    [["get", "a/b"], 2, `a link in it leaves ${dir}`],
    [["get", "data", "-o", `${dir}/dangling`], 6, "it is a link that leads nowhere"],
    [["get", "data", "-o", `${dir}/missing/data`], 2, `there is no folder ${dir}/missing`],
    [["get", "data", "-o", `${dir}/missing/`], 2, "there is no such folder"],
  ];
  for (const [words, code, text] of cases) {
    assertRefused(await world.run(dir, words), { code, text });
  }
  assertEquals([contentsOf(dir), contentsOf(outside)], [before, []]);
});

Deno.test("what others call a file can't act on a terminal, nor on the disk", async () => {
  await using world = await World.create();
  const content = crypto.getRandomValues(new Uint8Array(100));
  const name = "\x1b]0;owned\x07\u202egpj.exe";
  const asked = new Set<string>();
  const script = serving(content, ({ action }, honest) => {
    asked.add(action);
    return honest;
  });
  await using _evil = await HostilePeer.create(world.bootstrap, offerOf(name, content), script);
  await using _up = await HostilePeer.create(
    world.bootstrap,
    offerOf("../../escape", content),
    serving(content),
  );
  const dir = await world.folder("dir");
  const { stdout } = await world.run(dir, ["list-files"]);
  // deno-lint-ignore no-control-regex
  assertMatch(stdout, /^[^\x00-\x09\x0b-\x1f\u202e]*$/);
  const listed = await world.json<ListedFile[]>(dir, ["list-files"]);
  assertEquals(listed.map((file) => file.name).sort(), [name, "../../escape"].sort());
  for (const one of listed) {
    assertEquals((await world.run(dir, ["get"], { words: [one.name] })).code, 2);
  }
  // Some call it back, and none requests a file.
  assertEquals([...asked].filter((action) => action !== "hello"), []);
  assertEquals(contentsOf(world.root), ["dir"]);
});

Deno.test({
  ...skippedIf(noLinux, "a DIR that the runtime keeps programs out of"),
  async fn() {
    await using world = await World.create();
    await using folder = await TempFolder.create("/dev/shm");
    for (const words of [["0"], ["get", "x"], ["share", "x"], ["status"]]) {
      const refused = await world.run(folder.path, words);
      assertRefused(refused, { code: 2, text: "/dev, /proc and /sys are out of bounds" });
    }
    assertEquals(contentsOf(folder.path), []);
  },
});
