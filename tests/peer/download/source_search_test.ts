import assert from "node:assert/strict";
import { SourceSearch } from "../../../src/peer/download/source_search.ts";

/** A search among strings, each look of which is ended by hand, with the clock in `at`. */
function searchAt(options: { eager?: boolean } = {}) {
  const looks: PromiseWithResolvers<void>[] = [];
  const told: string[][] = [];
  const pool = { connected: [] as string[] };
  const state = { at: 0, looks, told, pool };
  const search = new SourceSearch<string>({
    ...options,
    pool,
    now: () => state.at,
    find: (connected, found) => {
      found([`beside ${connected.length}`]);
      looks.push(Promise.withResolvers());
      return looks.at(-1)!.promise;
    },
    found: (sources) => told.push(sources),
  });
  /** Number of looks once the clock stands at `ms`. */
  const looksAt = (ms: number) => {
    state.at = ms;
    search.tick();
    return looks.length;
  };
  return { ...state, looksAt };
}

/** Lets what waits for a promise that has just been settled run. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

Deno.test("source search: what a look finds is told at once", () => {
  const { looksAt, told, pool } = searchAt();
  pool.connected.push("one");
  looksAt(2_000);
  assert.deepEqual(told, [["beside 1"]]);
});

Deno.test("source search: without sources every 2 s, with some every 15 s, from the end of a look", async () => {
  const { looksAt, looks, pool } = searchAt();
  assert.equal(looksAt(1_999), 0);
  assert.equal(looksAt(2_000), 1);
  assert.equal(looksAt(9_000), 1, "the first is still under way");
  looks[0].resolve();
  await settled();
  assert.equal(looksAt(10_999), 1);
  assert.equal(looksAt(11_000), 2);
  pool.connected.push("one");
  looks[1].resolve();
  await settled();
  assert.equal(looksAt(25_999), 2);
  assert.equal(looksAt(26_000), 3);
});

Deno.test("source search: a look that fails is followed by the next", async () => {
  const { looksAt, looks } = searchAt();
  looksAt(2_000);
  looks[0].reject(new Error("the bootstrap is away"));
  await settled();
  assert.equal(looksAt(4_000), 2);
});

Deno.test("source search: an eager one looks every 300 ms for 5 s, then ever more seldom", async () => {
  const { looksAt, looks, pool } = searchAt({ eager: true });
  pool.connected.push("one");
  const times: number[] = [];
  for (let at = 0; at <= 40_000; at += 100) {
    const before = looks.length;
    if (looksAt(at) === before) continue;
    times.push(at);
    looks[before].resolve();
    await settled();
  }
  assert.deepEqual(times.slice(0, 3), [300, 600, 900]);
  const pauses = times.slice(1).map((time, index) => time - times[index]);
  assert.deepEqual(pauses.filter((pause) => pause > 300), [
    600,
    1_200,
    2_400,
    4_800,
    9_600,
    15_000,
  ]);
});
