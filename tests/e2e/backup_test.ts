/** Backups and moves of DIR, as docs/operations.md has them: a restored peer keeps its identity. */
import { assert, assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertRefused, eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

const MIB = 1 << 20;

async function run(command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await outputOf(command, { args });
  assert(success, new TextDecoder().decode(stderr));
}

/**
 * A world with a peer that shares a file and a folder and has fetched a file, and with one that
 * fetched from it.
 */
async function worldWithPeer() {
  const world = await World.create();
  const other = await world.peer("other");
  await writeRandom(`${other.dir}/theirs`, MIB);
  await world.json(other.dir, ["share", "theirs"]);
  const peer = await world.peer("home");
  await writeRandom(`${peer.dir}/data`, 2 * MIB + 1);
  await Deno.mkdir(`${peer.dir}/tree/deep`, { recursive: true });
  await writeRandom(`${peer.dir}/tree/deep/leaf`, 100);
  await world.json<ShareResult[]>(peer.dir, ["share", "data", "tree"]);
  await world.json(peer.dir, ["get", "theirs"]);
  const getter = await world.folder("getter");
  for (const name of ["data", "tree"]) await world.json(getter, ["get", name]);
  const { peer: id } = await world.json<PeerStatus>(peer.dir, ["status"]);
  return { world, peer, getter, id };
}

/** Takes a restored DIR over: it is not used before its user has agreed. */
async function takeOver(world: World, dir: string): Promise<void> {
  assertRefused(await world.run(dir, ["share", "data"]), {
    code: 2,
    text: "made in another place",
  });
  await world.json(dir, ["adopt-state", "--yes"]);
}

/** Asserts that peers which knew it before take what `dir` publishes, when it has changed since. */
async function assertGoesOn(
  world: World,
  dir: string,
  { getter, id }: { getter: string; id: string },
) {
  assertEquals((await world.json<PeerStatus>(dir, ["status"])).peer, id);
  await Deno.writeTextFile(`${dir}/tree/deep/leaf`, "changed since");
  await world.json(dir, ["share", "data", "tree"]);
  for (const name of ["data", "tree"]) {
    const receipt = await world.json<Receipt>(getter, ["get", name, "--update"]);
    assertEquals([receipt.trust, receipt.publisher, receipt.up_to_date], [
      ...["known", id, name === "data"],
    ], name);
  }
  assertEquals(await Deno.readTextFile(`${getter}/tree/deep/leaf`), "changed since");
  const theirs = await world.json<Receipt>(dir, ["get", "theirs"]);
  assertEquals([theirs.trust, theirs.up_to_date], ["known", true]);
}

testUnless(
  lacking("cp"),
  "a whole DIR that is restored from a copy goes on as it was",
  async () => {
    const { world, peer, getter, id } = await worldWithPeer();
    await using _world = world;
    await peer.program.stop();
    await run("cp", "-a", peer.dir, `${world.root}/backup`);
    await Deno.remove(peer.dir, { recursive: true });
    await run("cp", "-a", `${world.root}/backup`, peer.dir);
    await takeOver(world, peer.dir);
    await world.peer("home");
    await eventually("all is announced again", async () => {
      const files = await world.json<ListedFile[]>(getter, ["list-files"]);
      const own = files.filter(({ publisher }) => publisher === id).map(({ name }) => name);
      return own.includes("data") && own.includes("tree");
    });
    await assertGoesOn(world, peer.dir, { getter, id });
  },
);

testUnless(
  lacking("cp"),
  "identity and database, copied while the peer runs, are enough of a backup",
  async () => {
    const { world, peer, getter, id } = await worldWithPeer();
    await using _world = world;
    const backup = await world.folder("backup");
    for (const name of ["identity.pem", "state.db", "state.db-wal"]) {
      await run("cp", "-a", `${peer.dir}/.shoal/${name}`, `${backup}/${name}`);
    }
    await peer.program.stop("SIGKILL");
    await Deno.remove(`${peer.dir}/.shoal`, { recursive: true });
    await Deno.mkdir(`${peer.dir}/.shoal`);
    await run("cp", "-a", `${backup}/.`, `${peer.dir}/.shoal`);
    await takeOver(world, peer.dir);
    await world.peer("home");
    await assertGoesOn(world, peer.dir, { getter, id });
  },
);

Deno.test("a DIR that is moved goes on in its new place, once what it shares is shared anew", async () => {
  const { world, peer, getter, id } = await worldWithPeer();
  await using _world = world;
  await peer.program.stop();
  await Deno.rename(peer.dir, `${world.root}/moved`);
  const { dir } = await world.peer("moved");
  for (const name of ["data", "tree"]) {
    await world.json(dir, ["unshare", name]);
    await world.json(dir, ["share", name]);
  }
  await assertGoesOn(world, dir, { getter, id });
  assert(await sameFiles(`${dir}/data`, `${getter}/data`));
});
