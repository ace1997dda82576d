/** The command line as scripts see it: words, outputs and exit codes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PeerStatus, Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { closedPort } from "../support/sockets.ts";
import { assertRefused, contentsOf } from "./checks.ts";
import { HostilePeer, offerOf, serving } from "./hostile_peer.ts";
import type { BuildFacts } from "../../src/version.ts";
import { programWords, shoal, shoalJson } from "./program.ts";
import { lastLine, World, writeRandom } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

Deno.test("options of the peer stand before a verb or after it", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 1_000);
  const common = [
    "--dir",
    source.dir,
    "--bootstrap",
    world.bootstrap,
    "--json",
    "--log-level",
    "off",
  ];
  const verbs = [
    ["share", "data"],
    ["list-peers"],
    ["list-files", "d*"],
    ["status"],
    ["get", "data"],
    ["unshare", "data"],
  ];
  for (const words of verbs) {
    const before = await shoal(["peer", ...common, ...words]);
    assertEquals([before.code, before.stderr], [0, ""], words[0]);
    const value = ({ stdout }: { stdout: string }) =>
      JSON.parse(words[0] === "get" ? lastLine(stdout) : stdout);
    assert(value(before), words[0]);
    if (words[0] === "unshare") await world.json(source.dir, ["share", "data"]);
    const after = await shoal(["peer", ...words, ...common]);
    assertEquals([after.code, after.stderr], [0, ""], words[0]);
    assertEquals(Object.keys(value(after)), Object.keys(value(before)));
  }
});

Deno.test("the environment stands in for options, and a flag beats it", async () => {
  await using world = await World.create();
  const dir = await world.folder("dir");
  const other = await world.folder("other");
  const nobody = `127.0.0.1:${closedPort()}`;
  const env = { SHOAL_DIR: dir, SHOAL_BOOTSTRAP: world.bootstrap, SHOAL_JSON: "1" };
  const status = await shoal(["peer", "status"], { env });
  const read = JSON.parse(status.stdout) as PeerStatus;
  assertEquals([read.dir, read.bootstraps[0].address], [dir, world.bootstrap]);
  const flagged = await shoalJson<PeerStatus>(["peer", "status", "--dir", other], { env });
  assertEquals([flagged.dir, flagged.bootstraps[0].address], [other, world.bootstrap]);

  assertEquals((await shoal(["peer", "list-peers"], { env })).stdout, "[]\n");
  const wrong = { ...env, SHOAL_BOOTSTRAP: nobody };
  assertEquals((await shoal(["peer", "list-peers"], { env: wrong })).code, 4);
  const right = await shoal(["peer", "list-peers", "--bootstrap", world.bootstrap], { env: wrong });
  assertEquals([right.code, right.stdout], [0, "[]\n"]);
  const both = `${nobody},${world.bootstrap}`;
  assertEquals(await shoalJson(["peer", "list-peers", "--bootstrap", both]), []);
  assertEquals((await shoal(["peer", "status"], { env: { ...env, SHOAL_JSON: "0" } })).code, 0);
  assertRefused(await shoal(["peer", "status"], { env: { SHOAL_QUIET: "perhaps" } }), {
    code: 2,
    text: "SHOAL_QUIET must be 1 or 0",
    hint: true,
  });
  const port = await shoal(["bootstrap"], { env: { SHOAL_PORT: "no" } });
  assertRefused(port, { code: 2, hint: true });
});

Deno.test("--quiet says nothing that is no result, --json one value and nothing else", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 1_000);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("getter");
  assertEquals(await world.run(dir, ["get", "data", "--quiet"]), {
    code: 0,
    stdout: "",
    stderr: "",
  });
  const both = await world.run(dir, ["get", "data", "--quiet", "--json"]);
  assertEquals(both.stderr, "");
  assertEquals((JSON.parse(lastLine(both.stdout)) as Receipt).up_to_date, true);
  const told = await world.run(dir, ["get", "data", "-o", "copy"], { cwd: dir });
  assertMatch(
    told.stdout,
    /^data {2}1000 B {2}in .* {2}from 1 source {2}id [0-9a-f]{12} {2}\/.*\/copy\n$/,
  );
  assertEquals(told.stderr, "", "no progress without a terminal");

  const refused = await world.run(dir, ["get", "nothing", "--quiet"]);
  assertRefused(refused, { code: 3, text: "no peer in the swarm has it" });
  const asJson = await world.run(dir, ["get", "nothing", "--json"]);
  const message = 'Cannot get "nothing": no peer in the swarm has it';
  const { error: { next, ...error } } = JSON.parse(asJson.stdout);
  assertEquals(error, { code: "not_found", exit: 3, message });
  assertEquals(asJson.stderr, `shoal: ${message}\nnext: ${next}\n`);

  // Several shares, of which one fails: the others are shared, the code tells.
  await writeRandom(`${dir}/one`, 10);
  await writeRandom(`${dir}/two`, 10);
  const mixed = await world.run(dir, ["share", "one", "missing", "two", "--json"]);
  const [one, missing, two] = JSON.parse(mixed.stdout) as (ShareResult & { error?: unknown })[];
  assertEquals([mixed.code, one.name, missing.name, two.name], [2, "one", "missing", "two"]);
  assertEquals((missing.error as { code: string }).code, "usage");
});

Deno.test("each exit code of the table, provoked", async (t) => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 100_000);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("dir");
  const code = async (args: string[], options = {}) => {
    const { code, stdout } = await world.run(dir, [...args, "--json"], options);
    const { error } = JSON.parse(lastLine(stdout));
    if (error) assertEquals(error.exit, code);
    return [code, error?.code];
  };
  await t.step("0 done", async () => {
    assertEquals(await code(["get", "data"]), [0, undefined]);
    assertEquals(await code(["get", "data"]), [0, undefined]);
  });
  await t.step("2 usage", async () => {
    assertEquals(await code(["get", "../data"]), [2, "usage"]);
    assertEquals(await code(["get"]), [2, "usage"]);
  });
  await t.step("3 no such name", async () => {
    assertEquals(await code(["get", "nothing"]), [3, "not_found"]);
    assertEquals(await code(["unshare", "nothing"]), [3, "not_found"]);
  });
  await t.step("4 network", async () => {
    const args = ["peer", "get", "x", "--json", "--dir", dir, "--bootstrap"];
    const away = await shoal([...args, `127.0.0.1:${closedPort()}`]);
    assertEquals([away.code, JSON.parse(lastLine(away.stdout)).error.code], [4, "network"]);
  });
  await t.step("5 integrity", async () => {
    const content = crypto.getRandomValues(new Uint8Array(1_000));
    const flipped = content.map((byte) => byte ^ 1);
    await using _liar = await HostilePeer.create(
      world.bootstrap,
      offerOf("lie", content),
      serving(
        content,
        ({ action }, honest) =>
          action === "get_chunks"
            ? new Uint8Array([...honest.slice(0, -1_000), ...flipped])
            : honest,
      ),
    );
    assertEquals(await code(["get", "lie"]), [5, "integrity"]);
  });
  await t.step("6 the destination differs", async () => {
    await Deno.writeTextFile(`${dir}/other`, "other");
    assertEquals(await code(["get", "data", "-o", `${dir}/other`]), [6, "destination"]);
  });
  await t.step("7 disk", async () => {
    await Deno.mkdir(`${dir}/damaged`);
    await world.json(`${dir}/damaged`, ["status"]);
    await Deno.writeTextFile(`${dir}/damaged/.shoal/state.db`, "no database".repeat(1_000));
    const { code, stdout } = await world.run(`${dir}/damaged`, ["get", "data", "--json"]);
    assertEquals([code, JSON.parse(lastLine(stdout)).error.code], [7, "disk"]);
  });
  await t.step("10 another process holds DIR", async () => {
    const args = ["peer", "0", "--json", "--dir", source.dir, ...world.options()];
    const { code, stdout } = await shoal(args);
    assertEquals([code, JSON.parse(lastLine(stdout)).error.code], [10, "held"]);
  });
  // 8 is in swarm_test.ts, 130 and 143 in signals_test.ts, 141 in stream_test.ts.
});

Deno.test("mistyped words are answered with what may have been meant", async () => {
  const cases: [string[], string][] = [
    [["per"], "(Did you mean peer?)"],
    [["peer", "lst-files"], "(Did you mean list-files?)"],
    [["peer", "get", "x", "--overwrit"], "(Did you mean --overwrite?)"],
    [["bootstrap", "--prt", "1"], "(Did you mean --port?)"],
  ];
  for (const [args, text] of cases) assertRefused(await shoal(args), { code: 2, text, hint: true });
  for (const args of [[], ["peer", "get"], ["peer", "share"], ["completion", "tcsh"]]) {
    assertRefused(await shoal(args), { code: 2, hint: true });
  }
});

Deno.test("help at every level has examples, and the version is a version", async () => {
  const verbs = ["share", "get", "list-peers", "list-files", "status", "unshare"];
  const levels = [
    [],
    ["bootstrap"],
    ["peer"],
    ["completion"],
    ...verbs.map((verb) => ["peer", verb]),
  ];
  for (const words of levels) {
    const { code, stdout, stderr } = await shoal([...words, "--help"]);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, `Usage: ${["shoal", ...words].join(" ")}`);
    assertMatch(stdout, /\nExamples:\n {2}/);
    const [last] = words.slice(-1);
    if (last) assertEquals((await shoal(["help", ...words.slice(0, 1)])).code, 0);
  }
  assertEquals(
    (await shoal(["peer", "help", "get"])).stdout.split("\n")[0].slice(0, 21),
    "Usage: shoal peer get",
  );
  for (const flag of ["--version", "-V"]) {
    const { code, stdout } = await shoal([flag]);
    assertEquals(code, 0);
    assertMatch(stdout, /^\d+\.\d+\.\d+\S*\n$/);
  }
  const facts = await shoalJson<BuildFacts>(["--version"]);
  assertMatch(facts.version, /^\d+\.\d+\.\d+$/);
  assertMatch(facts.runtime, /^deno \d+\.\d+\.\d+$/);
  assertEquals(facts.target, Deno.build.target);
  if (Deno.env.has("SHOAL_BIN")) assertMatch(facts.commit ?? "", /^[0-9a-f]{40}(-dirty)?$/);
  else assertEquals(facts.commit, null);
});

testUnless(
  lacking("bash"),
  "without a terminal nothing prompts, and standard input is left alone",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    assert(!/shoal>|help/.test(source.program.stdout + source.program.stderr));
    await writeRandom(`${source.dir}/data`, 1_000);
    await world.json(source.dir, ["share", "data"]);
    const dir = await world.folder("getter");
    await Deno.writeTextFile(`${dir}/data`, "mine");
    const answered = await world.run(dir, ["get", "data"], { stdin: "yes\ny\n" });
    assertRefused(answered, { code: 6 });
    // `while read` in a script goes on after the verb: it has taken none of the lines.
    const loop = await outputOf("bash", {
      args: ["-c", 'printf "a\\nb\\n" | while read line; do "$0" "$@" >&2; echo "$line"; done']
        .concat(
          [...programWords(), "peer", "status", "--dir", dir],
        ),
    });
    assertEquals(new TextDecoder().decode(loop.stdout), "a\nb\n");
    assertEquals(contentsOf(dir), ["data"]);
  },
);
