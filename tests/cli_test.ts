import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { completionScript, describeCommands } from "../src/cli/completion.ts";
import { EXIT, exitCodeOf } from "../src/cli/exit_code.ts";
import { type PeerFlags, settingsOf, settleEnvironment } from "../src/cli/options.ts";
import { ClosedOutput } from "../src/cli/output.ts";
import { buildProgram, SHELLS } from "../src/cli/program.ts";
import { safeJson, sanitize } from "../src/cli/sanitize.ts";
import { buildShellProgram } from "../src/cli/shell_program.ts";
import { splitWords } from "../src/cli/split_words.ts";
import { formatTable, formatTableStream } from "../src/cli/table.ts";
import {
  formatAge,
  formatDuration,
  formatRate,
  formatSize,
  formatTime,
  parseSize,
} from "../src/cli/units.ts";
import { takeOver } from "../src/cli/usage.ts";
import { Fault, type FaultKind } from "../src/fault.ts";
import { parseAddress, parsePort } from "../src/peer/settings.ts";
import { VERSION } from "../src/version.ts";
import { shoal } from "./e2e/program.ts";

const ID = "1a2b3c4d".repeat(8);

/** What a command line came down to. */
interface Parsed {
  command: string;
  args: string[];
  /** The verb's own options. */
  own: Record<string, unknown>;
  flags: PeerFlags;
}

/** Parses a command line as the program does, and says what it would have done. */
async function parse(...argv: string[]): Promise<Parsed> {
  let parsed: Parsed | undefined;
  const keep = (command: string, flags: unknown, args: string[] = [], own = {}) => {
    parsed = { command, args, own, flags: flags as PeerFlags };
    return Promise.resolve();
  };
  const program = buildProgram({
    bootstrap: (flags) => keep("bootstrap", flags),
    newKey: (file, flags) => keep("new-key", flags, [file], flags),
    peer: (flags) => keep("peer", flags),
    verb: ({ verb, args, flags }, peerFlags) => keep(verb.name, peerFlags, args, flags),
    config: (what, peer) => keep(`config ${what}`, peer.opts()),
    completion: (shell) => keep(`completion ${shell}`, {}),
    installService: (parent, words, flags) => {
      return keep(`${parent.name()} install-service ${words.join(" ")}`.trim(), flags);
    },
    doctor: (peer) => keep("doctor", peer.opts()),
  });
  takeOver(program);
  settleEnvironment(program);
  await program.parseAsync(argv, { from: "user" });
  return parsed!;
}

/** Sets environment variables for as long as `work` takes. */
async function withEnv(vars: Record<string, string>, work: () => Promise<void>): Promise<void> {
  const before = Object.keys(vars).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(vars)) Deno.env.set(name, value);
  try {
    await work();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

/** Runs a shell with a script on its standard input; undefined where it isn't installed. */
async function runShell(shell: string, args: string[], script: string) {
  try {
    const child = new Deno.Command(shell, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    })
      .spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(script));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

Deno.test("each kind of fault has its exit code", () => {
  const table: [FaultKind, number][] = [
    ["usage", 2],
    ["not_found", 3],
    ["network", 4],
    ["integrity", 5],
    ["destination", 6],
    ["disk", 7],
    ["ambiguous", 8],
    ["deadline", 9],
    ["held", 10],
  ];
  for (const [kind, code] of table) assertEquals(exitCodeOf(new Fault(kind, "x")), code);
  assertEquals(exitCodeOf(new TypeError("x")), EXIT.unexpected);
  assertEquals(exitCodeOf(new DOMException("x", "AbortError"), 143), 143);
  assertEquals(exitCodeOf(new ClosedOutput()), 141);
});

Deno.test("addresses are read in every form, and nothing else is", () => {
  const table: [string, string, number][] = [
    ["meet.example:9", "meet.example", 9],
    ["meet.example", "meet.example", 8000],
    ["127.0.0.1:65535", "127.0.0.1", 65535],
    ["[::1]:10000", "::1", 10000],
    ["[::1]", "::1", 8000],
    ["::1", "::1", 8000],
    ["fe80::1%eth0", "fe80::1%eth0", 8000],
  ];
  for (const [text, host, port] of table) assertEquals(parseAddress(text, 8000), { host, port });
  const bad = ["", ":8000", "a:", "a:b", "a:0", "a:65536", "a b:1", "h:1:2", "[a]:1", "http://a:1"];
  for (const text of bad) assertThrows(() => parseAddress(text, 8000), Fault, undefined, text);
});

Deno.test("ports are whole numbers from 0 to 65535", () => {
  assertEquals(["0", "1", "65535"].map(parsePort), [0, 1, 65535]);
  for (const text of ["", "-1", "65536", "1.5", "1e3", "0x10", " 1", "abc"]) {
    assertThrows(() => parsePort(text), Fault, "is not a port");
  }
});

Deno.test("sizes are shown in powers of 1024 and never as 1024 of a unit", () => {
  const table: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [102_348, "99.9 KiB"],
    [102_400, "100 KiB"],
    [1_048_575, "1.0 MiB"],
    [1 << 30, "1.0 GiB"],
    [2 ** 53, "8.0 PiB"],
  ];
  for (const [bytes, text] of table) assertEquals(formatSize(bytes), text);
  assertEquals(formatRate(870 * 1024 ** 2), "870 MiB/s");
});

Deno.test("sizes are read back", () => {
  const table: [string, number][] = [
    ["0", 0],
    ["512", 512],
    ["512B", 512],
    ["64K", 65_536],
    ["1.5g", 1.5 * 1024 ** 3],
    ["2 MiB", 2 * 1024 ** 2],
    ["1TB", 1024 ** 4],
  ];
  for (const [text, bytes] of table) assertEquals(parseSize(text), bytes);
  for (const text of ["", "K", "-1", "1X", "1e9", "99999T", "1.K"]) {
    assertThrows(() => parseSize(text), Fault, "is not a size");
  }
});

Deno.test("durations, ages and times", () => {
  const durations: [number, string][] = [
    [0, "0 ms"],
    [0.035, "35 ms"],
    [1.2, "1.2 s"],
    [9.96, "10 s"],
    [59.6, "1m00s"],
    [200, "3m20s"],
    [18_400, "5h06m"],
    [183_600, "2d03h"],
  ];
  for (const [seconds, text] of durations) assertEquals(formatDuration(seconds), text);
  assertEquals([59, 60, 3_600, 86_400].map((s) => formatAge(0, s * 1000)), [
    "59s",
    "1m",
    "1h",
    "1d",
  ]);
  assertEquals(formatAge(5_000, 0), "0s", "a clock that is ahead");
  assertEquals(formatTime(Date.UTC(2026, 0, 31, 9, 5, 59)), "2026-01-31T09:05Z");
});

Deno.test("what others wrote can't act on a terminal", () => {
  assertEquals(sanitize("a\x1b[31mb\r\n\x07\x7f\x9bc"), "a�[31mb�����c");
  assertEquals(sanitize("\u202egnp.exe\u2066\u200f\u061c"), "�gnp.exe���");
  assertEquals(sanitize("a\u200bb\ufeff\u2060\u00ad\u{e0041}"), "a\ufffdb\ufffd\ufffd\ufffd\ufffd");
  assertEquals(sanitize("日本語 🐟 é"), "日本語 🐟 é");
  assertEquals(sanitize("👩\u200d🔬 نمی\u200cخواهم"), "👩\u200d🔬 نمی\u200cخواهم");
  const value = { name: "a\u202eb\x9b\x7f\u2028\n\u200b\ufeff\u{e0041}" };
  assertMatch(safeJson(value), /^[\x20-\x7e]+$/);
  assertEquals(JSON.parse(safeJson(value)), value);
});

Deno.test("a line is split as a shell does it", () => {
  const table: [string, string[]][] = [
    ["", []],
    ["  \t ", []],
    ["get a", ["get", "a"]],
    [" get  a ", ["get", "a"]],
    ["'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]],
    ["a'b c'd\"e f\"g", ["ab cde fg"]],
    ["''", [""]],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\b"'`, ['a\\b"']],
    ["日本語 -o -", ["日本語", "-o", "-"]],
  ];
  for (const [line, words] of table) assertEquals(splitWords(line), words, line);
  for (const line of ["'a", 'a "b', "a\\", `"a\\"`]) {
    assertThrows(() => splitWords(line), Fault, "has no end");
  }
});

Deno.test("tables have columns that awk can pick, wide characters or not", async () => {
  assertEquals(await formatTable(["A"], []), "");
  const table = await formatTable(["ID", "NAME"], [["1", "日本"], ["22", "x\x1by"], ["", "🐟"]]);
  assertEquals(table.split("\n"), ["ID  NAME", "1   日本", "22  x�y", "-   🐟"]);
  const wide = await formatTable(["A", "B"], [["日本", "x"], ["y", "z"]]);
  assertEquals(wide.split("\n"), ["A     B", "日本  x", "y     z"]);
});

Deno.test("a long table comes in pieces, with one header", async () => {
  for (const count of [0, 1, 999, 1000, 1001, 2500]) {
    const pieces = await Array.fromAsync(formatTableStream(["N"], numbers(count)));
    const lines = pieces.join("").split("\n");
    assertEquals(lines.length - 1, count === 0 ? 0 : count + 1);
    assertEquals(lines.filter((line) => line === "N").length, count === 0 ? 0 : 1);
    assertEquals(lines.slice(1, -1), Array.from({ length: count }, (_, i) => String(i)));
  }
});

Deno.test("options stand before or after a verb's own words", async () => {
  for (
    const argv of [
      ["peer", "--dir", "X", "get", "NAME", "-o", "-"],
      ["peer", "get", "NAME", "--dir", "X", "-o", "-"],
      ["peer", "get", "-o", "-", "--dir=X", "NAME"],
    ]
  ) {
    const { command, args, own, flags } = await parse(...argv);
    assertEquals([command, args, own, flags.dir], [
      "get",
      ["NAME"],
      { clobber: true, output: "-" },
      "X",
    ]);
  }
  const { command, flags } = await parse("peer", "10001", "--dir", "X");
  assertEquals([command, flags.port, flags.dir], ["peer", 10001, "X"]);
  assertEquals((await parse("peer", "get", "--", "--dir")).args, ["--dir"]);
});

Deno.test("what nobody says has its default", async () => {
  const { flags } = await parse("peer");
  assertEquals(settingsOf(flags), {
    createDir: true,
    dir: `${Deno.cwd()}/files`,
    bootstraps: [{ host: "127.0.0.1", port: 8000 }],
    host: "0.0.0.0",
    port: 10000,
    advertise: undefined,
    limitUp: undefined,
    swarmKey: undefined,
    limitDown: undefined,
    uploadSlots: 16,
  });
  const bootstrap = await parse("bootstrap");
  assertEquals([bootstrap.flags.host, bootstrap.flags.port], ["0.0.0.0", 8000]);
});

Deno.test("bootstraps are repeatable and comma-separated", async () => {
  const { flags } = await parse("peer", "--bootstrap", "a:1,b", "status", "--bootstrap", "[::1]:2");
  assertEquals(settingsOf(flags).bootstraps, [
    { host: "a", port: 1 },
    { host: "b", port: 8000 },
    { host: "::1", port: 2 },
  ]);
});

Deno.test("flag beats environment beats default, and an empty variable is unset", async () => {
  const env = { SHOAL_DIR: "E", SHOAL_PORT: "7", SHOAL_BOOTSTRAP: "e:1,f:2", SHOAL_JSON: "1" };
  await withEnv(env, async () => {
    const { flags } = await parse("peer");
    assertEquals([flags.dir, flags.port, flags.json], ["E", 7, true]);
    assertEquals(flags.bootstrap, [{ host: "e", port: 1 }, { host: "f", port: 2 }]);
    const said = await parse("peer", "9", "--dir", "D", "--bootstrap", "g:3");
    assertEquals([said.flags.dir, said.flags.port], ["D", 9]);
    assertEquals(said.flags.bootstrap, [{ host: "g", port: 3 }]);
  });
  await withEnv({ SHOAL_DIR: "", SHOAL_JSON: "", SHOAL_QUIET: "0" }, async () => {
    const { flags } = await parse("peer");
    assertEquals([flags.dir, flags.json, flags.quiet], ["./files", undefined, undefined]);
  });
  await withEnv({ SHOAL_OVERWRITE: "yes", SHOAL_ID: ID }, async () => {
    const { own } = await parse("peer", "get", "x");
    assertEquals(own, { clobber: true, overwrite: true, id: ID });
  });
});

Deno.test("a wrong command line is refused with one line, a hint and exit 2", async () => {
  const table: [string, string, string][] = [
    ["", "a command is missing", "shoal"],
    ["per", "unknown command 'per' (Did you mean peer?)", "shoal"],
    ["peer shar", "unknown command 'shar' (Did you mean share?)", "shoal peer"],
    ["peer shar x --overwrite", "unknown command 'shar' (Did you mean share?)", "shoal peer"],
    ["peer 65536", `"65536" is not a port: it must be a number from 0 to 65535`, "shoal peer"],
    ["peer 1 2", "too many arguments: '2' after the port", "shoal peer"],
    ["peer 1 --bogus", "unknown option '--bogus'", "shoal peer"],
    [
      "peer get x --update --overwrite",
      "option '--update' cannot be used with option '--overwrite'",
      "shoal peer get",
    ],
    [
      "peer get x --update --no-clobber",
      "option '--update' cannot be used with option '--no-clobber'",
      "shoal peer get",
    ],
    [
      "peer get x --no-clobber --overwrite",
      "option '--no-clobber' cannot be used with option '--overwrite'",
      "shoal peer get",
    ],
    [
      "peer get x --overwrit",
      "unknown option '--overwrit' (Did you mean --overwrite?)",
      "shoal peer get",
    ],
    ["peer get x --host 1.2.3.4", "option '--host' is for a peer that listens", "shoal peer get"],
  ];
  for (const [line, message, command] of table) {
    const fault = await parse(...splitWords(line)).then(() => undefined, (error) => error);
    assert(fault instanceof Fault, line);
    assertEquals([fault.kind, fault.message], ["usage", message]);
    assertEquals((fault as Fault & { help: string }).help, `${command} --help`);
  }
  const values = [
    "peer --bootstrap a:99999",
    "peer --bootstrap a,,b",
    "peer --dir ''",
    "peer --host 1.2.3.4:5",
    "peer --advertise a:b",
    "peer --log-level loud",
    "peer get x --id 123",
    "bootstrap --port x",
    "completion tcsh",
  ];
  for (const line of values) {
    const fault = await parse(...splitWords(line)).then(() => undefined, (error) => error);
    assert(fault instanceof Fault && !fault.message.includes("\n"), line);
    assertMatch(fault.message, /invalid/);
  }
  await withEnv({ SHOAL_QUIET: "maybe" }, async () => {
    const fault = await parse("peer").then(() => undefined, (error) => error);
    assertEquals(fault?.message, "SHOAL_QUIET must be 1 or 0, not 'maybe'");
  });
});

Deno.test("the shell has the same verbs, and exit", async () => {
  const said: unknown[] = [];
  const program = () => {
    const made = buildShellProgram({
      verb: ({ verb, args, flags }, own) => {
        said.push([verb.name, args, flags, own]);
        return Promise.resolve();
      },
      exit: () => void said.push("exit"),
    });
    takeOver(made);
    return made;
  };
  for (const line of ["get 'a b' -o x --json", "share a b", "exit", "quit"]) {
    await program().parseAsync(splitWords(line), { from: "user" });
  }
  assertEquals(said, [
    ["get", ["a b"], { clobber: true, output: "x" }, { json: true }],
    ["share", ["a", "b"], {}, {}],
    "exit",
    "exit",
  ]);
  const fault = await program().parseAsync(["lst-peers"], { from: "user" })
    .then(() => undefined, (error) => error);
  assertEquals(fault.message, "unknown command 'lst-peers' (Did you mean list-peers?)");
  await program().parseAsync(["share", "x", "--serve"], { from: "user" })
    .then(() => assert(false), (error) => assert(error instanceof Fault));
});

Deno.test("every command has help with examples", async () => {
  const paths = describeCommands(plainProgram()).map(({ path }) => path.split(" ").slice(1));
  assertEquals(paths.length, 26);
  const helps = await Promise.all(paths.map((path) => shoal([...path, "--help"])));
  for (const { code, stdout, stderr } of helps) {
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^Usage: shoal/);
    assertMatch(stdout, /\nExamples:\n {2}\S/);
  }
  const get = paths.findIndex((path) => path.join(" ") === "peer get");
  assertEquals((await shoal(["peer", "help", "get"])).stdout, helps[get].stdout);
});

Deno.test("the program itself: version, errors, JSON errors", async () => {
  assertEquals(await shoal(["--version"]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
  assertEquals(await shoal(["peer", "shar"]), {
    code: 2,
    stdout: "",
    stderr: "shoal: unknown command 'shar' (Did you mean share?)\nnext: see 'shoal peer --help'\n",
  });
  const { code, stdout, stderr } = await shoal(["peer", "get", "--json"]);
  const message = "missing required argument 'NAME', or --from-file";
  const next = "see 'shoal peer get --help'";
  assertEquals(code, 2);
  assertEquals(JSON.parse(stdout), { error: { code: "usage", exit: 2, message, next } });
  assertStringIncludes(stderr, `shoal: ${message}\n`);
  const env = { SHOAL_JSON: "1", SHOAL_PORT: "x" };
  assertEquals(JSON.parse((await shoal(["peer"], { env })).stdout).error.exit, 2);
});

for (const shell of SHELLS) {
  Deno.test(`the ${shell} completion is a valid script`, async (t) => {
    const ran = await runShell(shell, ["-n"], completionScript(shell, plainProgram()));
    if (ran) assertEquals(ran, { code: 0, text: "" });
    else await t.step({ name: `${shell} is not installed`, ignore: true, fn() {} });
  });
}

Deno.test("bash completes commands, options, values and files", async (t) => {
  const folder = await Deno.makeTempDir();
  await Deno.mkdir(`${folder}/some folder`);
  await Deno.writeTextFile(`${folder}/some * file`, "");
  const table: [string, string[]][] = [
    ["shoal ''", ["bootstrap", "peer", "completion", "help"]],
    ["shoal peer g", ["get"]],
    ["shoal peer --dir X get --o", ["--on-done", "--on-error", "--output", "--overwrite"]],
    ["shoal peer get x --log-level de", ["debug"]],
    ["shoal peer get --log-format = ''", ["text", "json"]],
    ["shoal completion f", ["fish"]],
    ["shoal peer share som", ["some * file", "some folder"]],
    ["shoal peer get x -o som", ["some * file", "some folder"]],
    ["shoal peer --dir som", ["some folder"]],
    ["shoal peer get ''", []],
  ];
  const script = completionScript("bash", plainProgram()) + `cd '${folder}'\n` +
    table.map(([words]) => `
      COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _shoal
      printf '%s|' "\${COMPREPLY[@]}" | sed 's/$/\\n/'`).join("\n");
  const ran = await runShell("bash", [], script);
  await Deno.remove(folder, { recursive: true });
  if (!ran) return void await t.step({ name: "bash is not installed", ignore: true, fn() {} });
  const offered = ran.text.trimEnd().split("\n").map((line) => line.split("|").filter(Boolean));
  for (const [index, [words, expected]] of table.entries()) {
    assertEquals(offered[index].sort(), expected.toSorted(), words);
  }
});

Deno.test("fish completes commands, options, values and files", async (t) => {
  const script = completionScript("fish", plainProgram()) +
    ["peer g", "peer get --ov", "peer --log-level de", "completion z"]
      .map((words) => `complete -C "shoal ${words}" | string split -f1 \\t\n`).join("");
  const ran = await runShell("fish", ["--no-config"], script);
  if (!ran) return void await t.step({ name: "fish is not installed", ignore: true, fn() {} });
  assertEquals(ran.text.trimEnd().split("\n"), ["get", "--overwrite", "debug", "zsh"]);
});

function plainProgram() {
  const nothing = () => Promise.resolve();
  return buildProgram({
    ...{ bootstrap: nothing, newKey: nothing, peer: nothing, verb: nothing, config: nothing },
    completion: nothing,
    ...{ installService: nothing, doctor: nothing },
  });
}

async function* numbers(count: number): AsyncGenerator<string[]> {
  for (let i = 0; i < count; i++) yield await Promise.resolve([String(i)]);
}
