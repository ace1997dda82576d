import { assert, assertEquals } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { contentsOf, placedIn } from "../e2e/checks.ts";
import { lastLine, sameFiles, type World } from "../e2e/world.ts";
import { CHUNK, type Sharer, statusOf } from "./setting.ts";

/** Longest that a download runs before it is killed, in milliseconds. */
const RUN_MS = 2_000;

/**
 * Downloads the file of size `size` into the folder `dir` and kills the download, at random
 * moments, so many times; a file that is complete before that is checked, and fetched anew. Then
 * lets one download end, and returns the cost of each kill: bytes that the source, which has no
 * other requester, had sent and the folder did not keep.
 */
export async function killAgainAndAgain(
  world: World,
  { source, dir, size, kills }: { source: Sharer; dir: string; size: number; kills: number },
): Promise<number[]> {
  const costs: number[] = [];
  const before = { served: 0, kept: 0 };
  while (costs.length < kills) {
    const get = world.start(dir, ["get", "data", "--json"]);
    const ended = await Promise.race([
      get.ended(),
      new Promise<void>((resolve) => setTimeout(resolve, Math.random() * RUN_MS)),
    ]);
    const killed = ended === undefined;
    if (killed) {
      await get.stop("SIGKILL");
    } else {
      assertEquals(ended, 0, get.stderr);
      const { reused, fetched, refetched } = (JSON.parse(lastLine(get.stdout)) as Receipt).chunks;
      assertEquals([reused + fetched, refetched], [Math.ceil(size / CHUNK), 0]);
    }
    const whole = placedIn(dir).includes("data");
    if (whole) assert(await sameFiles(source.file, `${dir}/data`), "the final name means whole");
    const { partials } = await statusOf(world, dir);
    const kept = whole ? size : partials[0]?.bytes ?? 0;
    const { totals: { served } } = await statusOf(world, source.dir);
    if (killed) costs.push(served - before.served - (kept - before.kept));
    Object.assign(before, { served, kept: whole ? 0 : kept });
    if (whole) {
      assertEquals(contentsOf(dir), ["data"], "no partial is left");
      await Deno.remove(`${dir}/data`);
    }
  }
  const last = await world.json<Receipt>(dir, ["get", "data"]);
  assert(await sameFiles(source.file, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
  assertEquals(last.chunks.reused, before.kept / CHUNK);
  assertEquals((await statusOf(world, dir)).partials, []);
  return costs;
}
