/** The versions of a name that peers have: `peer holders`, `peer wait` and labels, on the real program. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ListedPeer, ListedSource } from "../../src/peer/api/peer_api.ts";
import { patterned } from "../support/bytes.ts";
import { eventually } from "./checks.ts";
import { shoal } from "./program.ts";
import { World } from "./world.ts";

Deno.test("holders and wait: who has the newest version, who an old one, who a part", async () => {
  await using world = await World.create();
  const ask = await world.folder("ask");
  assertEquals((await world.run(ask, ["holders", "x.bin"])).stderr, "No peer has that name.\n");
  const first = await world.peer("first", { args: ["--label", "site=berlin,role=source"] });
  await Deno.writeFile(`${first.dir}/x.bin`, patterned(24 << 20));
  await world.json(first.dir, ["share", "x.bin"]);
  const second = await world.peer("second", { args: ["--label", "site=oslo"] });
  await world.json(second.dir, ["get", "x.bin"]);

  const peers = await world.json<ListedPeer[]>(ask, ["list-peers"]);
  const byPort = (address: string) => peers.find(({ port }) => address.endsWith(`:${port}`))!;
  assertEquals(byPort(first.address).labels, { site: "berlin", role: "source" });
  assertMatch((await world.run(ask, ["list-peers"])).stdout, /LABELS[^]*site=oslo/);
  const here = byPort(first.address).peer!;
  const there = byPort(second.address).peer!;

  const all = ["wait", "x.bin", "--deadline", "20s"];
  assertEquals((await world.run(ask, [...all, "--holders", "2"])).code, 0);
  // Whether a peer runs for DIR or not, the answer is the same.
  for (const dir of [ask, second.dir]) {
    const sources = await world.json<ListedSource[]>(dir, ["holders", "x.bin"]);
    const told = sources.map(({ peer, newest, progress }) => [peer, newest, progress]);
    assertEquals(told.sort(), [[here, true, 1], [there, true, 1]].sort());
  }

  // A newer version, which the second fetches very slowly.
  await Deno.writeFile(`${first.dir}/x.bin`, patterned(24 << 20, 2));
  await world.json(first.dir, ["share", "x.bin"]);
  await eventually("the old version is one", async () => {
    const sources = await world.json<ListedSource[]>(ask, ["holders", "x.bin"]);
    return sources.some(({ peer, newest }) => peer === there && !newest);
  });
  const list = `${ask}/peers.txt`;
  await Deno.writeTextFile(list, `# the fleet\n${here}\nsite=oslo # the office\n`);
  const short = ["wait", "x.bin", "--peers", list, "--deadline", "1s"];
  const late = await world.run(ask, short);
  assertEquals(late.code, 9);
  assertMatch(late.stderr, /the deadline passed: 1 of 2 have it, and not site=oslo/);
  const error = JSON.parse((await world.run(ask, [...short, "--json"])).stdout);
  assertEquals(error.error.exit, 9);

  const getting = world.start(second.dir, ["get", "x.bin", "--overwrite", "--limit-down", "3M"]);
  const part = await eventually("a part is there", async () => {
    const sources = await world.json<ListedSource[]>(ask, ["holders", "x.bin"]);
    return sources.find(({ peer, newest, progress }) =>
      peer === there && newest && progress !== null && progress > 0 && progress < 1
    );
  });
  assert(part.progress! > 0);
  const patient = ["wait", "x.bin", "--peers", list, "--deadline", "60s", "--json"];
  const waiting = world.start(ask, patient);
  assertEquals(await getting.ended(), 0);
  assertEquals(await waiting.ended(), 0);
  assertEquals(JSON.parse(waiting.stdout), { name: "x.bin", present: 2, wanted: 2, missing: [] });
});

Deno.test("holders, wait and labels: bad input is an error that says what is wrong", async () => {
  await using world = await World.create();
  const dir = await world.folder("d");
  const list = `${dir}/list`;
  const wrong: [string[], RegExp][] = [
    [["wait", "x"], /not said for whom/],
    [["wait", "x", "--holders", "0"], /1 or more/],
    [["wait", "x", "--holders", "many"], /1 or more/],
    [["wait", "x", "--holders", "2", "--peers", list], /cannot be used with/],
    [["wait", "x", "--peers", `${dir}/missing`], /Cannot read the peers/],
    [["wait", "x", "--peers", dir], /Cannot read the peers/],
    [["wait", "x", "--peers", list], /is no peer id and no KEY=VALUE/],
    [["wait", "x", "--holders", "1", "--deadline", "soon"], /deadline/],
    [["holders"], /missing required argument/],
  ];
  await Deno.writeTextFile(list, "deadbeef\n");
  for (const [args, says] of wrong) {
    const { code, stdout, stderr } = await world.run(dir, args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertMatch(stderr, says);
  }
  for (
    const label of ["", "berlin", "=x", "site=", "Site=x", "a=b\x1b[31m", "k=" + "v".repeat(65)]
  ) {
    const { code, stderr } = await shoal(["peer", "0", "--dir", dir, "--label", label]);
    assertEquals(code, 2, label);
    assert(!stderr.includes("\x1b"), stderr);
  }
  const many = Array.from({ length: 9 }, (_, n) => `k${n}=v`).join(",");
  assertMatch(
    (await shoal(["peer", "0", "--dir", dir, "--label", many])).stderr,
    /at most 8 labels/,
  );
});
