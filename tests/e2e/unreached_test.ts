/** Messages of a download that reaches no source. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { World, writeRandom } from "./world.ts";

Deno.test("an only source that can't be reached: within 15 s, each way is named with why it failed", async () => {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  await writeRandom(`${sharer.dir}/talk.bin`, 100_000);
  await world.json(sharer.dir, ["share", "talk.bin"]);
  // It is listed still, and says nothing more.
  await sharer.program.stop("SIGKILL");
  const begun = performance.now();
  const { code, stderr } = await world.run(await world.folder("fetcher"), ["get", "talk.bin"], {
    env: { SHOAL_WAIT: "" },
  });
  assertEquals(code, 4, stderr);
  // The rest is the program's start.
  assertLess(performance.now() - begun, 25_000);
  assert(/in this network \(127\.0\.0\.1:\d+\): connection refused/.test(stderr), stderr);
  // The binary's runtime can't punch, which is a reason of its own.
  for (const way of ["by having it call", "by hole punching", "through a relay"]) {
    assert(stderr.includes(way), stderr);
  }
  assert(stderr.includes("it keeps no connection to this peer's bootstraps"), stderr);
  assert(stderr.includes("next: forward or open a port"), stderr);
});
