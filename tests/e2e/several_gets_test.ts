/** Several gets, updates and cancels at once through one peer: each ends, and what is on disk is right. */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { eventually, partialsOf, placedIn } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { assertSameTree, sharing } from "./trees.ts";

/**
 * Exit codes that a get may end with beside others for the same place; 6 where a part of the folder came
 * first.
 */
const BESIDE = [0, 2, 3, 6, 10];
const SIZE = 3 << 20;

Deno.test("at once: gets of one name to many places, with updates and cancels between them", async () => {
  await using world = await World.create();
  const { dir: source } = await sharing(world);
  await writeRandom(`${source}/data`, SIZE);
  await world.json(source, ["share", "data"]);
  const { dir } = await world.peer("getter");
  await world.json(dir, ["trust", "accept", "tree"]);
  const places = ["a", "b", "c"].map((name) => `${dir}/${name}`);
  const runs = [
    ...places.map((place) => ["get", "data", "-o", place]),
    ["get", "data"],
    ["get", "data", "--update"],
    ["cancel", "data"],
    ["get", "tree"],
    ["get", "tree", "--update", "--delete"],
    ["get", "tree/docs", "-o", `${dir}/docs`],
    ["cancel", "tree"],
    ["get", "tree/large"],
    ["pause", "data"],
    ["get", "data", "--overwrite"],
  ];
  const ended = await Promise.all(runs.map((words) => world.run(dir, words)));
  for (const [index, { code, stderr }] of ended.entries()) {
    assert(BESIDE.includes(code), `${runs[index]!.join(" ")}: ${code} ${stderr}`);
  }
  // Nothing is in anybody's way once all have ended.
  for (const words of [["data"], ["data", "-o", `${dir}/a`], ["tree", "--update", "--delete"]]) {
    const { code, stderr } = await eventually(`get ${words.join(" ")} is free`, async () => {
      const run = await world.run(dir, ["get", ...words]);
      return run.code !== 10 && run;
    });
    assertEquals(code, 0, stderr);
  }
  await assertSameTree(`${dir}/tree`, `${source}/tree`);
  for (const path of ["data", "a", "b", "c"].map((name) => `${dir}/${name}`)) {
    const isThere = await Deno.stat(path).then(() => true, () => false);
    if (isThere) assert(await sameFiles(path, `${source}/data`), path);
  }
  await eventually("nothing is left", async () => {
    const { partials } = await world.json<PeerStatus>(dir, ["status"]);
    return partials.length === 0 && partialsOf(dir).length === 0;
  });
  assert(placedIn(dir).includes("tree/docs/hello.txt"));
});
