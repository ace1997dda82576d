/** Sources and bootstraps that name addresses which are not theirs to name. */
import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { BootstrapClient } from "../../src/peer/discovery/bootstrap_client.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { PROVER } from "../support/prover.ts";
import { RawEnd, Scripted } from "../support/sockets.ts";
import { skippedIf } from "../support/tools.ts";
import { assertRefused, eventually } from "./checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "./hostile_peer.ts";
import { LyingBootstrap } from "./lying_bootstrap.ts";
import { noNetwork, outsideAddress } from "./outside_address.ts";
import { shoal } from "./program.ts";
import { World } from "./world.ts";

const CONTENT = patterned(3 << 20);
const EVERYWHERE = "0.0.0.0";

/** The hosts of this machine that nobody outside of it may name. */
const INNER = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "0.0.0.0", "localhost"];

function namesInner(port: number): { address: string; port: number }[] {
  return INNER.map((address) => ({ address, port }));
}

Deno.test({
  ...skippedIf(noNetwork, "a source from outside can't have a fetcher's own machine called"),
  async fn() {
    const host = outsideAddress()!;
    await using world = await World.create({ args: ["--host", EVERYWHERE] });
    const bootstrap = `${host}:${world.bootstrap.split(":")[1]}`;
    await using trap = new Scripted((end) => end.closed(), EVERYWHERE);
    await using trap6 = new Scripted((end) => end.closed(), "::1");
    await using honest = new Scripted(serving(CONTENT), EVERYWHERE);
    const named = [
      ...namesInner(trap.address.port),
      ...namesInner(trap6.address.port),
      { address: host, port: honest.address.port },
    ];
    // It names others, and has nothing itself: what comes, comes by what it named.
    const lie: Lie = ({ action, id }, right) => {
      if (action === "have") {
        return wireMessage({ action: "map", id, complete: false }, new Uint8Array(2));
      }
      if (action !== "sources") return right;
      return wireMessage({ action, id }, new TextEncoder().encode(JSON.stringify(named)));
    };
    const identity = await Identity.generate();
    const script = serving(CONTENT, lie);
    await using liar = new Scripted((end) => script(end, identity), EVERYWHERE);
    using client = new BootstrapClient(parseAddress(bootstrap, 1));
    const stop = new AbortController();
    const times = { mtime: 1_700_000_000_000, time: Date.now() };
    const offer = await signAnnouncement(identity, { ...times, ...offerOf("data", CONTENT) });
    const kept = client.maintain({
      identity,
      port: liar.address.port,
      announcements: () => [offer],
      signal: stop.signal,
    });
    await eventually("it is announced", async () => (await client.find({ name: "data" })).length);
    const dir = await world.folder("fetcher");
    const words = ["peer", "get", "data", "--dir", dir, "--bootstrap", bootstrap, "--json"];
    const { code, stderr } = await shoal(words);
    assertEquals(code, 0, stderr);
    assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
    assert(honest.accepted > 0);
    assertEquals([trap.accepted, trap6.accepted], [0, 0]);
    stop.abort();
    await kept;
  },
});

Deno.test({
  ...skippedIf(noNetwork, "a bootstrap from outside can't have a fetcher's own machine called"),
  async fn() {
    const host = outsideAddress()!;
    await using trap = new Scripted((end) => end.closed(), EVERYWHERE);
    await using honest = new Scripted(serving(CONTENT), EVERYWHERE);
    const identity = await Identity.generate();
    const times = { mtime: 1_700_000_000_000, time: Date.now() };
    const announcement = await signAnnouncement(identity, {
      ...times,
      ...offerOf("data", CONTENT),
    });
    const inner = namesInner(trap.address.port);
    const sources = [...inner, { address: host, port: honest.address.port }];
    await using liar = new LyingBootstrap({
      find: () => [{ announcement, sources, total: sources.length }],
      peers: () => inner,
    }, EVERYWHERE);
    const bootstrap = `${host}:${liar.address.split(":")[1]}`;
    await using world = await World.create();
    const get = async (name: string) => {
      const dir = await world.folder(name);
      const words = ["peer", "get", name, "--unsigned", "--dir", dir, "--bootstrap", bootstrap];
      return { dir, ...await shoal(words) };
    };
    const { code, dir, stderr } = await get("data");
    assertEquals(code, 0, stderr);
    assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
    // Nor does it get legacy peers asked there for what nobody has.
    liar.lies = { peers: () => inner };
    assertEquals((await get("none")).code, 3);
    assertEquals(trap.accepted, 0);
  },
});

Deno.test("a peer at another's address is not fetched from, whatever it has", async () => {
  await using world = await World.create();
  const right = serving(CONTENT);
  // It has what is asked for, and proves an id, but not the one that is listed there.
  await using _wrong = await HostilePeer.create(
    world.bootstrap,
    offerOf("data", CONTENT),
    (end) => right(end),
  );
  const dir = await world.folder("fetcher");
  assertRefused(await world.run(dir, ["get", "data"]), {
    code: 4,
    text: new RegExp(`is another peer, ${PROVER.id.slice(0, 12)} in place of [0-9a-f]{12}`),
  });
  const honest = await world.peer("honest");
  await Deno.writeFile(`${honest.dir}/data`, CONTENT);
  await world.json(honest.dir, ["share", "data"]);
  const words = ["get", "data", "--id", offerOf("data", CONTENT).id];
  const { sources } = await world.json<Receipt>(dir, words);
  assertEquals(sources.filter(({ bytes }) => bytes > 0).map((one) => one.address), [
    honest.address,
  ]);
});

Deno.test("an id that a peer only says it has hides no other source", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.writeFile(`${source.dir}/data`, CONTENT);
  await world.json(source.dir, ["share", "data"]);
  const [{ id: file }] = await world.json<{ id: string }[]>(source.dir, ["list-files"]);
  const asks = async (port: number, peer: string) => {
    const end = await RawEnd.connect(parseAddress(source.address, 1));
    await end.send({ action: "hello", id: 1, protocol: 1, agent: "x", peer, port });
    await end.send({ action: "have", id: 2, file });
    for (const action of ["hello", "map"]) assertEquals((await end.line()).action, action);
    return end;
  };
  const victim = "ab".repeat(32);
  using honest = await asks(7_001, victim);
  using liar = await asks(7_002, victim);
  using third = await asks(7_003, "cd".repeat(32));
  await third.send({ action: "sources", id: 3, file });
  const { payload } = await third.line();
  const sources: { port: number }[] = JSON.parse(
    new TextDecoder().decode(await third.bytes(payload)),
  );
  assertEquals(sources.map(({ port }) => port).sort(), [7_001, 7_002]);
  for (const end of [honest, liar]) end.close();
});
