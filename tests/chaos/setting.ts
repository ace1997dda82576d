/**
 * Parts that the tests of trouble have in common: one file, peers that share it, and what they may
 * cost.
 */
import { assert } from "@std/assert";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import type { Program } from "../e2e/program.ts";
import { Proxy, type ProxyOptions } from "../e2e/proxy.ts";
import { type Peer, type PeerOptions, World, writeRandom } from "../e2e/world.ts";
import { highWaterMark } from "../support/high_water_mark.ts";

export const MIB = 1 << 20;
export const CHUNK = 65_536;
/** Bytes of `data`, where a test doesn't say otherwise. */
export const SIZE = 48 * MIB;

/** A peer that shares `data`. */
export interface Sharer extends Peer {
  /** The path of its copy. */
  file: string;
}

/** A world with a file `data` to share, in its root. */
export async function worldWithData(size = SIZE): Promise<World> {
  const world = await World.create();
  await writeRandom(`${world.root}/data`, size);
  return world;
}

/** A peer that shares a copy of `data`. */
export async function sharer(
  world: World,
  name: string,
  options: Pick<PeerOptions, "args" | "proxy"> = {},
): Promise<Sharer> {
  const peer = await world.peer(name, options);
  const file = `${peer.dir}/data`;
  await Deno.copyFile(`${world.root}/data`, file);
  await world.json(peer.dir, ["share", "data"]);
  return { ...peer, file };
}

/** A peer behind a proxy that shares a copy of `data`. */
export async function sourceBehind(
  world: World,
  name: string,
  options: ProxyOptions = {},
): Promise<{ peer: Peer; proxy: Proxy; file: string } & AsyncDisposable> {
  const proxy = new Proxy(options);
  const peer = await sharer(world, name, { proxy });
  const { file } = peer;
  return { peer, proxy, file, [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose]() };
}

/** The `status` of a folder, whether a peer runs there or not. */
export async function statusOf(world: World, dir: string): Promise<PeerStatus> {
  return await world.json<PeerStatus>(dir, ["status"]);
}

/**
 * Most memory that a peer may ever take, in bytes: about 100 MB are the runtime itself, 48 MiB what all
 * downloads together have in flight (budget.ts), and each of the few connections here is served from
 * 1 MiB. The rest is room for what is not collected yet.
 */
const MOST_MEMORY = 200e6;

/** Asserts that processes that still run kept to the memory that is bounded; nothing where none can tell. */
export async function assertBounded(...programs: Program[]): Promise<void> {
  for (const program of programs) {
    const peak = await highWaterMark(program.pid);
    assert(peak === undefined || peak < MOST_MEMORY, `a process took ${peak} bytes`);
  }
}
