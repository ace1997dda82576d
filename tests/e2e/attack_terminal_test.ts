/** Texts from others, shown by the real program: the exact bytes that reach a terminal. */
import { assert, assertEquals } from "@std/assert";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { Identity } from "../../src/trust/identity.ts";
import { signRegistration } from "../../src/trust/registration.ts";
import { patterned } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { RawEnd, Scripted } from "../support/sockets.ts";
import { eventually } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import { programWords, shoal } from "./program.ts";
import { World } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

/**
 * Texts that terminals act on, or show otherwise than they are; and what should be left of them.
 */
const HOSTILE: [text: string, shown: string][] = [
  ["\x1b[2J\x1b[31mred", "�[2J�[31mred"],
  ["\x1b]0;owned\x07title", "�]0;owned�title"],
  ["\x1b]8;;http://evil.example\x1b\\link", "�]8;;http://evil.example�\\link"],
  ["\x1b]52;c;ZXZpbA==\x07clip", "�]52;c;ZXZpbA==�clip"],
  ["\x9b31mc1\x85", "�31mc1�"],
  ["\u202egpj.exe", "�gpj.exe"],
  ["\u2066is\u2069\u200e\u200f\u061cbidi", "�is����bidi"],
  ["ze\u200bro\ufeff\u2060width\u00ad", "ze�ro��width�"],
  ["new\nline\r\tx\u2028y", "new�line��x�y"],
  ["tags\u{e0041}\x7f\x00", "tags���"],
];
const TEXTS = HOSTILE.map(([text]) => text);

/** Nothing but what can be seen, blanks and newlines. */
const SAFE = /^(?:(?![\u200b\u00ad\ufeff\u2060\u{e0041}])[\n\x20-\x7e\xa0-\u{10ffff}])*$/u;
const BIDI = /[\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

function assertSafe(text: string): void {
  assert(SAFE.test(text) && !BIDI.test(text), JSON.stringify(text));
}

/** A peer that calls itself so, registered by hand, and there when it is called back. */
async function registerAgent(bootstrap: string, agent: string): Promise<AsyncDisposable> {
  const identity = await Identity.generate();
  const hello = { action: "hello", id: 1, protocol: 1, agent, peer: identity.id };
  const server = new Scripted(async (end) => {
    if (await end.line()) await end.send(hello);
    await end.closed();
  });
  const { port } = server.address;
  const end = await RawEnd.connect(parseAddress(bootstrap, 1));
  await end.send(hello);
  const { nonce } = await end.line();
  const dialled = parseAddress(bootstrap, 1);
  const claim = await signRegistration(identity, nonce, { port, dialled });
  await end.send({ action: "register", id: 2, ...claim, agent });
  assertEquals((await end.line()).action, "registered");
  return {
    async [Symbol.asyncDispose]() {
      end.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("names of others, in tables and as JSON", async () => {
  await using world = await World.create();
  const content = patterned(100);
  await using liars = new AsyncDisposableStack();
  for (const name of TEXTS) {
    liars.use(await HostilePeer.create(world.bootstrap, offerOf(name, content), serving(content)));
  }
  const dir = await world.folder("dir");
  const table = await world.run(dir, ["list-files"]);
  assertEquals(table.stderr, "");
  const [header, ...rows] = table.stdout.trimEnd().split("\n");
  const named = rows.map((row) => row.slice(header.indexOf("NAME")));
  assertEquals(named.sort(), HOSTILE.map(([, shown]) => shown).sort());
  assertSafe(table.stdout);

  const json = await world.run(dir, ["list-files", "--json"]);
  const listed: { name: string }[] = JSON.parse(json.stdout);
  assertEquals(listed.map(({ name }) => name).sort(), TEXTS.toSorted(), "exactly what was said");
  assertSafe(json.stdout);

  // In the shell, too.
  const shell = await world.run(dir, ["0", "--host", "127.0.0.1"], { stdin: "list-files\nexit\n" });
  assertEquals(shell.code, 0);
  for (const [, shown] of HOSTILE) assert(shell.stdout.includes(shown), shell.stdout);
  assertSafe(shell.stdout + shell.stderr);

  // What such a name is refused with repeats it, made safe.
  for (const text of TEXTS.filter((text) => !text.includes("\0"))) {
    const got = await world.run(dir, ["get", "--json"], { words: [text + "\x1b"] });
    assertEquals(got.code, 2);
    assertSafe(got.stdout + got.stderr);
  }
});

Deno.test("agents of others", async () => {
  await using world = await World.create();
  await using peers = new AsyncDisposableStack();
  for (const text of TEXTS) peers.use(await registerAgent(world.bootstrap, text));
  const dir = await world.folder("dir");
  const { stdout } = await world.run(dir, ["list-peers"]);
  for (const [, shown] of HOSTILE) assert(stdout.includes(`  ${shown}\n`), stdout);
  assertSafe(stdout);
  const json = await world.run(dir, ["list-peers", "--json"]);
  assertSafe(json.stdout);
  const agents = JSON.parse(json.stdout).map(({ agent }: { agent: string }) => agent);
  assertEquals(agents.sort(), TEXTS.toSorted());
});

Deno.test("errors of others: on standard error, as JSON, in logs and in status", async () => {
  await using world = await World.create();
  for (const [text, shown] of HOSTILE) {
    await using fake = new Scripted(async (end) => {
      const hello = await end.line();
      if (hello) await end.send({ action: "error", id: hello.id, code: "busy", message: text });
      await end.closed();
    });
    const address = `127.0.0.1:${fake.address.port}`;
    const args = ["peer", "list-peers", "--bootstrap", address, "--dir", world.root];
    const plain = await shoal(args);
    assertEquals([plain.code, plain.stdout], [4, ""]);
    assertSafe(plain.stderr);
    // A message is one line: its newlines are blanks by then.
    const line = text.includes("\n") ? "new line" : shown;
    assert(plain.stderr.startsWith("shoal: ") && plain.stderr.includes(line), plain.stderr);
    const json = await shoal([...args, "--json"]);
    assertSafe(json.stdout + json.stderr);
    assert(
      JSON.parse(json.stdout).error.message.includes(text.replace(/\s*[\r\n]+\s*/g, " ").trim()),
    );
  }
  const [text, shown] = ["\x1b]0;x\x07\u202eerror", "�]0;x��error"];
  await using fake = new Scripted(async (end) => {
    const hello = await end.line();
    if (hello) await end.send({ action: "error", id: hello.id, code: "busy", message: text });
    await end.closed();
  });
  const address = `127.0.0.1:${fake.address.port}`;
  const dir = await world.folder("dir");
  for (const format of ["text", "json"]) {
    const args = ["0", "--host", "127.0.0.1", "--log-level", "trace", "--log-format", format];
    const peer = world.start(dir, args, { bootstrap: address });
    await peer.sees(/listening on/);
    const status = await eventually("the error is noted", async () => {
      const { stdout } = await world.run(dir, ["status"]);
      return stdout.includes("error") && stdout;
    });
    assert(status.includes(shown), status);
    assertSafe(status);
    // Somebody breaks the rules in words of their own, which a log repeats.
    const [, listening] = await peer.sees(/listening on (\S+?),? /);
    using end = await RawEnd.connect(parseAddress(listening, 1));
    await end.send(`{"action":"\\u001b[31m\\u202ered{why}","id":-1}\n`);
    await end.closed();
    await peer.sees(/malformed/);
    await peer.stop();
    assertSafe(peer.stdout + peer.stderr);
    const lines = peer.stderr.trimEnd().split("\n").filter((one) => one.startsWith("{"));
    if (format === "json") {
      assert(lines.length > 0 && lines.every((one) => JSON.parse(one).message));
    }
  }
});

Deno.test("the table of candidates, and what a source refuses with", async () => {
  await using world = await World.create();
  const [name, shown] = ["\u202egpj.\u200bexe", "�gpj.�exe"];
  const contents = [patterned(100, 1), patterned(200, 2)];
  const refusing = (content: Uint8Array<ArrayBuffer>) =>
    serving(
      content,
      ({ action, id }, honest) =>
        action === "get_chunks"
          ? wireMessage({ action: "error", id, code: "\x1b[5m", message: "\x1b]8;;x\x07\u2067no" })
          : honest,
    );
  await using _one = await HostilePeer.create(
    world.bootstrap,
    offerOf(name, contents[0]),
    refusing(contents[0]),
  );
  await using _two = await HostilePeer.create(
    world.bootstrap,
    offerOf(name, contents[1]),
    refusing(contents[1]),
  );
  const dir = await world.folder("dir");
  const got = await world.run(dir, ["get", name]);
  assertEquals([got.code, got.stdout], [8, ""]);
  assertSafe(got.stderr);
  const rows = got.stderr.trimEnd().split("\n").slice(2, -1);
  assertEquals(rows.map((row) => row.endsWith(` ${shown}`)), [true, true], got.stderr);
  const json = await world.run(dir, ["get", name, "--json"]);
  assertSafe(json.stdout + json.stderr);
  assertEquals(JSON.parse(json.stdout).error.candidates[0].name, name);

  const { id } = offerOf(name, contents[0]);
  const refused = await world.run(dir, ["get", name, "--id", id]);
  assertEquals(refused.code, 4);
  assert(refused.stderr.includes("�]8;;x��no"), refused.stderr);
  assertSafe(refused.stderr);
});

testUnless(lacking("script"), "progress on a terminal", async () => {
  await using world = await World.create();
  const name = "\u202egpj.\u200bexe\u2066";
  const content = patterned(3 << 20);
  await using _liar = await HostilePeer.create(
    world.bootstrap,
    offerOf(name, content),
    serving(content),
  );
  const dir = await world.folder("dir");
  const words = [...programWords(), "peer", "get", name, "--dir", dir, ...world.options()];
  const command = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  const { stdout, code } = await outputOf("script", {
    args: ["-qec", command, "/dev/null"],
    env: { TERM: "xterm", NO_COLOR: "1" },
    stdin: "null",
  });
  const shown = new TextDecoder().decode(stdout);
  assertEquals(code, 0, shown);
  assert(shown.includes("�gpj.�exe�"), JSON.stringify(shown));
  assert(!BIDI.test(shown) && !shown.includes("\u200b"), JSON.stringify(shown));
});
