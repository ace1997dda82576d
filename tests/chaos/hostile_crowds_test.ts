/**
 * Many at a time before the real program: sources, legacy peers, readers and lists without end. A sample
 * runs always, larger crowds with HOSTILE=all.
 */
import { assertEquals, assertLess } from "@std/assert";
import type { Found } from "../../src/wire/protocol.ts";
import { delay } from "../../src/async/retry.ts";
import { LyingBootstrap, overheard } from "../e2e/lying_bootstrap.ts";
import { HostilePeer } from "../e2e/hostile_peer.ts";
import type { Program } from "../e2e/program.ts";
import { publisher } from "../e2e/publishers.ts";
import { sameFiles, World, writeRandom } from "../e2e/world.ts";
import { patterned } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { highWaterMark } from "../support/high_water_mark.ts";
import { sourceRelay } from "../support/relay.ts";
import { type RawEnd, Scripted } from "../support/sockets.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { noLinux, testUnless } from "../support/tools.ts";
import { call, HELLO, line } from "./hostile_caller.ts";

const ALL = Deno.env.get("HOSTILE") === "all";
/** Bytes; a process that runs from source has the runtime's compiler in it besides. */
const MEMORY_MOST = (Deno.env.get("SHOAL_BIN") ? 150 : 220) << 20;
/** From a signal or a deadline to the end on a busy machine, in milliseconds. */
const PROMPT_MS = 4_000;

/** Tells a figure, when figures are asked for. */
function tell(what: string, figure: unknown): void {
  if (Deno.env.get("HOSTILE_TIMES")) console.log(what, figure);
}

/** The time of a promise in milliseconds. */
async function timed(promise: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await promise;
  return Math.round(performance.now() - began);
}

/** The largest memory of a program until it ends, in bytes. */
async function memoryOf(program: Program): Promise<number> {
  let most = 0;
  let ended = false;
  const over = program.ended().finally(() => ended = true);
  while (!ended) {
    most = Math.max(most, await highWaterMark(program.pid).catch(() => 0) ?? 0);
    await Promise.race([over, delay(100)]);
  }
  return most;
}

Deno.test("crowds: many gets at once from a source with little to give all succeed", async () => {
  await using world = await World.create();
  const [gets, files, size, rate] = ALL ? [12, 280, 1_024, "40K"] : [3, 16, 1_024, "8K"];
  const { dir } = await world.peer("source", { args: ["--limit-up", `${rate}`] });
  await Deno.mkdir(`${dir}/tree`);
  for (let n = 0; n < Number(files); n++) await writeRandom(`${dir}/tree/${n}`, Number(size));
  await world.json(dir, ["share", "tree"]);
  const began = performance.now();
  const done = await Promise.all(Array.from({ length: Number(gets) }, async (_, n) => {
    const to = await world.folder(`getter ${n}`);
    const env = { SHOAL_WAIT: "60s" };
    const { code, stderr } = await world.run(to, ["get", "tree"], { env });
    return code === 0 && await sameFiles(`${dir}/tree/7`, `${to}/tree/7`) ? "done" : stderr;
  }));
  tell(`${gets} gets at ${rate}, ms`, Math.round(performance.now() - began));
  assertEquals(done, done.map(() => "done"));
});

testUnless(
  noLinux,
  "crowds: slow readers at all upload slots keep no other from a file",
  async () => {
    await using world = await World.create();
    const source = await publisher(world, "source");
    const id = await source.publish("data", patterned(4 << 20));
    const dir = await world.folder("getter");
    const get = (to: string) => world.json(dir, ["get", "data", "-o", `${dir}/${to}`]);
    tell("an upload without slow readers, ms", await timed(get("before")));
    const ask = (n: number) =>
      line({ action: "get_chunks", id: n + 2, file: id, first: 0, count: 16 });
    const readers = await Promise.all(Array.from({ length: 24 }, async (_, n) => {
      const reader = await call(source.address, [HELLO], `127.${66 + n % 2}.0.1`);
      reader.pause();
      for (let request = 0; request < 16; request++) reader.write(ask(request));
      // 2 KB a second each.
      const timer = setInterval(() => reader.read(200), 100);
      reader.once("close", () => clearInterval(timer));
      return reader;
    }));
    try {
      const ms = await timed(get("meanwhile"));
      tell("an upload beside 24 slow readers, ms", ms);
      assertLess(ms, 15_000);
    } finally {
      for (const reader of readers) reader.destroy();
    }
  },
);

Deno.test("crowds: dripping, silent and empty sources keep nobody from an honest one", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const content = patterned(2 << 20);
  const id = await alice.publish("data", content);
  const get = async (to: string) =>
    await world.json(await world.folder(to), ["get", "data", "--wait", "10s"]);
  tell("a get without a crowd, ms", await timed(get("before")));
  await using stack = new AsyncDisposableStack();
  const target = parseAddress(alice.address, 1);
  const ways: [string, string][] = [
    ["get_chunks", "sends 20 bytes a second"],
    ["get_chunks", "falls silent"],
    ["have", "falls silent"],
    ["get_chunks", "repeats a refusal"],
  ];
  await Promise.all(Array.from({ length: ALL ? 60 : 12 }, async (_, n) => {
    const offer = { name: `again ${n}`, id, size: content.length };
    const { script } = sourceRelay(target, ...ways[n % ways.length]);
    stack.use(await HostilePeer.create(world.bootstrap, offer, script));
  }));
  const times = await Promise.all([0, 1, 2].map((n) => timed(get(`${n}`))));
  tell("three gets with a crowd, ms", times);
  assertLess(Math.max(...times), 20_000);
});

Deno.test("crowds: made-up sources are called a few times, not for ever", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", patterned(1 << 20));
  const [found] = await overheard(world.bootstrap, "data");
  await using stack = new AsyncDisposableStack();
  const made = Array.from({ length: 50 }, () => stack.use(new Scripted(() => Promise.resolve())));
  const sources = made.map(({ address: { host, port } }, n) => ({
    peer: n.toString(16).padStart(64, "0"),
    ...{ address: host, port },
  }));
  const lie: Found = { ...found, sources, total: 50 };
  await using liar = new LyingBootstrap({ find: () => [lie] });
  const seconds = ALL ? 60 : 8;
  const dir = await world.folder("getter");
  const words = ["get", "data", "--wait", `${seconds}s`];
  const { code } = await world.run(dir, words, { bootstrap: liar.address });
  assertEquals(code, 4);
  const calls = made.map(({ accepted }) => accepted);
  tell(`connections to 50 made-up sources in ${seconds} s`, calls.reduce((a, b) => a + b));
  assertLess(Math.max(...calls), 10);
});

/** A bootstrap whose list of peers has no end, all of them legacy peers at `port` that say nothing. */
function endlessPeers(port: number): Scripted {
  return new Scripted(async (end: RawEnd) => {
    for (let request, batch = 0; (request = await end.line());) {
      const { id, action } = request;
      if (action === "hello") {
        const about = { protocol: 1, agent: "endless/1", nonce: "00".repeat(32) };
        await end.send({ action, id, ...about, observed: "127.0.0.1:1" });
      } else if (action === "find") await end.send(wireMessage({ action: "found", id }, EMPTY));
      else {
        batch++;
        const peers = Array.from({ length: 1_000 }, (_, n) => ({
          address: `127.${batch % 250}.${n >> 8}.${n & 255}`,
          port,
        }));
        const payload = new TextEncoder().encode(JSON.stringify(peers));
        await end.send(wireMessage({ action: "peers", id, cursor: `${batch}` }, payload));
      }
    }
  });
}
const EMPTY = new TextEncoder().encode("[]");

testUnless(
  noLinux,
  "crowds: a list of peers without end, all silent, ends in bounded time",
  async () => {
    await using silent = new Scripted((end) => end.closed(), "0.0.0.0");
    await using endless = endlessPeers(silent.address.port);
    await using world = await World.create();
    const bootstrap = `127.0.0.1:${endless.address.port}`;
    const start = async (more: string[]) =>
      world.start(await world.folder(crypto.randomUUID()), ["get", "typo", ...more], { bootstrap });
    const waited = start([]);
    const deadline = await start(["--deadline", "3s"]);
    const signalled = await start([]);
    const lateMs = timed(deadline.ended());
    while (silent.accepted === 0) await delay(50);
    const sent = performance.now();
    assertEquals(await signalled.stop(), 143);
    assertLess(performance.now() - sent, PROMPT_MS);
    assertLess(await lateMs, 3_000 + 2 * PROMPT_MS);
    assertEquals(await deadline.ended(), 9);
    if (!ALL) return;
    const program = await waited;
    const began = performance.now();
    const memory = await memoryOf(program);
    tell("memory with an endless list, MiB", memory >> 20);
    tell("get typo with an endless list, ms", Math.round(performance.now() - began));
    assertEquals(await program.ended(), 3, program.stderr);
    assertLess(memory, MEMORY_MOST);
  },
);
