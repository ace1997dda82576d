import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { RUN_SIZE, runCount, RunMap } from "../../src/content/run_map.ts";

const BOUNDARIES = [0, 1, 7, 8, 9, 15, 16, 17, 255, 256, 257];

Deno.test("run map: as many runs as a size needs, the last one shorter", () => {
  const table: [size: number, runs: number][] = [
    [0, 0],
    [1, 1],
    [RUN_SIZE - 1, 1],
    [RUN_SIZE, 1],
    [RUN_SIZE + 1, 2],
    [2 ** 53 - 1, 2 ** 35],
  ];
  for (const [size, runs] of table) assertEquals(runCount(size), runs, `${size} bytes`);
});

Deno.test("run map: empty, full, and one byte for eight runs", () => {
  for (const runs of BOUNDARIES) {
    const empty = new RunMap(runs);
    const full = RunMap.full(runs);
    assertEquals([empty.count, full.count], [0, runs]);
    assertEquals([empty.complete, full.complete], [runs === 0, true]);
    for (const map of [empty, full]) assertEquals(map.bytes().length, Math.ceil(runs / 8));
    for (let run = 0; run < runs; run++) assert(!empty.has(run) && full.has(run));
  }
});

Deno.test("run map: the lowest bit comes first", () => {
  const map = new RunMap(12);
  for (const run of [0, 3, 8, 11]) map.add(run);
  assertEquals(map.bytes(), new Uint8Array([0b0000_1001, 0b0000_1001]));
});

Deno.test("run map: there are no runs beyond the last one, nor before the first", () => {
  for (const runs of BOUNDARIES) {
    const map = RunMap.full(runs);
    for (const run of [-1, runs, runs + 1, runs + 8, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      assertEquals([map.has(run), map.add(run)], [false, false], `run ${run} of ${runs}`);
      map.remove(run);
      assertEquals(map.count, runs);
    }
  }
});

Deno.test("run map: bits beyond the last run are ignored", () => {
  for (const runs of BOUNDARIES) {
    const ones = new Uint8Array(Math.ceil(runs / 8)).fill(0xff);
    const map = RunMap.from(runs, ones);
    assertEquals([map.count, map.complete], [runs, true]);
    if (runs % 8 > 0) assertEquals(map.bytes().at(-1), 2 ** (runs % 8) - 1);
    assertEquals(map.bytes(), RunMap.full(runs).bytes());
  }
});

Deno.test("run map: bytes of a wrong length are refused", () => {
  for (const runs of BOUNDARIES) {
    for (const off of [-1, 1]) {
      const length = Math.ceil(runs / 8) + off;
      if (length < 0) continue;
      const what = `a map of ${runs} runs has ${length - off} bytes, not ${length}`;
      assertThrows(() => RunMap.from(runs, new Uint8Array(length)), RangeError, what);
    }
  }
});

Deno.test("run map: bytes are copied, coming and going", () => {
  const bytes = new Uint8Array([1]);
  const map = RunMap.from(8, bytes);
  bytes[0] = 255;
  map.bytes()[0] = 255;
  assertEquals([map.count, map.bytes()], [1, new Uint8Array([1])]);
});

Deno.test("run map: whatever is added and removed, it is what a set would be", () => {
  const change = fc.record({ run: fc.integer({ min: -2, max: 70 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.nat({ max: 65 }), fc.array(change, { size: "large" }), (runs, changes) => {
      const map = new RunMap(runs);
      const model = new Set<number>();
      for (const { run, add } of changes) {
        if (add) {
          const isNew = run >= 0 && run < runs && !model.has(run);
          assertEquals(map.add(run), isNew);
          if (isNew) model.add(run);
        } else {
          map.remove(run);
          model.delete(run);
        }
      }
      for (const same of [map, RunMap.from(runs, map.bytes())]) {
        assertEquals(same.count, model.size);
        assertEquals(same.complete, model.size === runs);
        for (let run = -2; run <= 70; run++) assertEquals(same.has(run), model.has(run));
      }
    }),
  );
});
