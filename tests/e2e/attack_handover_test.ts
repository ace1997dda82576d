/** Attacks on hand-overs: by guests that guess, and by the bootstrap itself. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { newSecret } from "../../src/handover/code.ts";
import { SendingEnd } from "../../src/handover/key_exchange.ts";
import { meetSender } from "../../src/handover/meet_sender.ts";
import { Fault } from "../../src/fault.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { type RawEnd, Scripted } from "../support/sockets.ts";
import { Program, shoal } from "./program.ts";
import { World } from "./world.ts";

const NEVER = new AbortController().signal;

async function sending(world: World, path: string, args: string[] = [], bootstrap?: string) {
  const words = ["peer", ...world.options({ bootstrap }), "send", path, "--no-qr", ...args];
  const sender = world.adopt(new Program(words, { cwd: world.root, env: world.env }));
  const [, code = "", room = ""] = await sender.sees(/^((\d{3})-[a-z-]+)\n/m);
  return { sender, code, room: Number(room), secret: code.slice(4) };
}

async function receive(world: World, code: string, bootstrap?: string) {
  const cwd = await world.folder("to");
  const words = ["peer", ...world.options({ bootstrap }), "receive", "--yes"];
  return { cwd, ...await shoal(words, { cwd, env: { ...world.env, SHOAL_CODE: code } }) };
}

Deno.test("attack: guesses at a code get nothing, and don't keep who has the words away", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/f`;
  await Deno.writeTextFile(file, "for one alone");
  const { sender, code, room, secret } = await sending(world, file);
  const bootstraps = [parseAddress(world.bootstrap, 0)];
  const guesses = Array.from({ length: 60 }, async () => {
    const guess = newSecret("words");
    assert(guess !== secret);
    const fault = await assertRejects(
      () => meetSender({ bootstraps, lan: false, room, secret: guess }, NEVER),
      Fault,
    );
    return fault.kind;
  });
  const honest = await receive(world, code);
  assertEquals(honest.code, 0, honest.stderr);
  assertEquals(await Deno.readTextFile(`${honest.cwd}/f`), "for one alone");
  assertEquals(await sender.ended(), 0);
  // Those that came too late found the room closed.
  const kinds = await Promise.all(guesses);
  assert(kinds.includes("integrity"));
  assertEquals(
    kinds.filter((kind: string) => !["integrity", "not_found", "network"].includes(kind)),
    [],
  );
});

Deno.test("attack: a bootstrap that plays the sender needs the words, and has one guess", async () => {
  await using world = await World.create();
  const heard: string[] = [];
  await using liar = new Scripted(async (end) => {
    const guess = new SendingEnd(417, "zoo-zoo-zoo");
    for (let ask; (ask = await end.line());) {
      heard.push(JSON.stringify(ask));
      await answerAsSender(end, ask, guess);
    }
  });
  const { code, stderr, cwd } = await receive(
    world,
    "417-orange-canyon-river",
    `127.0.0.1:${liar.address.port}`,
  );
  assertEquals(code, 5, stderr);
  assertStringIncludes(stderr, "or somebody in between guessed");
  assertEquals([...Deno.readDirSync(cwd)], []);
  assertEquals(heard.filter((line) => /orange|canyon|river/.test(line)), []);
});

/** Plays bootstrap and sender in one. */
async function answerAsSender(
  end: RawEnd,
  { action, id, blob }: { action: string; id: number; blob?: string },
  guess: SendingEnd,
): Promise<void> {
  if (action === "hello") {
    const about = { protocol: 1, agent: "liar/1", nonce: "00".repeat(32) };
    return await end.send(wireMessage({ action, id, ...about, observed: "127.0.0.1:1" }));
  }
  await end.send(wireMessage({ action: "ok", id }));
  if (action === "enter_room") {
    const said = await guess.reply(blob!);
    return await end.send(wireMessage({ action: "said", blob: said }));
  }
  // It can't know the receiver's confirmation, so whatever it offers is made up.
  const made = { confirm: "00".repeat(32), iv: "00".repeat(12), box: "00".repeat(64) };
  await end.send(wireMessage({ action: "said", blob: JSON.stringify(made) }));
}

Deno.test("attack: what a bootstrap sees of a hand-over has no word, name or content in it", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/unmistakable-name.txt`;
  await Deno.writeTextFile(file, "unmistakable content");
  await using tap = new Tap(world.bootstrap);
  const { sender, code, secret } = await sending(world, file, [], tap.address);
  const { code: exit, stderr } = await receive(world, code, tap.address);
  assertEquals(exit, 0, stderr);
  assertEquals(await sender.ended(), 0);
  const seen = tap.seen();
  assertStringIncludes(seen, "open_room");
  assertStringIncludes(seen, "enter_room");
  for (const word of [...secret.split("-"), "unmistakable"]) {
    assertEquals(seen.includes(word), false, word);
  }
  // The ids that are registered are of this hand-over alone.
  assertEquals(/"action":"(announce|find|list_files)"/.test(seen), false);
});

/** Passes everything on to a bootstrap, and keeps what goes by. */
class Tap {
  readonly address: string;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #seen: Uint8Array[] = [];
  readonly #running: Promise<void>;

  constructor(target: string) {
    this.address = `127.0.0.1:${this.#listener.addr.port}`;
    this.#running = this.#accept(parseAddress(target, 0).port);
  }

  seen(): string {
    return this.#seen.map((bytes) => new TextDecoder().decode(bytes)).join("");
  }

  async #accept(port: number): Promise<void> {
    const passing: Promise<unknown>[] = [];
    for await (const conn of this.#listener) {
      const other = await Deno.connect({ hostname: "127.0.0.1", port });
      passing.push(this.#pass(conn, other), this.#pass(other, conn));
    }
    await Promise.all(passing);
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const seen = this.#seen;
    const watched = new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        seen.push(bytes.slice());
        controller.enqueue(bytes);
      },
    });
    await from.readable.pipeThrough(watched).pipeTo(to.writable).catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#running;
  }
}
