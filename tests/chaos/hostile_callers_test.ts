/**
 * Callers that are right up to a message and hostile from then on, at a bootstrap, a peer, its page and
 * its control endpoint: others are answered meanwhile, memory stays bounded, and SIGTERM ends the process.
 * A sample runs always, all of it with HOSTILE=all.
 */
import { assertEquals, assertLess } from "@std/assert";
import type net from "node:net";
import { delay } from "../../src/async/retry.ts";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { askOf } from "../e2e/ask.ts";
import type { Program } from "../e2e/program.ts";
import { World, writeRandom } from "../e2e/world.ts";
import { highWaterMark } from "../support/high_water_mark.ts";
import { noLinux, testUnless } from "../support/tools.ts";
import { call, HELLO, line } from "./hostile_caller.ts";

/** Callers of each behaviour at each message, all of one network. */
const CALLERS = 5;
/** The network that they call from: not that of the honest. */
const FROM = "127.66.0.1";
/** The longest that somebody honest waits on a busy machine, in milliseconds. */
const HONEST_MS = 30_000;
/** From a signal to the end, in milliseconds. */
const PROMPT_MS = 5_000;
/** Bytes; a process that runs from source has the runtime's compiler in it besides. */
const MEMORY_MOST = (Deno.env.get("SHOAL_BIN") ? 150 : 250) << 20;

/** The requests of a right conversation; the last one has a large answer. */
type Words = string[];
/** The conduct of a caller once its last right message is sent. */
type Behaviour = (caller: net.Socket, words: Words) => unknown;

const BEHAVIOURS: Record<string, Behaviour> = {
  "falls silent": () => {},
  "sends a byte every 19 s": (caller, words) => drip(caller, words.at(-1)!, 1, 19_000),
  "sends 1 KB a second": (caller, words) => drip(caller, words.at(-1)!.repeat(1_000), 100, 100),
  "never ends": (caller) => flood(caller, "x".repeat(16_384)),
  "asks on and on": (caller, words) => flood(caller, words.at(-1)!),
  "says something else": (caller) => caller.write("\u0000\u0016\u0003 \r\n\r\n{}\n[]\n"),
  "floods notices": (caller) => flood(caller, '{"action":"has","file":"00","runs":[[0,1]]}\n'),
  "closes half": (caller, words) => caller.end(words.at(-1)!.slice(0, -2)),
  "resets": (caller, words) => caller.write(words.at(-1)!, () => caller.resetAndDestroy()),
  "never reads": (caller, words) => {
    caller.pause();
    flood(caller, words.at(-1)!);
  },
};

function drip(caller: net.Socket, text: string, bytes: number, ms: number): void {
  let at = 0;
  const timer = setInterval(() => caller.write(text.slice(at, at += bytes)), ms);
  caller.once("close", () => clearInterval(timer));
}

/** Sends a text again and again, as fast as it is taken. */
function flood(caller: net.Socket, text: string): void {
  const more = () => {
    while (!caller.destroyed && caller.write(text));
  };
  caller.on("drain", more);
  more();
}

/** Those of the sample. */
const SAMPLE = /on and on|never reads/;
const ALL = Deno.env.get("HOSTILE") === "all";
const TRIED = Object.entries(BEHAVIOURS).filter(([name]) => ALL || SAMPLE.test(name));

const get = (path: string, host: string, token = "") =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${token && `Authorization: Bearer ${token}\r\n`}\r\n`;

interface Attacked {
  /** The conversations that callers begin, one after the other, all with the same program. */
  conversations: { address: string; words: Words }[];
  /** Resolves when somebody honest has what it asked for. */
  honest: () => Promise<unknown>;
  program: Program;
}

async function attack({ conversations, honest, program }: Attacked): Promise<void> {
  await honest();
  const failures: string[] = [];
  const callers: net.Socket[] = [];
  const endCalls = () => callers.splice(0).forEach((caller) => caller.destroy());
  for (const { address, words } of conversations) {
    for (const [name, behave] of TRIED) {
      endCalls();
      for (let said = 0; said < words.length; said++) {
        for (let n = 0; n < CALLERS; n++) {
          const caller = await call(address, words.slice(0, said), FROM);
          caller.on("data", () => {});
          callers.push(caller);
          behave(caller, words);
        }
      }
      // It has them all, and what they do has come.
      await delay(300);
      const began = performance.now();
      await honest().catch((error) => failures.push(`${name}: ${error.message}`));
      const ms = performance.now() - began;
      if (ms > HONEST_MS) failures.push(`${name}: an honest caller waited ${Math.round(ms)} ms`);
      if (Deno.env.get("HOSTILE_TIMES")) {
        const memory = (await highWaterMark(program.pid) ?? 0) >> 20;
        console.log(address, name, `${Math.round(ms)} ms, ${memory} MiB`);
      }
    }
  }
  assertEquals(failures, []);
  assertLess(await highWaterMark(program.pid) ?? 0, MEMORY_MOST);
  // The last callers, which never read, are still there.
  const began = performance.now();
  assertEquals(await program.stop(), 143);
  assertLess(performance.now() - began, PROMPT_MS);
  endCalls();
}

/** A swarm with a peer that shares a large file and many small ones. */
async function setUp(args: string[] = []) {
  const world = await World.create();
  const peer = await world.peer("peer", { args });
  await writeRandom(`${peer.dir}/large`, 2 << 20);
  const names = Array.from({ length: 200 }, (_, n) => `${"name ".repeat(20)}${n}`);
  await Promise.all(names.map((name) => Deno.writeTextFile(`${peer.dir}/${name}`, name)));
  await world.json(peer.dir, ["share", "large", ...names]);
  const dir = await world.folder("getter");
  return { world, peer, dir };
}

testUnless(noLinux, "hostile callers: of a bootstrap", async () => {
  const { world, dir } = await setUp();
  await using _ = world;
  await attack({
    conversations: [{
      address: world.bootstrap,
      words: [HELLO, line({ action: "list_files", id: 2 })],
    }],
    honest: () => world.json(dir, ["list-files", "large"]),
    program: world.bootstrapProgram,
  });
});

testUnless(noLinux, "hostile callers: of a peer, for chunks and for many small files", async () => {
  const { world, peer, dir } = await setUp();
  await using _ = world;
  const { shares } = await world.json<PeerStatus>(peer.dir, ["status"]);
  const file = shares.find(({ name }) => name === "large")!.id;
  const files = shares.map(({ id }) => id).filter((id) => id !== file);
  const { address, program } = peer;
  await attack({
    conversations: [
      { address, words: [HELLO, line({ action: "get_chunks", id: 2, file, first: 0, count: 16 })] },
      { address, words: [HELLO, line({ action: "get_files", id: 2, files })] },
    ],
    honest: () => world.json(dir, ["get", "large", "-o", `${dir}/${crypto.randomUUID()}`]),
    program,
  });
});

testUnless(noLinux, "hostile callers: of the page and the control endpoint", async () => {
  const { world, peer } = await setUp(["--ui", "0"]);
  await using _ = world;
  const { url, token } = JSON.parse(await Deno.readTextFile(`${peer.dir}/.shoal/control.json`));
  const { link } = await world.json<{ link: string }>(peer.dir, ["ui", "--no-open"]);
  const page = new URL(link).host;
  const control = new URL(url).host;
  const ask = await askOf(peer);
  const honest = async () => {
    for (const asking of [() => fetch(`http://${page}/`), () => ask("/api/v1/status")]) {
      const response = await asking();
      await response.body?.cancel();
      assertEquals(response.status, 200);
    }
  };
  const words = (host: string, token?: string) => [
    get("/api/v1/status", host, token).slice(0, -2),
    get("/api/v1/status", host, token),
  ];
  await attack({
    conversations: [
      { address: page, words: words(page) },
      { address: control, words: words(control, token) },
    ],
    honest,
    program: peer.program,
  });
});
