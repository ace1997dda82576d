/** Encryption between peers of an open swarm. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ListedSource, Receipt } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { RawEnd, Scripted } from "../support/sockets.ts";
import { assertRefused, eventually, placedIn } from "./checks.ts";
import { HostilePeer, offerOf, type Script } from "./hostile_peer.ts";
import { World } from "./world.ts";

const MARK = "nobody on the way reads this";
const CONTENT = patterned(3 << 20);
CONTENT.set(new TextEncoder().encode(MARK), 1_000_000);

/** Passes on what two ends say; `onBytes` hears it, and may change what goes to the caller. */
async function relay(
  caller: RawEnd,
  target: string,
  onBytes: (bytes: Uint8Array, toCaller: boolean) => void = () => {},
): Promise<void> {
  using callee = await RawEnd.connect(parseAddress(target, 1));
  const pass = async (from: RawEnd, to: RawEnd) => {
    const buffer = new Uint8Array(65_536);
    for (let n; (n = await from.conn.read(buffer));) {
      onBytes(buffer.subarray(0, n), to === caller);
      await to.send(buffer.subarray(0, n));
    }
  };
  const both = [pass(caller, callee), pass(callee, caller)];
  await Promise.race(both).catch(() => {});
  for (const end of [caller, callee]) end.close();
  await Promise.allSettled(both);
}

/** A relay in front of a peer, which reads along, and flips a bit after so many bytes to the caller. */
class Tap implements AsyncDisposable {
  readonly address: string;
  heard = "";
  readonly #server: Scripted;

  constructor(target: string, flipAfter = Infinity) {
    const decoder = new TextDecoder("latin1");
    this.#server = new Scripted((end) => {
      let passed = 0;
      return relay(end, target, (bytes, toCaller) => {
        this.heard += decoder.decode(bytes);
        if (toCaller && (passed += bytes.length) > flipAfter) bytes[bytes.length - 1]! ^= 1;
      });
    });
    this.address = `127.0.0.1:${this.#server.address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

/** A world, a peer that shares `data` and is listed by the tap's address, and that tap. */
async function tapped(flipAfter?: number, args: string[] = []) {
  const world = await World.create();
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const tap = new Tap(`127.0.0.1:${port}`, flipAfter);
  const dir = await world.folder("source");
  await Deno.writeFile(`${dir}/data`, CONTENT);
  const words = ["--host", "127.0.0.1", "--advertise", tap.address, ...args];
  const source = world.start(dir, [`${port}`, ...words]);
  await source.sees(/registered with/);
  await world.json(dir, ["share", "data"]);
  await eventually("it is listed by the tap's address", async () => {
    const peers = await world.json<{ port: number }[]>(dir, ["list-peers"]);
    return peers.some((one) => `127.0.0.1:${one.port}` === tap.address);
  });
  return { world, tap };
}

Deno.test("--encrypt: what is on the way between two peers is read by neither relay nor router", async () => {
  const { world, tap } = await tapped();
  await using _ = world;
  await using __ = tap;
  tap.heard = "";
  const plain = await world.folder("plain");
  await world.json(plain, ["get", "data"]);
  assert(tap.heard.includes(MARK) && tap.heard.includes('"action":"hello"'));
  tap.heard = "";
  const dir = await world.folder("fetcher");
  const { sources } = await world.json<Receipt>(dir, ["get", "data", "--encrypt"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
  assertEquals(sources.map(({ address }) => address), [tap.address]);
  assert(tap.heard.length > CONTENT.length, "all of it passed by");
  assert(!tap.heard.includes(MARK) && !tap.heard.includes("action"));
});

Deno.test("--encrypt: what is changed on the way ends the connection, and nothing of it counts", async () => {
  // After the handshake, and before the first chunk.
  const { world, tap } = await tapped(16_384);
  await using _ = world;
  await using __ = tap;
  const dir = await world.folder("fetcher");
  const get = ["get", "data", "--encrypt", "--deadline", "5s"];
  const { code, stderr } = await world.run(dir, get);
  assert([4, 9].includes(code), stderr);
  assertEquals(placedIn(dir), []);
});

Deno.test("--encrypt: a peer that was started with it answers in TLS alone, and only as itself", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--encrypt"] });
  await Deno.writeFile(`${source.dir}/data`, CONTENT);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("fetcher");
  assertRefused(await world.run(dir, ["get", "data"]), { code: 4, text: /answers in TLS alone/ });
  await world.json(dir, ["get", "data", "--encrypt"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
  // A verb has the running peer do the work, so that must encrypt too.
  const open = await world.peer("open");
  const text = /^shoal: Cannot encrypt: the peer that runs for ".*" talks in the clear$/;
  assertRefused(await world.run(open.dir, ["get", "data", "--encrypt"]), { code: 2, text });
  assertEquals((await world.run(source.dir, ["get", "data", "--encrypt"])).code, 0);
  const encrypting = await world.peer("encrypting", { args: ["--encrypt"] });
  const holders = await world.json<ListedSource[]>(encrypting.dir, ["holders", "data"]);
  assertEquals(holders.map(({ progress }) => progress), [1]);
  // In the legacy dialect it says nothing.
  using end = await RawEnd.connect(parseAddress(source.address, 1));
  await end.send({ action: "file_request", filename: "data" });
  assertEquals((await end.bytes(1)).length, 0);
  // Its bootstrap has called it back all the same.
  await eventually("it was reached", async () => {
    const peers = await world.json<{ reachable?: boolean }[]>(dir, ["list-peers"]);
    return peers.length === 3 && peers.every(({ reachable }) => reachable);
  });
});

Deno.test("--encrypt: what speaks no TLS, or is another peer, is not fetched from", async () => {
  await using world = await World.create();
  const honest = await world.peer("honest");
  await Deno.writeFile(`${honest.dir}/data`, CONTENT);
  await world.json(honest.dir, ["share", "data"]);
  const dir = await world.folder("fetcher");
  const scripts: [Script, RegExp][] = [
    [(end) => end.send('{"action":"error","code":"busy","message":"in the clear"}\n'), /./],
    [(end) => relay(end, honest.address), /is another peer, or has not proven its id/],
  ];
  for (const [n, [script, why]] of scripts.entries()) {
    const name = `other ${n}`;
    const other = offerOf(name, patterned(1 << 20, 2 + n));
    await using _hostile = await HostilePeer.create(
      world.bootstrap,
      other,
      script,
    );
    const { code, stderr } = await world.run(dir, ["get", name, "--encrypt", "--wait", "6s"]);
    assertEquals(code, 4, stderr);
    assertMatch(stderr, why);
    assertEquals(placedIn(dir), []);
  }
});
