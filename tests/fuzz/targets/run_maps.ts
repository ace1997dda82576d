import { RunMap } from "../../../src/content/run_map.ts";
import { must } from "../allow.ts";
import type { Target } from "../target.ts";

/** A map as it comes over the wire or out of the database, and what is done with it after. */
export const runMaps: Target = {
  name: "run_maps",
  weight: 300,
  // The first two bytes are the number of runs, the next how many bytes of the rest are the map.
  seeds: [
    Uint8Array.of(0, 0, 0),
    Uint8Array.of(8, 0, 1, 0xff, 1, 2, 3),
    Uint8Array.of(9, 0, 2, 0xff, 0xff, 8, 9, 255),
    Uint8Array.of(65, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 65, 66),
  ],
  run(input) {
    const runs = ((input[0] ?? 0) | ((input[1] ?? 0) << 8)) % 2_100;
    const bytes = input.subarray(3, 3 + (input[2] ?? 0));
    const fits = bytes.length === Math.ceil(runs / 8);
    let map: RunMap;
    try {
      map = RunMap.from(runs, bytes);
    } catch (error) {
      must(error instanceof RangeError && !fits, "only a wrong length is refused");
      return;
    }
    must(fits, "a map that is too long or too short is refused");
    const model = new Set<number>();
    for (let run = 0; run < runs; run++) if (bytes[run >> 3] & (1 << (run & 7))) model.add(run);
    must(map.count === model.size, "bits beyond the last run are ignored");
    for (const step of input.subarray(3 + bytes.length, 64 + bytes.length)) {
      const run = (step * 9) % (runs + 9) - 4;
      if (step & 1) must(map.add(run) === (run >= 0 && run < runs && !model.has(run)), "add tells");
      else map.remove(run);
      if (step & 1 && run >= 0 && run < runs) model.add(run);
      else model.delete(run);
      must(map.has(run) === model.has(run), "it has what was added");
    }
    must(map.count === model.size, "it counts right");
    must(map.complete === (model.size === runs), "it knows when it is complete");
    must(RunMap.from(runs, map.bytes()).count === model.size, "its bytes are the same map");
  },
};
