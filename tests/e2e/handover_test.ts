/** Hand-overs by a code, with the real program: who gets what, and what is on disk afterwards. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { assertSameTree } from "./trees.ts";
import { eventually } from "./checks.ts";
import { Program, shoal } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

/** Starts a sender; returns it with its code. */
async function sending(
  world: World,
  paths: string[],
  { args = [], stdin }: { args?: string[]; stdin?: string } = {},
): Promise<{ sender: Program; code: string; room: string }> {
  const words = ["peer", ...world.options(), "send", ...paths, "--no-qr", ...args];
  const sender = world.adopt(new Program(words, { cwd: world.root, env: world.env, stdin }));
  const [, code = "", room = ""] = await sender.sees(/((?<!\d)(\d{3})-[a-z]+-[a-z2-7-]+)["\n]/);
  return { sender, code, room };
}

interface ReceiveOptions {
  args?: string[];
  env?: Record<string, string>;
  stdin?: string;
}

/** The words of a receiver in a new folder of that name, and how to run it. */
async function receiver(
  world: World,
  name: string,
  code: string | undefined,
  { args = ["--yes"], env = {}, stdin }: ReceiveOptions = {},
) {
  const cwd = await world.folder(name);
  const words = ["peer", ...world.options(), "receive", ...args];
  const given: Record<string, string> = code === undefined ? {} : { SHOAL_CODE: code };
  return { cwd, words, options: { cwd, stdin, env: { ...world.env, ...given, ...env } } };
}

async function receiving(world: World, name: string, code?: string, options?: ReceiveOptions) {
  const { cwd, words, options: run } = await receiver(world, name, code, options);
  return { cwd, ...await shoal(words, run) };
}

/** True once a folder has a part of what is received: it lies there, hidden, until it is whole. */
function isFetching(folder: string): boolean {
  return namesIn(folder).some((name) => name.startsWith("."));
}

function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("hand-over: a file and a folder go to one receiver, and both ends are done", async () => {
  await using world = await World.create();
  const from = await world.folder("from");
  await writeRandom(`${from}/talk.mkv`, 3_000_000);
  await Deno.mkdir(`${from}/photos/2024`, { recursive: true });
  await writeRandom(`${from}/photos/2024/a.jpg`, 70_000);
  await Deno.writeTextFile(`${from}/photos/b.txt`, "b");
  const { sender, code } = await sending(world, [`${from}/talk.mkv`, `${from}/photos`]);
  const { cwd, code: exit, stderr } = await receiving(world, "to", code);
  assertEquals(exit, 0, stderr);
  assertEquals(await sender.ended(), 0, sender.stderr);
  assert(await sameFiles(`${from}/talk.mkv`, `${cwd}/talk.mkv`));
  await assertSameTree(`${cwd}/photos`, `${from}/photos`);
  assertEquals(namesIn(cwd), ["photos", "talk.mkv"]);
  // Nothing is shared with anybody else, and nothing of it is left where it came from.
  const listed = await shoal(["peer", ...world.options(), "list-files"], { cwd });
  assertEquals(listed.code, 0);
  assertEquals(/talk|photos/.test(listed.stdout), false);
  assertEquals(namesIn(from), ["photos", "talk.mkv"]);
  // The code is good for nobody any more.
  const late = await receiving(world, "late", code);
  assertEquals(late.code, 3, late.stderr);
  assertStringIncludes(late.stderr, "there is no room");
  assertEquals(namesIn(late.cwd), []);
});

Deno.test("hand-over: wrong words get nothing, are counted, and the right ones still do", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/secret.txt`;
  await Deno.writeTextFile(file, "for one alone");
  const { sender, code, room } = await sending(world, [file]);
  const wrong = await receiving(world, "wrong", `${room}-zoo-zoo-zoo`);
  assertEquals(wrong.code, 5, wrong.stderr);
  assertStringIncludes(wrong.stderr, `the words don't fit room ${room}`);
  assertStringIncludes(wrong.stderr, "ask for a new code");
  assertEquals(namesIn(wrong.cwd), []);
  await sender.sees(/A wrong try, number 1/);
  const typo = await receiving(world, "typo", `${room}-zooo-zoo-zoo`);
  assertEquals(typo.code, 2);
  assertStringIncludes(typo.stderr, `"zooo" is not in the list of words`);
  const nowhere = await receiving(world, "nowhere", `${room === "999" ? 998 : 999}-zoo-zoo-zoo`);
  assertEquals(nowhere.code, 3);
  const right = await receiving(world, "right", code);
  assertEquals(right.code, 0, right.stderr);
  assertEquals(await Deno.readTextFile(`${right.cwd}/secret.txt`), "for one alone");
  assertEquals(await sender.ended(), 0);
});

Deno.test("hand-over: of two words ten tries are enough, and the sender gives the code up", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/f`;
  await Deno.writeTextFile(file, "x");
  const { sender, code, room } = await sending(world, [file], { args: ["--short"] });
  assertEquals(code.split("-").length, 3);
  for (let n = 0; n < 10; n++) {
    assertEquals((await receiving(world, "guess", `${room}-zoo-zoo`)).code, 5);
  }
  assertEquals(await sender.ended(), 5);
  assertStringIncludes(sender.stderr, "Gave the code up after 10 wrong tries");
});

Deno.test("hand-over: five receivers share what one sender sends little more than once", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/big`;
  const size = 12 << 20;
  await writeRandom(file, size);
  // Slow enough that they have something of each other's to ask for.
  const args = ["--to", "5", "--json", "--limit-up", "4M"];
  const { sender, code } = await sending(world, [file], { args });
  const runs = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => receiving(world, `to${n}`, code)),
  );
  for (const run of runs) {
    assertEquals(run.code, 0, run.stderr);
    assert(await sameFiles(file, `${run.cwd}/big`));
  }
  assertEquals(await sender.ended(), 0, sender.stderr);
  const end = JSON.parse(sender.stdout.trim().split("\n").at(-1)!);
  assertEquals([end.end, end.received, end.exit], ["done", 5, 0]);
  assert(end.bytes < 4 * size, `${end.bytes / size} copies left the sender`);
});

Deno.test("hand-over: an interrupted receiver goes on without a code", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/big`;
  const state = await world.folder("state");
  await writeRandom(file, 8 << 20);
  const { sender, code } = await sending(world, [file], { args: [] });
  const env = { XDG_STATE_HOME: state };
  const { cwd, words, options } = await receiver(world, "to", code, {
    args: ["--yes"],
    env: { ...env, SHOAL_LIMIT_DOWN: "1M" },
  });
  const first = world.adopt(new Program(words, options));
  await eventually("something has arrived", () => isFetching(cwd));
  first.signal("SIGKILL");
  await first.ended();
  assertEquals(namesIn(cwd).includes("big"), false);
  const again = await receiving(world, "to", undefined, { env });
  assertEquals(again.code, 0, again.stderr);
  assertStringIncludes(again.stderr, "Resuming");
  assert(await sameFiles(file, `${cwd}/big`));
  assertEquals(await sender.ended(), 0, sender.stderr);
  assertEquals([namesIn(cwd), namesIn(`${state}/shoal/handovers`)], [["big"], []]);
});

Deno.test("hand-over: standard input to standard output", async () => {
  await using world = await World.create();
  const { sender, code } = await sending(world, ["-"], {
    args: ["--name", "note.txt"],
    stdin: "from a pipe\n",
  });
  const { code: exit, stdout, stderr, cwd } = await receiving(world, "to", code, {
    args: ["--yes", "-o", "-"],
  });
  assertEquals([exit, stdout], [0, "from a pipe\n"], stderr);
  assertMatch(stderr, /note\.txt/);
  assertEquals(namesIn(cwd), []);
  assertEquals(await sender.ended(), 0);
});

Deno.test("hand-over: what is there is never replaced, and --rename goes beside it", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/report.pdf`;
  await Deno.writeTextFile(file, "new");
  const { sender, code } = await sending(world, [file], { args: ["--to", "2"] });
  const to = await world.folder("to");
  await Deno.writeTextFile(`${to}/report.pdf`, "mine");
  const taken = await receiving(world, "to", code);
  assertEquals(taken.code, 6, taken.stderr);
  assertStringIncludes(taken.stderr, "--rename");
  assertEquals(await Deno.readTextFile(`${to}/report.pdf`), "mine");
  const beside = await receiving(world, "to", code, { args: ["--yes", "--rename"] });
  assertEquals(beside.code, 0, beside.stderr);
  assertEquals(namesIn(to), ["report (1).pdf", "report.pdf"]);
  assertEquals(await Deno.readTextFile(`${to}/report (1).pdf`), "new");
  assertEquals(await Deno.readTextFile(`${to}/report.pdf`), "mine");
  sender.signal("SIGINT");
  assertEquals(await sender.ended(), 130);
});

Deno.test("hand-over: what changes meanwhile is withdrawn, and the sender says so", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/f`;
  await Deno.writeTextFile(file, "before");
  const { sender, code } = await sending(world, [file]);
  await Deno.writeTextFile(file, "after, and longer");
  const { cwd, code: exit } = await receiving(world, "to", code);
  assert(exit !== 0);
  assertEquals(await sender.ended(), 5, sender.stderr);
  assertStringIncludes(sender.stderr, `"f" changed while it was handed over`);
  assertEquals(namesIn(cwd), []);
});

Deno.test("hand-over: one that was taken back, and one whose time is over, say so", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/f`;
  await Deno.writeTextFile(file, "x");
  const { sender, code } = await sending(world, [file]);
  sender.signal("SIGTERM");
  assertEquals(await sender.ended(), 143);
  assertEquals((await receiving(world, "late", code)).code, 3);
  const short = await sending(world, [file], { args: ["--for", "1s"] });
  assertEquals(await short.sender.ended(), 9);
  assertStringIncludes(short.sender.stderr, "The time of the code is over");
  assertEquals((await receiving(world, "late", short.code)).code, 3);
});

Deno.test("hand-over: bad input is refused before anything is sent or met", async () => {
  await using world = await World.create();
  const cwd = await world.folder("here");
  const run = (args: string[], env = {}) =>
    shoal(["peer", ...world.options(), ...args], { cwd, env: { ...world.env, ...env } });
  const cases: [string[], number, RegExp][] = [
    [["send", "missing"], 2, /missing/],
    [["send"], 2, /missing required argument/],
    [["send", "x", "--to", "0"], 2, /from 1 to 1000, or any/],
    [["send", "x", "--for", "2d"], 2, /a day at most/],
    [["send", "x", "--name", "y"], 2, /standard input/],
    [["send", "-", "-"], 2, /once/],
    [["send", "x", "--short", "--link"], 2, /together/],
    [["receive"], 2, /no terminal to ask at/],
    [["receive", "--yes"], 2, /there is no code/],
    [["receive", "417-zoo-zoo-zoo", "--yes"], 2, /Other users of this machine/],
    [["receive", "words", "--yes"], 2, /number of a room/],
    [["receive", "--yes", "-o", "nowhere"], 2, /no such folder/],
    [["receive", "--yes", "--code-file", "none"], 2, /Cannot read the code/],
  ];
  for (const [args, code, pattern] of cases) {
    const ended = await run(args);
    assertEquals(ended.code, code, `${args.join(" ")}: ${ended.stderr}`);
    assertMatch(ended.stderr, pattern, args.join(" "));
  }
  const away = await shoal(["peer", "--bootstrap", "127.0.0.1:1", "send", cwd], { cwd });
  assertEquals(away.code, 4, away.stderr);
  assertEquals(namesIn(cwd), []);
});

Deno.test("hand-over: a restarted bootstrap has the room again", async () => {
  await using world = await World.create();
  const file = `${await world.folder("from")}/f`;
  await Deno.writeTextFile(file, "x");
  const { sender, code } = await sending(world, [file]);
  const port = world.bootstrap.split(":")[1]!;
  await world.bootstrapProgram.stop();
  const again = new Program(["bootstrap", "--host", "127.0.0.1", "--port", port]);
  world.adopt(again);
  await again.sees(/Bootstrap listening on/);
  await eventually("the room is back", async () => {
    const { code: exit } = await receiving(world, "to", code);
    return exit === 0;
  });
  assertEquals(await sender.ended(), 0);
});
