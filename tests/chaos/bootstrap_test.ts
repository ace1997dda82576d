/** Downloads that outlive the bootstrap. */
import { assert, assertEquals } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { contentsOf, eventually } from "../e2e/checks.ts";
import { Program } from "../e2e/program.ts";
import { lastLine, sameFiles } from "../e2e/world.ts";
import { assertBounded, sharer, SIZE, sourceBehind, statusOf, worldWithData } from "./setting.ts";

Deno.test("the bootstrap is killed half-way, and sources are still found through others", async () => {
  await using world = await worldWithData();
  const other = world.adopt(new Program(["bootstrap", "--host", "127.0.0.1", "--port", "0"]));
  const [, elsewhere] = await other.sees(/Bootstrap listening on (\S+)\n/);
  // One source is known at both bootstraps and slow; what stops half-way is the other one.
  const slow = await sharer(world, "slow", {
    args: ["--bootstrap", elsewhere, "--limit-up", "2M"],
  });
  await slow.program.sees(new RegExp(`registered with ${elsewhere}`));
  await using quick = await sourceBehind(world, "quick", { pauseAfter: SIZE / 2 });
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "data", "--json"]);
  await get.meanwhile(quick.proxy.paused);
  await world.bootstrapProgram.stop("SIGKILL");

  // A peer that comes now is known to the other bootstrap alone, and to the source that it asks.
  const newcomer = await world.peer("newcomer", { bootstrap: elsewhere });
  const asked = world.start(newcomer.dir, ["get", "data", "--json"], { bootstrap: elsewhere });
  await eventually("the newcomer serves", async () => {
    return (await statusOf(world, newcomer.dir)).totals.served > 0;
  });
  quick.proxy.resume();
  for (const [program, dir] of [[get, getter.dir], [asked, newcomer.dir]] as const) {
    assertEquals(await program.ended(), 0, program.stderr);
    assert(await sameFiles(slow.file, `${dir}/data`));
    assertEquals(contentsOf(dir), ["data"]);
  }
  const { sources } = JSON.parse(lastLine(get.stdout)) as Receipt;
  const bytesOf = (address: string) => sources.find((one) => one.address === address)?.bytes ?? 0;
  for (const address of [slow.address, quick.proxy.address, newcomer.address]) {
    assert(bytesOf(address) > 0, `nothing came from ${address}`);
  }
  assertEquals(sources.reduce((sum, { bytes }) => sum + bytes, 0), SIZE);
  await assertBounded(getter.program, newcomer.program, slow.program);
});
