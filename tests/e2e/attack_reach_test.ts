/** Bootstraps, callers and relays that would have a peer call somebody else, or carry bytes of others. */
import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { patterned } from "../support/bytes.ts";
import { RawEnd, Scripted } from "../support/sockets.ts";
import { skippedIf } from "../support/tools.ts";
import { eventually } from "./checks.ts";
import { LyingBootstrap } from "./lying_bootstrap.ts";
import { noNetwork, outsideAddress } from "./outside_address.ts";
import { Program, sourceWords } from "./program.ts";
import { World } from "./world.ts";

const EVERYWHERE = "0.0.0.0";
const WAYS = ["reverse", "punch", "relay"];
/** Far more than anybody may have called. */
const MANY = 1_000;
/** The most calls to one address at once, and a few for the time that the test takes. */
const CALLS_MOST = 45;

function token(number: number): string {
  return number.toString(16).padStart(32, "0");
}

function wanted(host: string, port: number, number: number) {
  return { action: "wanted", token: token(number), ways: ["reverse"], host, port };
}

Deno.test({
  ...skippedIf(
    noNetwork,
    "a bootstrap outside can't have a peer call its own machine, or anybody often",
  ),
  async fn() {
    const host = outsideAddress()!;
    await using world = await World.create();
    await using inner = new Scripted((end) => end.closed(), "127.0.0.1");
    await using inner6 = new Scripted((end) => end.closed(), "::1");
    await using victim = new Scripted((end) => end.closed(), host);
    const hosts = ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "localhost", "169.254.1.1"];
    const notices = [
      ...hosts.map((one, i) => wanted(one, inner.address.port, i)),
      wanted("::1", inner6.address.port, 99),
      // What is no wish is passed over.
      { action: "wanted", token: "short", ways: ["reverse"], host, port: victim.address.port },
      { action: "wanted", token: token(98), ways: ["reverse"], host, port: 22 },
      ...Array.from({ length: MANY }, (_, i) => wanted(host, victim.address.port, 100 + i)),
    ];
    await using liar = new LyingBootstrap({ notices: () => notices }, EVERYWHERE);
    const port = liar.address.split(":")[1];
    const dir = await world.folder("victim");
    const words = ["peer", "0", "--dir", dir, "--log-level", "debug"];
    const peer = world.adopt(new Program([...words, "--bootstrap", `${host}:${port}`]));
    await peer.sees(new RegExp(`named ${host} as wanting this peer: too (often|many)`));
    await eventually("the victim is called at all", () => victim.accepted > 0);
    // All of them were heard in order: what was to be called has been.
    assertEquals([inner.accepted, inner6.accepted], [0, 0]);
    assert(victim.accepted <= CALLS_MOST, `${victim.accepted} calls`);
  },
});

Deno.test("a bootstrap that sends a peer to punch somebody else has nobody called", async () => {
  await using world = await World.create();
  await using victim = new Scripted((end) => end.closed(), "127.0.0.1");
  const { port } = victim.address;
  await using liar = new LyingBootstrap({
    notices: () => [{ ...wanted("127.0.0.2", port, 1), ways: ["punch"] }],
    go: () => ({ host: "127.0.0.1", port }),
  });
  const dir = await world.folder("victim");
  const words = ["peer", "0", "--dir", dir, "--log-level", "debug"];
  const peer = world.adopt(
    new Program([...words, "--bootstrap", liar.address], { program: sourceWords() }),
  );
  await peer.sees(/127\.0\.0\.2 wanted this peer, but punch failed: .* another network/);
  assertEquals(victim.accepted, 0);
});

Deno.test({
  ...skippedIf(
    noNetwork,
    "thousands of wishes to reach a peer have it call nobody often, and stop no others",
  ),
  async fn() {
    const host = outsideAddress()!;
    await using world = await World.create({ args: ["--host", EVERYWHERE] });
    const bootstrap = `${host}:${world.bootstrap.split(":")[1]}`;
    const dir = await world.folder("sharer");
    await Deno.writeFile(`${dir}/data`, patterned(100_000));
    const words = ["peer", "0", "--dir", dir, "--bootstrap", bootstrap];
    const sharer = world.adopt(new Program(words));
    await sharer.sees(/registered with/);
    await world.json(dir, ["share", "data"], { bootstrap });
    const [{ peer }] = await world.json<{ peer: string }[]>(dir, ["list-peers"], { bootstrap });
    await using victim = new Scripted((end) => end.closed(), host);

    using caller = await RawEnd.connect(parseAddress(bootstrap, 1));
    await caller.send({ action: "hello", id: 0, protocol: 1, agent: "flood/1" });
    const codes: string[] = [];
    const heard = (async () => {
      for (let reply; (reply = await caller.line());) codes.push(reply.code ?? reply.action);
    })().catch(() => {});
    for (let id = 1; id <= MANY; id++) {
      const wish = { action: "reach", id, peer, token: token(id), ways: WAYS };
      await caller.send({ ...wish, port: victim.address.port });
      if (codes.includes("busy")) break;
    }
    await eventually("the bootstrap has enough", () => codes.includes("busy"));
    // It has called for those that were let through before; a fetch comes by all the same.
    await eventually("the victim is called at all", () => victim.accepted > 0);
    await world.json(await world.folder("fetcher"), ["get", "data"], { bootstrap });
    assert(victim.accepted <= CALLS_MOST, `${victim.accepted} calls`);
    caller.close();
    await heard;
  },
});

Deno.test("a relay calls nobody, and passes on nothing for those that were not told of each other", async () => {
  await using world = await World.create({ args: ["--relay", "10M"] });
  await using elsewhere = new Scripted((end) => end.closed());
  const { host, port } = elsewhere.address;
  for (const more of [{}, { host, port }, { address: `${host}:${port}`, peer: "00".repeat(32) }]) {
    const ends = await Promise.all(
      [1, 2].map(() => RawEnd.connect(parseAddress(world.bootstrap, 1))),
    );
    for (const end of ends) {
      await end.send(
        { action: "hello", id: 1, protocol: 1, agent: "proxy/1" },
        { action: "meet", id: 2, token: token(7), way: "relay", ...more },
      );
      await end.line();
      assertEquals((await end.line()).code, "not_met");
      end.close();
    }
  }
  assertEquals(elsewhere.accepted, 0);
});

Deno.test("a bootstrap without --relay passes on nothing", async () => {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  const [{ peer }] = await world.json<{ peer: string }[]>(sharer.dir, ["list-peers"]);
  using caller = await RawEnd.connect(parseAddress(world.bootstrap, 1));
  await caller.send(
    { action: "hello", id: 1, protocol: 1, agent: "x/1" },
    { action: "reach", id: 2, peer, token: token(1), ways: ["relay"] },
    { action: "meet", id: 3, token: token(1), way: "relay" },
  );
  await caller.line();
  assertEquals((await caller.line()).ways, []);
  assertEquals((await caller.line()).code, "not_met");
});
