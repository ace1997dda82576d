/**
 * Strangers posing as a publisher that the user trusts: by a name in another's folder, by an id
 * that begins alike, by a list that nobody signed, by a time that nothing is newer than.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ListedFile, Receipt, ShareResult, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import { askOf, linesOf } from "./ask.ts";
import { assertRefused, placedIn } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import { LyingBootstrap, overheard } from "./lying_bootstrap.ts";
import { publisher } from "./publishers.ts";
import { World } from "./world.ts";

const DAY_MS = 86_400_000;

const text = (path: string) => Deno.readTextFile(path);

/** Alice shares the folder `photos`, which the getter has; mallory shares what lies in a folder of that name. */
async function inFolder(world: World) {
  const [alice, mallory] = await Promise.all(
    ["alice", "mallory"].map((name) => publisher(world, name)),
  );
  await Deno.mkdir(`${alice.dir}/photos`);
  await Deno.writeTextFile(`${alice.dir}/photos/beach.jpg`, "by alice");
  await world.json(alice.dir, ["share", "photos"]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "photos"]);
  await Deno.mkdir(`${mallory.dir}/photos/2027`, { recursive: true });
  for (const name of ["install.sh", "beach.jpg", "2027/new.jpg"]) {
    await Deno.writeTextFile(`${mallory.dir}/photos/${name}`, "by mallory");
  }
  for (const name of ["install.sh", "beach.jpg", "2027"]) {
    await world.json(mallory.dir, ["share", `photos/${name}`]);
  }
  return { alice, mallory, dir };
}

Deno.test("attack: a name in another's folder is not taken from a stranger", async () => {
  await using world = await World.create();
  const { alice, mallory, dir } = await inFolder(world);
  const why = `${alice.key.slice(0, 12)} was remembered for the folder "photos"`;
  const refuses = async () => {
    for (const name of ["photos/install.sh", "photos/2027", "photos/2027/new.jpg"]) {
      for (const flags of [[], ["--update"], ["--dry-run"], ["-o", `${dir}/out`]]) {
        assertRefused(await world.run(dir, ["get", name, ...flags]), { code: 5, text: why });
      }
    }
    assertRefused(await world.run(dir, ["get", "photos/install.sh", "-o", "-"]), {
      code: 5,
      text: why,
    });
    assertEquals(placedIn(dir), ["photos", "photos/beach.jpg"]);
  };
  await refuses();
  const files = await world.json<ListedFile[]>(dir, ["list-files", "photos/*"]);
  assertEquals(files.map(({ trust }) => trust), ["other", "other", "other"]);
  // What the folder itself has is not hidden by what is announced in its place.
  const own = await world.json<Receipt>(dir, ["get", "photos/beach.jpg", "-o", `${dir}/copy`]);
  assertEquals([own.trust, await text(`${dir}/copy`)], ["known", "by alice"]);
  await Deno.remove(`${dir}/copy`);
  await alice.program.stop();
  await refuses();

  // The user can still say whom to take for the name.
  const accept = ["trust", "accept", "photos/install.sh", "--publisher", mallory.key];
  await world.json(dir, accept);
  assertEquals((await world.json<Receipt>(dir, ["get", "photos/install.sh"])).trust, "known");
  assertEquals(await text(`${dir}/photos/install.sh`), "by mallory");
});

Deno.test("attack: what this peer shares is a folder of its own, with all the names in it", async () => {
  await using world = await World.create();
  const { alice } = await inFolder(world);
  assertRefused(await world.run(alice.dir, ["get", "photos/install.sh"]), {
    code: 5,
    text: 'was remembered for the folder "photos"',
  });
  assertEquals(placedIn(alice.dir), ["photos", "photos/beach.jpg"]);
});

Deno.test("trust: a folder's publisher counts for the names in it, until another is accepted for the folder", async () => {
  await using world = await World.create();
  const { alice, mallory, dir } = await inFolder(world);
  const single = await publisherOfPart(world, alice.dir);
  const receipt = await world.json<Receipt>(dir, ["get", "photos/single"]);
  assertEquals([receipt.id, receipt.trust], [single, "known"]);
  const trusted = async () =>
    (await world.json<TrustEntry[]>(dir, ["trust", "list"]))
      .map(({ name, how, publisher }) => [name, how, publisher]);
  assertEquals(await trusted(), [
    ["photos", "first", alice.key],
    ["photos/single", "folder", alice.key],
  ]);
  await world.json(dir, ["trust", "accept", "photos", "--publisher", mallory.key]);
  assertEquals(await trusted(), [["photos", "accepted", mallory.key]]);
});

/** A file that is announced by itself, with a name in a folder. */
async function publisherOfPart(world: World, dir: string): Promise<string> {
  await Deno.writeTextFile(`${dir}/photos/single`, "by itself");
  const [{ id }] = await world.json<ShareResult[]>(dir, ["share", "photos/single"]);
  return id;
}

Deno.test("attack: the beginning of an id or a key pins nothing", async () => {
  await using world = await World.create();
  const [alice, mallory] = await Promise.all(
    ["alice", "mallory"].map((name) => publisher(world, name)),
  );
  await alice.publish("data", "by alice");
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  const forged = await mallory.publish("data", "by mallory");
  for (const digits of [8, 12, 63]) {
    for (
      const words of [["data", "--id", forged.slice(0, digits)], [
        `data@${forged.slice(0, digits)}`,
      ]]
    ) {
      assertRefused(await world.run(dir, ["get", ...words, "--overwrite"]), {
        code: 5,
        text: "was remembered for it",
      });
    }
  }
  assertEquals(await text(`${dir}/data`), "by alice");
  const pinned = await world.json<Receipt>(dir, ["get", `data@${forged}`, "--overwrite"]);
  assertEquals([pinned.trust, await text(`${dir}/data`)], ["pinned", "by mallory"]);

  // The first time, the beginning of a key chooses, and the whole key is said.
  const fresh = await world.folder("fresh");
  const chosen = await world.run(fresh, ["get", "data", "--publisher", mallory.key.slice(0, 8)]);
  assertEquals(chosen.code, 0, chosen.stderr);
  assertStringIncludes(chosen.stderr, `Remembered for "data": publisher ${mallory.key}`);
  const other = await world.folder("other");
  assertRefused(await world.run(other, ["get", "data", "--publisher", "0123456789"]), { code: 3 });
});

Deno.test("attack: an id from a list is taken only with the publisher that stands beside it", async () => {
  await using world = await World.create();
  const [alice, mallory] = await Promise.all(
    ["alice", "mallory"].map((name) => publisher(world, name)),
  );
  const good = await alice.publish("data", "by alice");
  await alice.publish("other", "something else by alice");
  for (const { dir, key } of [alice, mallory]) {
    await Deno.mkdir(`${dir}/tree`);
    await Deno.writeTextFile(`${dir}/tree/file`, key);
    await world.json(dir, ["share", "tree"]);
  }
  const evil = await mallory.publish("data", "by mallory");
  const [row] = (await world.json<ListedFile[]>(mallory.dir, ["list-files", "data"]))
    .filter(({ id }) => id === evil);
  const [tree] = (await world.json<ListedFile[]>(mallory.dir, ["list-files", "tree"]))
    .filter(({ publisher }) => publisher === mallory.key);
  const [other] = await overheard(world.bootstrap, "other");
  const both = await overheard(world.bootstrap, "data");
  // Asked by id, the liar tells the truth; its list says that the trusted publisher has the stranger's content.
  await using liar = new LyingBootstrap({
    find: ({ file, name }) =>
      [...both, other].filter(({ announcement: a }) => a.id === file || a.name === name),
    files: () => [{ ...row, publisher: alice.key }],
  });
  const peer = await world.peer("getter", { bootstrap: liar.address });
  await world.json(peer.dir, ["trust", "accept", "data", "--publisher", alice.key]);
  const ask = await askOf(peer);
  const [listed] = await linesOf(await ask("/api/v1/files"));
  assertEquals([listed.result.id, listed.result.trust], [evil, "trusted"], "so it is shown");
  const save = async (id: string, key: string) => {
    const response = await ask(`/files/data?id=${id}&publisher=${key}`);
    return [
      response.status,
      response.ok ? await response.text() : (await response.json()).error.kind,
    ];
  };
  assertEquals(await save(evil, alice.key), [404, "not_found"]);
  assertEquals(await save(other.announcement.id, alice.key), [404, "not_found"], "another name's");
  assertEquals(await save(evil, mallory.key), [200, "by mallory"]);
  assertEquals(await save(good, alice.key), [200, "by alice"]);
  const get = async (id: string, publisher: string) => {
    const body = JSON.stringify({ name: "data", id, publisher, overwrite: true });
    const lines = await linesOf(await ask("/api/v1/downloads", { method: "POST", body }));
    const last = lines.at(-1);
    return last.error?.kind ?? last.result.id;
  };
  assertEquals(await get(evil, alice.key), "not_found");
  assertEquals(await get(good, alice.key), good);
  assertEquals(await text(`${peer.dir}/data`), "by alice");

  // Folders alike.
  const honest = await world.peer("honest");
  const askHonest = await askOf(honest);
  const look = async (key: string) => {
    const query = new URLSearchParams({ name: "tree", id: tree.id, publisher: key });
    const response = await askHonest(`/api/v1/folder?${query}`);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals([await look(alice.key), await look(mallory.key)], [404, 200]);
});

Deno.test("attack: a time that is far ahead pins no name", async () => {
  await using world = await World.create();
  const content = new TextEncoder().encode("for ever");
  const time = Date.now() + 30 * DAY_MS;
  const offer = { ...offerOf("data", content), time };
  await using _ahead = await HostilePeer.create(world.bootstrap, offer, serving(content));
  const dir = await world.folder("getter");
  assertRefused(await world.run(dir, ["get", "data"]), { code: 3 });
  assertEquals(await world.json(dir, ["list-files"]), [], "no bootstrap takes it");

  // One that does is not believed, and what it says is in nobody's way.
  const mallory = await Identity.generate();
  const now = { ...offerOf("data", content), mtime: 0, time: Date.now() };
  await using source = await HostilePeer.create(
    world.bootstrap,
    offerOf("x", content),
    serving(content),
  );
  const [{ sources }] = await overheard(world.bootstrap, "x");
  assert(sources.length > 0, source.address);
  const later = { ...now, id: "ab".repeat(32), time };
  const announcements = await Promise.all(
    [later, now, { ...later, id: now.id }].map((each) => signAnnouncement(mallory, each)),
  );
  await using liar = new LyingBootstrap({
    find: () => announcements.map((announcement) => ({ announcement, sources, total: 1 })),
  });
  const receipt = await world.json<Receipt>(dir, ["get", "data"], { bootstrap: liar.address });
  assertEquals([receipt.id, receipt.publisher], [now.id, mallory.id]);
  const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals(entry.time, now.time);
  assertMatch(await text(`${dir}/data`), /for ever/);
});
