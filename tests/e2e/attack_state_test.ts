/** A state folder that an attacker made, or had a hand in: what it says is not done. */
import { assert, assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus } from "../../src/peer/api/peer_api.ts";
import { assertRefused } from "./checks.ts";
import { isRoot, testUnless } from "../support/tools.ts";
import { World } from "./world.ts";

interface Adopted {
  state: string;
  adopted: boolean;
  peer: string;
  shares: number;
  shares_outside: string[];
  trusted: number;
}

/** A folder with a state that shares a file outside of it, as a repository may bring along. */
async function plantedIn(world: World, dir: string): Promise<string> {
  const secret = `${world.root}/private_key`;
  await Deno.writeTextFile(secret, "secret");
  const mallory = await world.folder("mallory");
  await world.json(mallory, ["share", secret]);
  const { peer } = await world.json<PeerStatus>(mallory, ["status"]);
  await copyFolder(`${mallory}/.shoal`, `${dir}/.shoal`);
  return peer;
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { mode: 0o700 });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

Deno.test("state that came with DIR is not used before its user has taken it over", async () => {
  await using world = await World.create();
  const dir = await world.folder("cloned");
  const mallory = await plantedIn(world, dir);
  const made = "it was made in another place, or by another user";
  const serving = world.start(dir, ["0", "--host", "127.0.0.1"]);
  assertEquals(await serving.ended(), 2);
  assert(serving.stderr.includes(made) && serving.stderr.includes("adopt-state"), serving.stderr);
  for (const words of [["status"], ["share", "x"], ["get", "private_key"], ["unshare", "x"]]) {
    assertRefused(await world.run(dir, words), { code: 2, text: made });
  }
  // Looking at the swarm needs no state, and takes no trust from there.
  assertEquals(await world.json<ListedFile[]>(dir, ["list-files"]), []);
  const doctor = await world.run(dir, ["doctor"]);
  assertEquals(doctor.code, 2);
  assert(doctor.stdout.includes(made), doctor.stdout);

  const alone = await world.run(dir, ["adopt-state"]);
  assertRefused(alone, { code: 2, text: "there is no terminal to ask at" });
  assertRefused(await world.run(dir, ["status"]), { code: 2, text: made });

  const taken = await world.json<Adopted>(dir, ["adopt-state", "--yes", "--new-identity"]);
  assert(taken.adopted && taken.peer !== mallory);
  assertEquals([taken.shares, taken.shares_outside], [1, [`${world.root}/private_key`]]);
  const { peer } = await world.json<PeerStatus>(dir, ["status"]);
  assertEquals(peer, taken.peer);
  const again = await world.json<Adopted>(dir, ["adopt-state"]);
  assertEquals([again.adopted, again.peer], [false, taken.peer]);
});

Deno.test("a copy of DIR is known by its mark where the user has a state home", async () => {
  await using world = await World.create();
  const env = { XDG_STATE_HOME: `${world.root}/state_home` };
  const dir = await world.folder("home");
  const { peer } = await world.json<PeerStatus>(dir, ["status"], { env });
  await Deno.mkdir(`${world.root}/copy`);
  await copyFolder(`${dir}/.shoal`, `${world.root}/copy/.shoal`);
  const copied = await world.json<PeerStatus>(`${world.root}/copy`, ["status"], { env });
  assertEquals(copied.peer, peer);
  await Deno.mkdir(`${world.root}/other`);
  await copyFolder(`${dir}/.shoal`, `${world.root}/other/.shoal`);
  const elsewhere = { env: { XDG_STATE_HOME: `${world.root}/empty` } };
  assertRefused(await world.run(`${world.root}/other`, ["status"], elsewhere), { code: 2 });
  const { mode } = await Deno.stat(`${world.root}/state_home/shoal/folders`);
  if (Deno.build.os !== "windows") assertEquals(mode! & 0o777, 0o700);
});

Deno.test("a link in the state folder is refused, and nothing behind it is touched", async (t) => {
  await using world = await World.create();
  const outside = await world.folder("outside");
  await Deno.writeTextFile(`${outside}/precious`, "precious");
  for (const part of ["manifests", "partials", "uploads"]) {
    await t.step(part, async () => {
      const dir = await world.folder(`peer_${part}`);
      await Deno.mkdir(`${dir}/tree`);
      await Deno.writeTextFile(`${dir}/tree/file`, "file");
      await world.json(dir, ["status"]);
      await Deno.remove(`${dir}/.shoal/${part}`, { recursive: true }).catch(() => {});
      await Deno.symlink(outside, `${dir}/.shoal/${part}`);
      assertRefused(await world.run(dir, ["share", "tree"]), { code: 2, text: "it is a link" });
      assertEquals([...Deno.readDirSync(outside)].map(({ name }) => name), ["precious"]);
    });
  }
  for (const file of ["state.db", "identity.pem", "origin.json", "control.json", "state.db-wal"]) {
    await t.step(file, async () => {
      const dir = await world.folder(`peer_${file}`);
      await world.json(dir, ["status"]);
      await Deno.remove(`${dir}/.shoal/${file}`).catch(() => {});
      await Deno.symlink(`${outside}/precious`, `${dir}/.shoal/${file}`);
      assertRefused(await world.run(dir, ["status"]), { code: 2, text: "it is a link" });
      assertEquals(await Deno.readTextFile(`${outside}/precious`), "precious");
    });
  }
});

testUnless(
  isRoot ? undefined : "it takes the right to change owners",
  "state that belongs to another user is refused",
  async () => {
    await using world = await World.create();
    const dir = await world.folder("home");
    await world.json(dir, ["status"]);
    for (const part of [".shoal/identity.pem", ".shoal"]) {
      await Deno.chown(`${dir}/${part}`, 12_345, 12_345);
      assertRefused(await world.run(dir, ["status"]), { code: 2, text: "another user" });
      await Deno.chown(`${dir}/${part}`, 0, 0);
    }
    await world.json(dir, ["status"]);
  },
);
