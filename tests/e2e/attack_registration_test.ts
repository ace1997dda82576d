/** Registrations that lie: for another's key or address, replayed, or to make a bootstrap call about. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { ListedFile, ListedPeer, PeerStatus } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { signProof, verifyProof } from "../../src/trust/proof.ts";
import { Refusal } from "../../src/wire/caller.ts";
import { type Address, Connection } from "../../src/wire/connection.ts";
import { FoundReply, Ok, Peers, Registered } from "../../src/wire/protocol.ts";
import { exchange, TestPeer } from "../bootstrap/bench.ts";
import { closedPort, RawEnd, Scripted } from "../support/sockets.ts";
import { eventually } from "./checks.ts";
import { noNetwork, outsideAddress } from "./outside_address.ts";
import { Program } from "./program.ts";
import { type Peer, World } from "./world.ts";
import { skippedIf } from "../support/tools.ts";

function meeting(world: World): { address: Address } {
  return { address: parseAddress(world.bootstrap, 1) };
}

/** The entry of a peer at a bootstrap, once it is known whether the peer can be reached. */
async function settledListing(asker: TestPeer, peer: string): Promise<ListedPeer> {
  return await eventually("the call backs to a peer are over", async () => {
    const listed: ListedPeer[] = await asker.list({ action: "get_peers" }, Peers);
    return listed.find((one) => one.peer === peer && one.reachable !== null);
  });
}

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(() => promise, Refusal)).code, code);
}

/** A peer that shares `name`, and its id. */
async function sharing(world: World, name: string): Promise<Peer & { id: string }> {
  const peer = await world.peer("victim");
  await Deno.writeTextFile(`${peer.dir}/${name}`, name);
  await world.json(peer.dir, ["share", name]);
  return { ...peer, id: (await world.json<{ peer: string }>(peer.dir, ["status"])).peer };
}

Deno.test("list-peers tells who was reached", async () => {
  await using world = await World.create();
  const honest = await world.peer("honest");
  using gone = await TestPeer.open(meeting(world));
  const port = closedPort();
  await gone.register(port);
  await using silent = new Scripted((end) => end.closed());
  using mute = await TestPeer.open(meeting(world));
  await mute.register(silent.address.port);
  assertEquals((await settledListing(gone, gone.identity.id)).reachable, false);
  const find = async (port: number) => {
    const peers = await world.json<ListedPeer[]>(world.root, ["list-peers"]);
    return peers.find((one) => one.port === port)?.reachable;
  };
  await eventually("the peer is reached", async () => await find(portOf(honest)) === true);
  assertEquals(await find(port), false);
  const { stdout } = await world.run(world.root, ["list-peers"]);
  assertMatch(stdout, /^ADDRESS +PEER +REACHABLE +FILES +AGENT\n/);
  assertMatch(stdout, new RegExp(`:${portOf(honest)} +\\w+ +yes `));
  assertMatch(stdout, new RegExp(`:${port} +\\w+ +no `));
  await eventually("the silent one is given up", async () => {
    return await find(silent.address.port) === false;
  });
  // The peer itself is told, too.
  await eventually("the peer knows that it was reached", async () => {
    const { bootstraps } = await world.json<{ bootstraps: { reachable?: boolean }[] }>(
      honest.dir,
      ["status"],
    );
    return bootstraps[0].reachable === true;
  });
});

function portOf({ address }: { address: string }): number {
  return Number(address.split(":")[1]);
}

Deno.test("an advertised address counts only once the peer answered there", async () => {
  await using world = await World.create();
  using peer = await TestPeer.open(meeting(world));
  const called = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using listener = new Scripted(async (end) => {
    const { id, nonce, bootstrap } = await end.line();
    called.resolve();
    await answer.promise;
    const proof = await signProof(peer.identity, { nonce, bootstrap });
    const hello = { action: "hello", id, protocol: 1, agent: "x", peer: peer.identity.id };
    await end.send({ ...hello, ...proof });
    await end.closed();
  });
  const seen = closedPort();
  const { port } = await peer.register(seen, listener.address);
  assertEquals(port, seen);
  await called.promise;
  const listed = async () => {
    const [record]: ListedPeer[] = await peer.list({ action: "get_peers" }, Peers);
    return [record.port, record.reachable];
  };
  assertEquals(await listed(), [seen, null]);
  answer.resolve();
  await eventually("it is listed as advertised", async () => {
    return (await listed()).join() === `${listener.address.port},true`;
  });
});

Deno.test("nobody is listed at the address of somebody else", async () => {
  await using world = await World.create();
  const victim = await sharing(world, "victim's");
  using mallory = await TestPeer.open(meeting(world));
  const port = closedPort();
  await mallory.register(port, parseAddress(victim.address, 1));
  const offer = await mallory.sign("mallory's", "ab".repeat(32));
  await mallory.announce(offer);
  const listed = await settledListing(mallory, mallory.identity.id);
  assertEquals([listed.port, listed.reachable], [port, false]);
  const [{ sources }] = await mallory.list({ action: "find", name: "mallory's" }, FoundReply);
  assertEquals(sources.map((one: ListedPeer) => one.port), [port]);
  // In the legacy dialect, too, it is the address that was seen which counts.
  const told = { action: "register", address: "192.0.2.99", port };
  await exchange(meeting(world).address, told);
  const { peers } = await exchange(meeting(world).address, { action: "get_peers" }) as {
    peers: { address: string }[];
  };
  assertEquals(peers.filter(({ address }) => address !== "127.0.0.1"), []);
});

Deno.test("a registration counts for its own key and connection alone", async () => {
  await using world = await World.create();
  const victim = await sharing(world, "kept");
  using ann = await TestPeer.open(meeting(world));
  const port = closedPort();
  const registration = { action: "register", ...await ann.claim(port) };
  await ann.ask(registration, Registered);
  const before = await settledListing(ann, victim.id);

  using mallory = await TestPeer.open(meeting(world));
  // Another's key, with a signature of one's own; a registration that was overheard; parts of it.
  const own = { action: "register", ...await mallory.claim(port) };
  const attacks = [
    { ...own, peer: victim.id },
    { ...own, nonce: registration.nonce },
    registration,
    { ...registration, port: port + 1 },
    { ...registration, advertise: { host: "127.0.0.1", port } },
    { ...registration, signature: "00".repeat(64) },
    { ...registration, peer: "00".repeat(32) },
  ];
  for (const attack of attacks) await refused("bad_signature", mallory.ask(attack, Registered));
  await refused("not_registered", mallory.ask({ action: "heartbeat" }, Ok));
  assertEquals(await settledListing(ann, victim.id), before);
  // A listed peer stays listed, and speaks for itself.
  await ann.ask({ action: "heartbeat" }, Ok);
});

Deno.test("nobody can withdraw, or say goodbye, for another", async () => {
  await using world = await World.create();
  const victim = await sharing(world, "kept");
  using mallory = await TestPeer.open(meeting(world));
  const [found] = await mallory.list({ action: "find", name: "kept" }, FoundReply);
  const holding = { name: "kept", id: found.announcement.id };
  await refused("not_registered", mallory.ask({ action: "withdraw" }, Ok, [holding]));
  await mallory.register(closedPort());
  await mallory.ask({ action: "withdraw" }, Ok, [holding]);
  // To hold it, and to let go of it, is of no consequence to others' holding it.
  await mallory.announce(found.announcement);
  await mallory.ask({ action: "withdraw" }, Ok, [holding]);
  await mallory.announce(found.announcement);
  await mallory.ask({ action: "goodbye" }, Ok);
  const [still] = await world.json<ListedFile[]>(world.root, ["list-files"]);
  assertEquals([still.name, still.sources], ["kept", 1]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "kept"]);
  assertEquals(await Deno.readTextFile(`${dir}/kept`), "kept");
  using asker = await TestPeer.open(meeting(world));
  assert((await settledListing(asker, victim.id)).reachable);
});

/** A bootstrap that hands everything on to another, and notes what its callers say to `register`. */
class Relay implements AsyncDisposable {
  readonly registrations: Record<string, unknown>[] = [];
  /** The answers of the other bootstrap to them. */
  readonly answers: Record<string, unknown>[] = [];
  readonly #server: Scripted;

  constructor(honest: Address) {
    this.#server = new Scripted(async (end) => {
      using other = await RawEnd.connect(honest);
      for (let message; (message = await end.line());) {
        if (message.action === "register") this.registrations.push(message);
        await other.send(message, await end.bytes(message.payload ?? 0));
        const answer = await other.line();
        if (message.action === "register") this.answers.push(answer);
        await end.send(answer, await other.bytes(answer.payload ?? 0));
      }
    });
  }

  get address(): string {
    return `127.0.0.1:${this.#server.address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

Deno.test("a bootstrap can't register its callers at another, and take their names from it", async () => {
  await using world = await World.create();
  await using relay = new Relay(meeting(world).address);
  const victim = await world.peer("victim", { args: ["--bootstrap", relay.address] });
  await Deno.writeTextFile(`${victim.dir}/kept`, "kept");
  await world.json(victim.dir, ["share", "kept"]);
  const { peer } = await world.json<{ peer: string }>(victim.dir, ["status"]);
  using mallory = await TestPeer.open(meeting(world));
  const before = await settledListing(mallory, peer);
  await eventually("it was tried several times", () => relay.answers.length >= 3);
  for (const { action, code } of relay.answers) assertEquals([action, code], ["error", "not_here"]);
  // What is signed is the relay's address, whatever the relay makes of it.
  const [registration = {}] = relay.registrations;
  assertEquals(registration.dialled, parseAddress(relay.address, 1));
  const dialled = mallory.caller.connection.remote;
  await refused("bad_signature", mallory.ask({ ...registration, action: "register", dialled }, Ok));
  assertEquals(await settledListing(mallory, peer), before);
  const [found] = await world.json<ListedFile[]>(world.root, ["list-files"]);
  assertEquals([found?.name, found?.sources], ["kept", 1]);
  // The peer says which of its bootstraps refuses it, and how to allow it where all is in order.
  const { bootstraps } = await world.json<PeerStatus>(victim.dir, ["status"]);
  const away = bootstraps.find(({ address }) => address === relay.address);
  assertEquals(away?.state, "away");
  assertMatch(away?.error ?? "", new RegExp(`start it with --advertise ${relay.address}$`));
});

Deno.test("a bootstrap that is reached through another address is told so, and takes registrations", async () => {
  const port = closedPort();
  await using relay = new Relay({ host: "127.0.0.1", port });
  await using world = await World.create({ port, args: ["--advertise", relay.address] });
  const dir = await world.folder("peer");
  const words = ["peer", "0", "--host", "127.0.0.1", "--dir", dir, "--bootstrap", relay.address];
  await using peer = new Program(words);
  await peer.sees(/registered with/);
  assertEquals(relay.answers.map(({ action }) => action), ["registered"]);
});

Deno.test("a peer proves its id to its own bootstraps, under the address at which it dialled them", async () => {
  await using world = await World.create();
  const victim = await sharing(world, "kept");
  const nonce = "ab".repeat(32);
  const proven = async (bootstrap?: Address) => {
    using end = await RawEnd.connect(parseAddress(victim.address, 1));
    await end.send({ action: "hello", id: 1, protocol: 1, agent: "x", nonce, bootstrap });
    const reply = await end.line();
    return await verifyProof(victim.id, { nonce, bootstrap }, reply);
  };
  const own = meeting(world).address;
  assert(await proven(own));
  for (const other of [{ ...own, port: own.port + 1 }, { ...own, host: "192.0.2.1" }]) {
    assertEquals(await proven(other), false);
  }
});

/** Hosts that a stranger would like the bootstrap to call for it. */
const INNER = [
  ...["127.0.0.2", "127.1.2.3", "::1", "::ffff:127.0.0.2", "0.0.0.0", "::", "127.2", "0x7f000002"],
  ...["2130706434", "::ffff:7f00:2", "169.254.169.254", "fe80::1", "10.0.0.1", "192.168.0.1"],
];

/** Asserts that none of `hosts`, advertised from where the bootstrap sees us, is called. */
async function assertNotCalled(address: Address, hosts: string[]): Promise<void> {
  await using trap = new Scripted((end) => end.closed(), "0.0.0.0");
  await using trap6 = new Scripted((end) => end.closed(), "::1");
  const callers: TestPeer[] = [];
  const closed = closedPort();
  for (const host of hosts) {
    for (const { port } of [trap.address, trap6.address]) {
      const caller = await TestPeer.open({ address });
      callers.push(caller);
      await caller.register(closed, { host, port });
    }
  }
  for (const { identity } of callers) {
    const { port, reachable } = await settledListing(callers[0], identity.id);
    assertEquals([port, reachable], [closed, false]);
  }
  for (const { caller } of callers) caller.close();
  assertEquals([trap.accepted, trap6.accepted], [0, 0]);
}

Deno.test("a bootstrap calls nobody at a stranger's word", async () => {
  await using world = await World.create();
  await assertNotCalled(meeting(world).address, INNER);
});

Deno.test({
  ...skippedIf(noNetwork, "a caller from outside can't have this machine's loopback called"),
  async fn() {
    await using bootstrap = new Program(["bootstrap", "--host", "0.0.0.0", "--port", "0"]);
    const [, port] = await bootstrap.sees(/listening on 0\.0\.0\.0:(\d+)\n/);
    const address = { host: outsideAddress()!, port: Number(port) };
    using connection = await Connection.open(address);
    assertEquals(connection.local.host, address.host, "it is seen at that address");
    await assertNotCalled(address, [...INNER, "127.0.0.1", "localhost"]);
  },
});
