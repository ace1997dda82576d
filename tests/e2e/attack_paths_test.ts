/** Names and links that should lead out of DIR, or onto a file of the user's: they lead nowhere. */
import { assert, assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus, SharedFile } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { RawEnd } from "../support/sockets.ts";
import { assertRefused, contentsOf, eventually } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import { Proxy } from "./proxy.ts";
import { World, writeRandom } from "./world.ts";

const MIB = 1 << 20;
const SECRET = "what nobody may have";

Deno.test("an announced name can't leave DIR, nor reach the state folder", async () => {
  await using world = await World.create();
  const victim = await world.peer("victim");
  const content = patterned(1_000);
  const names = [
    ...[
      "../escape",
      "../../escape",
      "a/../../escape",
      "a/..",
      "./a",
      "a//b",
      "a/",
      "/a",
      "/tmp/escape",
    ],
    ...["C:/escape", "C:\\escape", "\\\\host\\escape", ".shoal/control.json", ".SHOAL/state.db"],
    ...[
      ".\u017fhoal/identity.pem",
      ".sh\u200coal/identity.pem",
      "a\u0000b",
      "a\nb",
      "x".repeat(256),
    ],
    "x/".repeat(64) + "x",
  ];
  const state = Deno.readTextFileSync(`${victim.dir}/.shoal/control.json`);
  await using liars = new AsyncDisposableStack();
  for (const name of names) {
    const offer = offerOf(name, content);
    liars.use(await HostilePeer.create(world.bootstrap, offer, serving(content)));
  }
  const listed = await world.json<ListedFile[]>(victim.dir, ["list-files"]);
  assertEquals(listed.map(({ name }) => name).sort(), names.toSorted(), "all are announced");
  const { id } = offerOf("", content);
  for (const name of names.filter((name) => !name.includes("\0"))) {
    // Who says a/ means a, which nobody has.
    const code = name === "a/" ? 3 : 2;
    assertRefused(await world.run(victim.dir, ["get"], { words: [name] }), { code });
  }
  for (const more of [["--overwrite"], ["--id", id], ["-o", "-"], ["-o", victim.dir]]) {
    const got = await world.run(victim.dir, ["get", ...more], { words: [names[0]] });
    assertRefused(got, { code: 2 });
  }
  assertEquals(contentsOf(victim.dir), []);
  assertEquals(Deno.readTextFileSync(`${victim.dir}/.shoal/control.json`), state);
  assertEquals([...Deno.readDirSync(world.root)].map(({ name }) => name), ["victim"]);
});

Deno.test("a link put in the place of a shared file, or of its folder, shares nothing", async () => {
  await using world = await World.create();
  const outside = await world.folder("outside");
  await Deno.writeTextFile(`${outside}/data`, SECRET);
  const victim = await world.peer("victim");
  const { dir } = victim;
  await Deno.mkdir(`${dir}/sub`);
  for (const name of ["data", "sub/data", "other"]) {
    await Deno.writeTextFile(`${dir}/${name}`, `this is ${name}`);
  }
  const shared = await world.json<SharedFile[]>(dir, ["share", "data", "sub/data", "other"]);
  await Deno.remove(`${dir}/data`);
  await Deno.symlink(`${outside}/data`, `${dir}/data`);
  await Deno.rename(`${dir}/sub`, `${dir}/before`);
  await Deno.symlink(outside, `${dir}/sub`);
  // A request makes the peer look.
  for (const { id, name } of shared.slice(0, 2)) {
    using end = await RawEnd.connect(parseAddress(victim.address, 1));
    await end.send({ action: "hello", id: 1, protocol: 1, agent: "x/1" });
    await end.send({ action: "get_chunks", id: 2, file: id, first: 0, count: 1 });
    await end.line();
    const { code } = await end.line();
    assert(code === "changed" || code === "not_shared", `${name}: ${code}`);
  }
  await eventually("both are withdrawn and looked at again", async () => {
    const { shares } = await world.json<PeerStatus>(dir, ["status"]);
    const gone = shares.filter(({ available }) => !available).map(({ name }) => name);
    return gone.join() === "data,sub/data" && victim.program.stderr.includes("sub/data");
  });
  // A look at all of them has ended when another share is there again.
  await world.json(dir, ["share", "other"]);
  const listed = await world.json<ListedFile[]>(dir, ["list-files"]);
  assertEquals(listed.map(({ name }) => name), ["other"]);
  for (const name of ["data", "sub/data"]) {
    assertRefused(await world.run(dir, ["share", name]), { code: 2, text: "a link that leaves" });
    using end = await RawEnd.connect(parseAddress(victim.address, 1));
    await end.send({ action: "file_request", filename: name });
    assertEquals(await end.line(), { action: "error", message: "File not found" });
  }
  const asker = await world.folder("asker");
  await world.json(asker, ["get", "other"]);
  assertEquals(contentsOf(asker), ["other"]);
});

Deno.test("a link in a destination is not followed out of DIR, even one that comes later", async () => {
  await using world = await World.create();
  const outside = await world.folder("outside");
  await Deno.writeTextFile(`${outside}/data`, SECRET);
  const content = patterned(4 * MIB);
  await using proxy = new Proxy({ pauseAfter: 2 * MIB });
  const source = await world.peer("source", { proxy });
  await Deno.mkdir(`${source.dir}/sub`);
  await Deno.writeFile(`${source.dir}/sub/data`, content);
  await Deno.writeTextFile(`${source.dir}/data`, "small");
  await world.json(source.dir, ["share", "sub/data", "data"]);

  const dir = await world.folder("dir");
  await Deno.symlink(`${outside}/data`, `${dir}/data`);
  const leaves = `it is a link that leaves ${dir}`;
  assertRefused(await world.run(dir, ["get", "data"]), { code: 6, text: leaves });
  await Deno.symlink(outside, `${dir}/out`);
  for (const output of [`${dir}/out`, `${dir}/out/`, `${dir}/out/new`]) {
    const got = await world.run(dir, ["get", "data", "-o", output]);
    assertRefused(got, { code: 2, text: `a link in it leaves ${dir}` });
  }
  // What is replaced is the link, not what it leads to.
  assertEquals((await world.run(dir, ["get", "data", "--overwrite"])).code, 0);
  assert((await Deno.lstat(`${dir}/data`)).isFile);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "small");

  const running = world.start(dir, ["get", "sub/data"]);
  await running.meanwhile(proxy.paused);
  await Deno.symlink(outside, `${dir}/sub`);
  proxy.resume();
  assertEquals(await running.ended(), 2, running.stderr);
  assert(running.stderr.includes(`a link in it leaves ${dir}`), running.stderr);
  assertEquals([contentsOf(outside), await Deno.readTextFile(`${outside}/data`)], [
    ["data"],
    SECRET,
  ]);
  // Nothing is lost: once the link is gone, what was fetched is put in its place.
  await Deno.remove(`${dir}/sub`);
  assertEquals((await world.run(dir, ["get", "sub/data"])).code, 0);
  assertSameBytes(await Deno.readFile(`${dir}/sub/data`), content);
});

Deno.test("a state folder that was planted with links is refused", async () => {
  await using world = await World.create();
  const outside = await world.folder("outside");
  await Deno.writeTextFile(`${outside}/file`, SECRET);
  for (const name of ["", "/state.db", "/identity.pem", "/partials"]) {
    const dir = await world.folder(`dir${name.replace("/", "-")}`);
    if (name !== "") await Deno.mkdir(`${dir}/.shoal`);
    const isFolder = name === "" || name === "/partials";
    await Deno.symlink(isFolder ? outside : `${outside}/file`, `${dir}/.shoal${name}`);
    const got = await world.run(dir, ["status"]);
    // State without a mark was not made here, whatever is in it; a link is not even looked into.
    const why = name === ""
      ? `Cannot use "${dir}/.shoal": it is a link`
      : "it was made in another place";
    assertRefused(got, { code: 2, text: why });
  }
  assertEquals([contentsOf(outside), await Deno.readTextFile(`${outside}/file`)], [
    ["file"],
    SECRET,
  ]);
});

Deno.test("a damaged state database is one clear error, and nothing of it is lost", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/data`, "data");
  await world.json(dir, ["share", "data"]);
  const path = `${dir}/.shoal/state.db`;
  const right = await Deno.readFile(path);
  const damages = [
    new TextEncoder().encode("this is no database, whatever its name says".repeat(20)),
    right.slice(0, 5_000),
    right.map((byte, at) => at >= 4_096 ? byte ^ 0xff : byte),
  ];
  for (const damage of damages) {
    await Deno.writeFile(path, damage);
    assertRefused(await world.run(dir, ["status"]), { code: 7, text: "Cannot use" });
    assertSameBytes(await Deno.readFile(path), damage);
  }
  await Deno.writeFile(path, right);
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).shares[0].name, "data");
});

Deno.test("names that some disk takes for one never meet", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  const NFC = "caf\u00e9";
  const NFD = "cafe\u0301";
  await Deno.mkdir(`${source.dir}/Docs`);
  for (const name of ["readme", "README", NFC, "Docs/a", "strasse"]) {
    await Deno.writeTextFile(`${source.dir}/${name}`, `theirs: ${name}`);
  }
  await world.json(source.dir, ["share", "readme", NFC, "Docs/a", "strasse"]);
  assertRefused(await world.run(source.dir, ["share", "README"]), {
    code: 2,
    text: "readme is shared, the same name but for case or Unicode form",
  });

  const dir = await world.folder("dir");
  await Deno.mkdir(`${dir}/docs`);
  const mine = ["README", NFD, "docs/A", "STRAßE"];
  for (const name of mine) await Deno.writeTextFile(`${dir}/${name}`, `mine: ${name}`);
  const before = contentsOf(dir);
  for (const [index, name] of ["readme", NFC, "Docs/a", "strasse"].entries()) {
    for (const more of [[], ["--overwrite"]]) {
      const got = await world.run(dir, ["get", name, ...more]);
      assertRefused(got, { code: 6, text: `there is ${mine[index]}, the same name but for case` });
    }
  }
  assertEquals(contentsOf(dir), before);
  for (const name of mine) assertEquals(await Deno.readTextFile(`${dir}/${name}`), `mine: ${name}`);
  // Elsewhere it can be had.
  assertEquals((await world.run(dir, ["get", "readme", "-o", `${dir}/readme (2)`])).code, 0);
  assertEquals(await Deno.readTextFile(`${dir}/readme (2)`), "theirs: readme");
  // So it is with the name itself.
  await Deno.remove(`${dir}/README`);
  assertEquals((await world.run(dir, ["get", "readme"])).code, 0);
  assertEquals((await world.run(dir, ["get", "readme"])).code, 0);
});

Deno.test("nothing is put into the state folder, by whatever path", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.mkdir(`${source.dir}/tree`);
  for (const name of ["state.db", "tree/state.db"]) await writeRandom(`${source.dir}/${name}`, 10);
  await world.json(source.dir, ["share", "state.db", "tree"]);
  const { dir } = await world.peer("getter");
  const state = `${dir}/.shoal`;
  await Deno.symlink(state, `${world.root}/link`);
  const kept = () => contentsOf(state).filter((name) => name !== "partials");
  const before = kept();
  const identity = await Deno.readTextFile(`${state}/identity.pem`);
  for (const name of ["state.db", "tree", "tree/state.db"]) {
    for (const output of [state, `${state}/`, `${state}/new`, `${world.root}/link/`, "link/new"]) {
      for (const how of [[], ["--overwrite"], ["--update", "--delete"]]) {
        if (name === "state.db" && how.includes("--delete")) continue;
        const words = ["get", name, "-o", output, ...how];
        const refused = await world.run(dir, words, { cwd: world.root });
        assertRefused(refused, { code: 2, text: `${state} is Shoal's own` });
      }
    }
  }
  assertEquals(kept(), before);
  assertEquals(contentsOf(`${state}/partials`), []);
  assertEquals(await Deno.readTextFile(`${state}/identity.pem`), identity);
});
