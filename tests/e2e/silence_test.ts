/**
 * Cases that take as long as the protocol's time limits: others that say nothing, and a bootstrap
 * that comes back. All of them at the same time, in one test.
 */
import { assert, assertEquals } from "@std/assert";
import type { ListedFile } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { closedPort, Scripted } from "../support/sockets.ts";
import { assertRefused, contentsOf, eventually, placedIn } from "./checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "./hostile_peer.ts";
import { Program, shoal } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const SIZE = 3 << 20;

const atHello: Lie = () => ({ then: "silence" });
const atDigests: Lie = ({ action }, honest) =>
  action === "get_digests" ? { then: "silence" } : honest;
const atChunks: Lie = ({ action }, honest) =>
  action === "get_chunks"
    ? { send: honest.subarray(0, honest.length / 2), then: "silence" }
    : honest;

const CASES: Record<string, () => Promise<void>> = {
  "a bootstrap that says nothing": async () => {
    await using world = await World.create();
    const dir = await world.folder("dir");
    await using silent = new Scripted((end) => end.closed());
    const address = `127.0.0.1:${silent.address.port}`;
    const run = (words: string[]) =>
      shoal(["peer", ...words, "--dir", dir, "--bootstrap", address]);
    const late = { code: 4, text: `${address} did not say hello within 10 s` };
    await Promise.all([["list-peers"], ["list-files"], ["get", "x"]].map(async (words) => {
      assertRefused(await run(words), late);
    }));
    assertEquals(placedIn(dir), []);
  },
  "the only source says nothing at hello": () => onlySilent(atHello),
  "the only source says nothing about digests": () => onlySilent(atDigests),
  "the only source stops in the middle of chunks": () => onlySilent(atChunks),
  "one of two sources says nothing at hello": () => besideHonest(atHello),
  "one of two sources stops in the middle of chunks": () => besideHonest(atChunks),
  "peers register anew with a bootstrap that was restarted": reregister,
};

Deno.test("silence is given up in bounded time", async (t) => {
  const results = await Promise.allSettled(Object.values(CASES).map((run) => run()));
  for (const [index, name] of Object.keys(CASES).entries()) {
    await t.step(name, () => {
      const result = results[index];
      if (result.status === "rejected") throw result.reason;
    });
  }
});

async function onlySilent(lie: Lie): Promise<void> {
  await using world = await World.create();
  const content = patterned(SIZE);
  const script = serving(content, lie);
  await using _silent = await HostilePeer.create(world.bootstrap, offerOf("data", content), script);
  const dir = await world.folder("dir");
  assertRefused(await world.run(dir, ["get", "data"]), { code: 4, text: 'Cannot get "data": ' });
  assertEquals(placedIn(dir), []);
}

async function besideHonest(lie: Lie): Promise<void> {
  await using world = await World.create();
  const source = await world.peer("source");
  const content = patterned(SIZE);
  await Deno.writeFile(`${source.dir}/data`, content);
  await world.json(source.dir, ["share", "data"]);
  const script = serving(content, lie);
  await using _silent = await HostilePeer.create(world.bootstrap, offerOf("data", content), script);
  const dir = await world.folder("dir");
  await world.json(dir, ["get", "data"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), content);
  assertEquals(contentsOf(dir), ["data"]);
}

async function reregister(): Promise<void> {
  const port = closedPort();
  await using world = await World.create({ port });
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/data`, 100_000);
  await world.json(peer.dir, ["share", "data"]);
  assertEquals(await world.bootstrapProgram.stop(), 143);
  const dir = await world.folder("getter");
  assertRefused(await world.run(dir, ["get", "data"]), { code: 4, text: world.bootstrap });
  const again = ["bootstrap", "--host", "127.0.0.1", "--port", `${port}`];
  const restarted = world.adopt(new Program(again));
  await restarted.sees(/Bootstrap listening on/);
  await peer.program.sees(/registered with[^]*registered with/);
  await eventually(
    "the share is announced again",
    async () => (await world.json<ListedFile[]>(dir, ["list-files"])).length > 0,
  );
  await world.json(dir, ["get", "data"]);
  assert(await sameFiles(`${peer.dir}/data`, `${dir}/data`));
}
