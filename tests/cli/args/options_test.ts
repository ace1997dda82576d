import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type PeerFlags, settingsOf } from "../../../src/cli/args/options.ts";
import { settleEnvironment } from "../../../src/cli/args/settle_environment.ts";
import { buildProgram } from "../../../src/cli/program/program.ts";
import { buildShellProgram } from "../../../src/cli/shell/shell_program.ts";
import { splitWords } from "../../../src/cli/args/split_words.ts";
import { takeOver } from "../../../src/cli/output/usage.ts";
import { Fault } from "../../../src/fault.ts";
import { parseAddress, parsePort } from "../../../src/peer/api/settings.ts";

const ID = "1a2b3c4d".repeat(8);

/** The result of a command line. */
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
    config: (what, flags) => keep(`config ${what}`, flags),
    completion: (shell) => keep(`completion ${shell}`, {}),
    installService: (parent, words, flags) => {
      return keep(`${parent.name()} install-service ${words.join(" ")}`.trim(), flags);
    },
    doctor: (flags) => keep("doctor", flags),
    adoptState: (peer, flags) => keep("adopt-state", peer, [], flags),
    send: (paths, peer, flags) => keep("send", peer, paths, flags),
    receive: (code, peer, flags) => keep("receive", peer, code === undefined ? [] : [code], flags),
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
    host: "*",
    port: 10000,
    advertise: undefined,
    labels: undefined,
    limitUp: undefined,
    swarmKey: undefined,
    relay: undefined,
    encrypt: undefined,
    lan: true,
    limitDown: undefined,
    uploadSlots: 16,
    unsigned: undefined,
  });
  const bootstrap = await parse("bootstrap");
  assertEquals([bootstrap.flags.host, bootstrap.flags.port], ["*", 8000]);
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
    [
      "peer list-peers x",
      "too many arguments for 'list-peers'. Expected 0 arguments but got 1: x.",
      "shoal peer list-peers",
    ],
    [
      "peer trust forget a b",
      "too many arguments for 'forget'. Expected 1 argument but got 2: a, b.",
      "shoal peer trust forget",
    ],
    [
      "peer config path x",
      "too many arguments for 'path'. Expected 0 arguments but got 1: x.",
      "shoal peer config path",
    ],
    [
      "peer doctor x y",
      "too many arguments for 'doctor'. Expected 0 arguments but got 2: x, y.",
      "shoal peer doctor",
    ],
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
