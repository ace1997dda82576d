import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { sameFiles } from "../../tests/e2e/world.ts";
import { sharer, worldWithData } from "../../tests/chaos/setting.ts";

const MIB = 1 << 20;
/** Bytes, and bytes per second of each source: the two together take more than ten seconds. */
const SIZE = 512 * MIB;
const RATE = 20 * MIB;

/** The gain by a second source of the same rate. */
export async function* secondSource(): AsyncGenerator<string> {
  await using world = await worldWithData(SIZE);
  const limit = ["--limit-up", String(RATE)];
  yield `sources: ${SIZE / MIB} MiB from sources that send ${RATE / MIB} MiB/s each`;
  const rates: number[] = [];
  for (const name of ["one", "two"]) {
    await sharer(world, name, { args: limit });
    const dir = await world.folder(`from ${name}`);
    const { rate, sources } = await world.json<Receipt>(dir, ["get", "data"]);
    if (!await sameFiles(`${world.root}/data`, `${dir}/data`)) throw new Error(`${dir} differs`);
    rates.push(rate);
    yield `  from ${sources.length}: ${(rate / MIB).toFixed(1)} MiB/s`;
    await Deno.remove(dir, { recursive: true });
  }
  yield `  with the second ${(rates[1] / rates[0]).toFixed(2)} x as fast (goal: at least 1.9 x)`;
}
