import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXIT, exitCodeOf } from "../../src/cli/output/exit_code.ts";
import { ClosedOutput } from "../../src/cli/output/output.ts";
import { commandPath, takeOver, walkCommands } from "../../src/cli/output/usage.ts";
import { Fault, type FaultKind } from "../../src/fault.ts";
import { VERSION } from "../../src/version.ts";
import { shoal } from "../e2e/program.ts";
import { plainProgram } from "../../src/cli/program/plain_program.ts";

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

Deno.test("every command has help with examples", async () => {
  const paths = [...walkCommands(plainProgram())].map((command) =>
    commandPath(command).split(" ").slice(1)
  );
  assert(paths.length > 25);
  const helps = await Promise.all(paths.map((path) => shoal([...path, "--help"])));
  for (const { code, stdout, stderr } of helps) {
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^Usage: shoal/);
    assertMatch(stdout, /\nExamples:\n {2}\S/);
  }
  const get = paths.findIndex((path) => path.join(" ") === "peer get");
  assertEquals((await shoal(["peer", "help", "get"])).stdout, helps[get].stdout);
});

Deno.test("help at every level fits 60 columns", async () => {
  const paths = [...walkCommands(plainProgram())].map((command) => commandPath(command).split(" "));
  for (const path of paths) {
    const program = plainProgram();
    const printed = takeOver(program, 60);
    await program.parseAsync([...path.slice(1), "--help"], { from: "user" }).catch(() => {});
    const lines = printed().split("\n");
    assert(lines.length > 5);
    assertEquals(lines.filter((line) => line.length > 60), [], path.join(" "));
  }
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
