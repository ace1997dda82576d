/** Machines with two families of addresses. */
import { assert, assertEquals } from "@std/assert";
import { wildcardHost } from "../../src/wire/wildcard_host.ts";
import { testUnless } from "../support/tools.ts";
import { Program } from "./program.ts";
import { World, writeRandom } from "./world.ts";

const one = wildcardHost() === "::" ? undefined : "this machine has one family of addresses";

testUnless(one, "a peer listens where a bootstrap on either family sees it", async () => {
  await using world = await World.create();
  const bootstrap = world.adopt(new Program(["bootstrap", "--port", "0"]));
  const [, port] = await bootstrap.sees(/Bootstrap listening on \[::\]:(\d+)/);
  for (const host of ["[::1]", "127.0.0.1"]) {
    const dir = await world.folder(`sharer at ${host}`);
    await writeRandom(`${dir}/file ${host}`, 70_000);
    const at = ["--bootstrap", `${host}:${port}`];
    const peer = world.adopt(new Program(["peer", "0", "--dir", dir, ...at]));
    await peer.sees(/listening on \[::\]:\d+/);
    await peer.sees(new RegExp(`registered with .* as ${host.replace(/[[\]]/g, "\\$&")}:`));
    await world.json(dir, ["share", `file ${host}`], { bootstrap: `${host}:${port}` });
    const other = await world.folder(`fetcher at ${host}`);
    await world.json(other, ["get", `file ${host}`], { bootstrap: `${host}:${port}` });
  }
  const list = ["list-peers"];
  let peers: { address: string; reachable: boolean | null }[] = [];
  while (peers.length < 2 || peers.some(({ reachable }) => reachable === null)) {
    peers = await world.json(world.root, list, { bootstrap: `127.0.0.1:${port}` });
  }
  assertEquals(peers.map(({ address }) => address).sort(), ["127.0.0.1", "::1"]);
  assert(peers.every(({ reachable }) => reachable), "the bootstrap reaches both");
});
