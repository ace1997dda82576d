/** Folders from peers that are not what they should be: refused before anything is written. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Plan, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import type { Bytes } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { referenceIdOf } from "../support/reference_tree.ts";
import { assertRefused, contentsOf, placedIn } from "./checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "./hostile_peer.ts";
import { World } from "./world.ts";

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text) as Bytes;
const HELLO = bytesOf("hello\n");
const WORLD = bytesOf("world\n");

const folder = (path: string) => `{"path":${JSON.stringify(path)},"type":"folder"}`;
const link = (path: string, target: string) =>
  `{"path":${JSON.stringify(path)},"target":${JSON.stringify(target)},"type":"link"}`;
const file = (path: string, content = HELLO) =>
  `{"id":"${referenceIdOf(content)}","mode":"644","mtime":1700000000000,` +
  `"path":${JSON.stringify(path)},"size":${content.length},"type":"file"}`;

function manifestOf(lines: string[], bytes: number): Bytes {
  const header = `{"bytes":${bytes},"entries":${lines.length},"manifest":1}`;
  return bytesOf([header, ...lines, ""].join("\n"));
}

function offered(manifest: Bytes, entries = 1) {
  return { ...offerOf("tree", manifest), kind: "folder" as const, entries, bytes: 6 * entries };
}

Deno.test("manifests that can't be followed: exit 5, and nothing on disk", async () => {
  await using world = await World.create();
  const outside = `${world.root}/outside`;
  await Deno.mkdir(outside);
  const cases: Record<string, [Bytes, RegExp]> = {
    "twice": [manifestOf([file("a"), file("a")], 12), /it has "a" twice/],
    "case": [manifestOf([file("A"), file("a")], 12), /one name to some systems/],
    "nfc": [manifestOf([file("e\u0301")], 6), /composed form/],
    "up": [manifestOf([file("../outside/x")], 6), /can't be a path/],
    "absolute": [manifestOf([file(`${outside}/x`)], 6), /can't be a path/],
    "own": [manifestOf([folder(".shoal"), file(".shoal/identity.pem")], 6), /Shoal's own/],
    "prefix": [manifestOf([file("a"), file("a/b")], 12), /no folder of it/],
    "deep": [manifestOf([file("d/".repeat(70) + "x")], 6), /more than 64 parts/],
    "link": [manifestOf([link("a", "../outside")], 0), /leads out/],
    "through": [manifestOf([link("a", outside), file("a/x")], 6), /leads out/],
    "order": [manifestOf([file("b"), file("a")], 12), /not in its place/],
    "sizes": [manifestOf([file("a")], 7), /don't add up/],
    "garbage": [bytesOf("no manifest at all\n"), /not JSON/],
    "device": [
      bytesOf(`{"bytes":0,"entries":1,"manifest":1}\n{"path":"a","type":"device"}\n`),
      /says nothing known/,
    ],
    "empty": [
      bytesOf(`{"bytes":0,"entries":1,"manifest":1}\n${
        file("a", bytesOf(""))
          .replace(/"id":"[^"]*"/, `"id":"${"ab".repeat(32)}"`)
      }\n`),
      /the id of no empty file/,
    ],
  };
  for (const [name, [manifest, message]] of Object.entries(cases)) {
    await using _peer = await HostilePeer.create(
      world.bootstrap,
      { ...offered(manifest), name },
      serving(manifest),
    );
    const dir = await world.folder(`into-${name}`);
    assertRefused(await world.run(dir, ["get", name]), { code: 5, text: message });
    assertEquals(contentsOf(dir), [], name);
    const streamed = await world.run(dir, ["get", `${name}/a`, "-o", "-"]);
    assertRefused(streamed, { code: 5, text: message });
    assertEquals([streamed.stdout, contentsOf(dir)], ["", []], name);
    await Deno.mkdir(`${dir}/${name}`);
    await Deno.writeTextFile(`${dir}/${name}/mine`, "mine");
    const update = await world.run(dir, ["get", name, "--update", "--delete"]);
    assertRefused(update, { code: 5, text: message });
    assertEquals(placedIn(dir), [name, `${name}/mine`], name);
  }
  assertEquals(placedIn(outside), []);
});

Deno.test("a folder with less in it than its publisher announced: exit 5, and nothing on disk", async () => {
  await using world = await World.create();
  const manifest = manifestOf([file("a")], 6);
  const dir = await world.folder("getter");
  const lies = { "more-entries": { entries: 5 }, "more-bytes": { bytes: 500 } };
  for (const [name, lie] of Object.entries(lies)) {
    await using _peer = await HostilePeer.create(
      world.bootstrap,
      { ...offered(manifest), ...lie, name },
      serving(manifest, undefined, [HELLO]),
    );
    const text = "its publisher announced";
    const words = [[name], [`${name}/a`], [`${name}/a`, "-o", "-"], [name, "--dry-run"]];
    for (const each of words) {
      assertRefused(await world.run(dir, ["get", ...each]), { code: 5, text });
    }
    assertEquals(placedIn(dir), []);
  }
  await using _honest = await HostilePeer.create(
    world.bootstrap,
    offered(manifest),
    serving(manifest, undefined, [HELLO]),
  );
  const plan = await world.json<Plan>(dir, ["get", "tree", "--dry-run"]);
  assertEquals([plan.size, plan.bytes.missing], [6, 6]);
  const part = await world.json<Plan>(dir, ["get", "tree/a", "--dry-run"]);
  assertEquals([part.id, part.size, part.path], [referenceIdOf(HELLO), 6, `${dir}/tree/a`]);
  assertEquals((await world.json<Receipt>(dir, ["get", "tree"])).files?.fetched, 1);
});

Deno.test("absurd manifests are refused before they are fetched", async () => {
  await using world = await World.create();
  let asked = 0;
  const lie: Lie = ({ action }, honest) => {
    if (action !== "hello") asked++;
    return honest;
  };
  const offer = { ...offered(HELLO), size: 2 ** 30 };
  await using _peer = await HostilePeer.create(world.bootstrap, offer, serving(HELLO, lie));
  const dir = await world.folder("getter");
  assertRefused(await world.run(dir, ["get", "tree"]), {
    code: 5,
    text: "its manifest has 1073741824 bytes, and 67108864 is the most",
  });
  assertEquals([asked, contentsOf(dir)], [0, []]);
});

Deno.test("who sends wrong files is dropped and named; alone, it gets nothing placed", async () => {
  await using world = await World.create();
  const manifest = manifestOf([file("a"), file("b", WORLD)], 12);
  const wrong: Lie = ({ action, id, files }, honest) =>
    action === "get_files"
      ? wireMessage({ action: "files", id, count: files.length }, bytesOf("jello\nworld\n"))
      : honest;
  await using liar = await HostilePeer.create(
    world.bootstrap,
    offered(manifest, 2),
    serving(manifest, wrong, [HELLO, WORLD]),
  );
  const dir = await world.folder("getter");
  const alone = await world.run(dir, ["get", "tree"]);
  assertRefused(alone, { code: 5, text: "sent a wrong file" });
  assertEquals(placedIn(dir), []);

  await using _honest = await HostilePeer.create(
    world.bootstrap,
    offered(manifest, 2),
    serving(manifest, undefined, [HELLO, WORLD]),
  );
  const both = await world.folder("both");
  const receipt = await world.json<Receipt>(both, ["get", "tree"]);
  assertEquals(receipt.files?.fetched, 2);
  assertEquals(await Deno.readTextFile(`${both}/tree/a`), "hello\n");
  const dropped = receipt.sources.find(({ address }) => address === liar.address);
  // Either was quicker: the liar may not even have been asked.
  if (dropped?.dropped) assertMatch(dropped.dropped, /wrong file/);
});

Deno.test("lies about how many files came, and files that are not had", async () => {
  await using world = await World.create();
  const manifest = manifestOf([file("a"), file("b", WORLD)], 12);
  const lies: Record<string, [Lie, number, RegExp]> = {
    "more": [
      ({ id }) => wireMessage({ action: "files", id, count: 3 }, HELLO),
      5,
      /bytes of files/,
    ],
    "short": [
      ({ id }) => wireMessage({ action: "files", id, count: 2 }, HELLO),
      5,
      /bytes of files/,
    ],
    "long": [
      ({ id }) => wireMessage({ action: "files", id, count: 1 }, bytesOf("x".repeat(13))),
      5,
      /13 bytes where at most 12/,
    ],
    "none": [({ id }) => wireMessage({ action: "files", id, count: 0 }), 4, /could not be had/],
  };
  for (const [name, [lie, code, message]] of Object.entries(lies)) {
    const script: Lie = (request, honest) =>
      request.action === "get_files" ? lie(request, honest) : honest;
    await using _peer = await HostilePeer.create(
      world.bootstrap,
      { ...offered(manifest, 2), name },
      serving(manifest, script, [HELLO, WORLD]),
    );
    const dir = await world.folder(`into-${name}`);
    const refused = await world.run(dir, ["get", name, "--wait", "3s"]);
    assertRefused(refused, { code, text: message });
    assertEquals(placedIn(dir), [], name);
  }
});

Deno.test("a folder's announcement is signed with its kind", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("sharer");
  await Deno.mkdir(`${dir}/tree`);
  await Deno.writeTextFile(`${dir}/tree/a`, "hello\n");
  const [shared] = await world.json<ShareResult[]>(dir, ["share", "tree"]);
  const manifest = await Deno.readFile(`${dir}/.shoal/manifests/${shared.id}`);
  assertEquals(referenceIdOf(manifest), shared.id);
  assert(
    new TextDecoder().decode(manifest).startsWith('{"bytes":6,"entries":1,"manifest":1}\n{"id":'),
  );
});
