/** The choice among publishers of one name, on a terminal. */
import { assert, assertEquals } from "@std/assert";
import type { TrustEntry } from "../../src/peer/api/peer_api.ts";
import { contentsOf } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { World } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";

/** Runs what follows on a pseudo-terminal, and ends as that does. */
const ON_TERMINAL = [
  "python3",
  "-c",
  "import os,pty,sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
];

testUnless(
  lacking("python3"),
  "trust: on a terminal, one can choose; without one, with --json or --quiet nobody is asked",
  async () => {
    await using world = await World.create();
    const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
    await alice.publish("data", "by alice");
    await bob.publish("data", "by bob");
    const dir = await world.folder("getter");
    const onTerminal = { prefix: ON_TERMINAL, stdin: "open" };

    for (const flag of ["--json", "--quiet"]) {
      const unasked = world.start(dir, ["get", "data", flag], onTerminal);
      assertEquals(await unasked.ended(), 8);
      assert(!unasked.stdout.includes("Which one?"), unasked.stdout);
    }
    const declined = world.start(dir, ["get", "data"], onTerminal);
    await declined.sees(/Which one\? \[1-2, or nothing to leave it\]/);
    await declined.type("");
    assertEquals(await declined.ended(), 8);
    const wrong = world.start(dir, ["get", "data"], onTerminal);
    await wrong.sees(/Which one\?/);
    await wrong.type("3");
    assertEquals(await wrong.ended(), 8);
    assertEquals(contentsOf(dir), []);

    const program = world.start(dir, ["get", "data"], onTerminal);
    await program.sees(/Which one\?/);
    const row = new RegExp(`(\\d)\\) +[0-9a-f]{12} +${bob.key.slice(0, 12)} `);
    const [, number] = await program.sees(row);
    await program.type(number);
    assertEquals(await program.ended(), 0, program.stdout);
    assertEquals(await Deno.readTextFile(`${dir}/data`), "by bob");
    const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
    assertEquals([entry.publisher, entry.how], [bob.key, "first"], "who was chosen is remembered");
  },
);

testUnless(
  lacking("python3"),
  "trust: in a peer's shell on a terminal, one can choose, too",
  async () => {
    await using world = await World.create();
    const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
    await alice.publish("data", "by alice");
    await bob.publish("data", "by bob");
    const dir = await world.folder("shell");
    const words = ["--host", "127.0.0.1", "--port", "0"];
    const shell = world.start(dir, words, { prefix: ON_TERMINAL, stdin: "open" });
    await shell.sees(/registered with/);
    await shell.type("get data");
    await shell.sees(/Which one\?/);
    const [, number] = await shell.sees(
      new RegExp(`(\\d)\\) +[0-9a-f]{12} +${alice.key.slice(0, 12)} `),
    );
    await shell.type(number);
    await shell.sees(/data {2}8 B {2}in .* from 1 source/);
    assertEquals(await Deno.readTextFile(`${dir}/data`), "by alice");
    await shell.type("trust list");
    await shell.sees(new RegExp(`${alice.key.slice(0, 12)} +first .* data`));
    await shell.type("exit");
    assertEquals(await shell.ended(), 0);
  },
);
