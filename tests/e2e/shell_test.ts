/** The shell of a running peer, with lines from a pipe. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ListedFile, PeerStatus } from "../../src/peer/api/peer_api.ts";
import { contentsOf } from "./checks.ts";
import { Program } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

Deno.test("every command can be said in the shell, and exit ends it with 0", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 200_000);
  await world.json(source.dir, ["share", "data"]);
  const { program, dir } = await world.peer("shell", { stdin: "open" });
  await writeRandom(`${dir}/my own file`, 1_000);

  await program.type("share 'my own file'");
  await program.sees(/my own file {2}1000 B {2}hashed in .* id [0-9a-f]{12}\n/);
  await program.type("list-peers");
  await program.sees(/ADDRESS +PEER +REACHABLE +FILES +AGENT\n(127\.0\.0\.1:\d+ .*\n){2}/);
  await program.type('list-files "d*"');
  await program.sees(/ID +SIZE .* NAME\n.* data\n/);
  await program.type("get data");
  await program.sees(/data {2}195 KiB {2}in .* from 1 source .*\n/);
  assert(await sameFiles(`${source.dir}/data`, `${dir}/data`));
  await program.type("status");
  await program.sees(/Peer [0-9a-f]{12} .*\n[^]*BOOTSTRAP[^]*SHARED[^]*TRANSFER[^]* data\n/);
  await program.type("status --json");
  const [line] = await program.sees(/^\{"peer".*\}$/m);
  assertEquals((JSON.parse(line) as PeerStatus).shares.length, 2);
  await program.type("help");
  const [help] = await program.sees(/Usage: shoal> COMMAND[^]*\n\n/);
  for (const word of ["share", "list-peers", "list-files", "get", "status", "unshare", "exit"]) {
    assertStringIncludes(program.stdout.slice(program.stdout.indexOf(help)), word);
  }
  await program.type("get --help");
  await program.sees(/Usage: shoal> get[^]*Examples:\n {2}get debian\.iso\n/);
  await program.type("unshare 'my own file'");
  await program.sees(/my own file {2}no longer shared/);
  await program.type("exit");
  assertEquals(await program.ended(), 0);
  assert(!program.stderr.includes("shoal:"), program.stderr);
  assert(!program.stdout.includes("shoal> \n"), "no prompt without a terminal");
});

Deno.test("lines that fail are told and don't end it", async () => {
  await using world = await World.create();
  const { program, dir } = await world.peer("shell", { stdin: "open" });
  const lines: [string, RegExp][] = [
    ["get nothing", /shoal: Cannot get "nothing": no peer in the swarm has it\n/],
    ["get", /shoal: missing required argument 'NAME', or --from-file\n/],
    ["gte x", /shoal: unknown command 'gte' \(Did you mean get\?\)\n/],
    ["share 'unclosed", /shoal: Cannot read the line: ' has no end\n/],
    ["share missing", /shoal: Cannot share "missing": no such file or folder\n/],
    ["get data --id xyz", /shoal: .*it must be 8 to 64 hex digits\n/],
    ["get ../../etc/passwd", /shoal: Cannot use "\.\.\/\.\.\/etc\/passwd": it has the part \.\.\n/],
    ["get 'a\0b'", /shoal: Cannot use "a\\u0000b": it has a control character\n/],
    ["unshare nothing", /shoal: Cannot unshare "nothing": it is not shared here\n/],
    ["peer", /shoal: unknown command 'peer'/],
    ["status --verbose", /shoal: unknown option '--verbose'/],
  ];
  for (const [line, told] of lines) {
    await program.type(line);
    await program.sees(told);
  }
  await program.type("");
  await program.type("   ");
  await program.type("list-files --json");
  await program.sees(/^\[\]$/m);
  assertEquals(program.stderr.match(/^shoal: /gm)?.length, lines.length, program.stderr);
  await program.type("quit");
  assertEquals(await program.ended(), 0);
  assertEquals(contentsOf(dir), []);
});

Deno.test("words are quoted as in a shell", async () => {
  await using world = await World.create();
  const { program, dir } = await world.peer("shell", { stdin: "open" });
  const names = ["plain", "two words", "it's", 'say "hi"', "back\\slash", "#hash", "$HOME", "ünï"];
  for (const name of names) await writeRandom(`${dir}/${name}`, 10);
  const words = [
    "plain",
    "'two words'",
    `it\\'s`,
    `"say \\"hi\\""`,
    "back\\\\slash",
    "#hash",
    "$HOME",
    "ünï",
  ];
  await program.type(`share ${words.join("  ")}`);
  await program.type("list-files --json");
  const [line] = await program.sees(/^\[.*\]$/ms);
  assertEquals((JSON.parse(line) as ListedFile[]).map(({ name }) => name).sort(), names.sort());
});

Deno.test("all lines at once are done one after the other", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 3 << 20);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("shell");
  const program = world.start(dir, ["0", "--host", "127.0.0.1"], {
    stdin: "get data\nget data\nlist-files\nexit\nget never\n",
  });
  assertEquals(await program.ended(), 0);
  const order = /from 1 source[^]*already up to date[^]*SOURCES[^]* data\n/;
  assertMatch(program.stdout, order);
  assert(!program.stderr.includes("never"));
});

Deno.test("the end of input leaves the peer serving", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer", { stdin: "share data\n" });
  await peer.program.sees(/Cannot share "data"/);
  await writeRandom(`${peer.dir}/data`, 100);
  await world.json(peer.dir, ["share", "data"]);
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  assert(await sameFiles(`${peer.dir}/data`, `${dir}/data`));
  assertEquals(await peer.program.stop(), 143);
});

Deno.test("--json makes of every line a value", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  const words = ["peer", "0", "--host", "127.0.0.1", "--dir", dir, ...world.options(), "--json"];
  const stdin = "list-peers\nlist-files\nget nothing\nstatus\nexit\n";
  const program = world.adopt(new Program(words, { stdin }));
  assertEquals(await program.ended(), 0);
  const [started, peers, files, failed, status] = program.stdout.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(Object.keys(started), ["peer", "listening", "dir"]);
  assert(Array.isArray(peers));
  assertEquals(files, []);
  assertEquals(failed.error.code, "not_found");
  assertEquals(status.peer, started.peer);
});
