import { PieceMap } from "../../../src/content/piece_map.ts";
import { must } from "../allow.ts";
import type { Target } from "../target.ts";

/** A map as it comes over the wire or out of the database, and what is done with it after. */
export const pieceMaps: Target = {
  name: "piece_maps",
  weight: 300,
  // The first two bytes are the number of pieces, the next how many bytes of the rest are the map.
  seeds: [
    Uint8Array.of(0, 0, 0),
    Uint8Array.of(8, 0, 1, 0xff, 1, 2, 3),
    Uint8Array.of(9, 0, 2, 0xff, 0xff, 8, 9, 255),
    Uint8Array.of(65, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 64, 65, 66),
  ],
  run(input) {
    const pieces = ((input[0] ?? 0) | ((input[1] ?? 0) << 8)) % 2_100;
    const bytes = input.subarray(3, 3 + (input[2] ?? 0));
    const fits = bytes.length === Math.ceil(pieces / 8);
    let map: PieceMap;
    try {
      map = PieceMap.from(pieces, bytes);
    } catch (error) {
      must(error instanceof RangeError && !fits, "only a wrong length is refused");
      return;
    }
    must(fits, "a map that is too long or too short is refused");
    const model = new Set<number>();
    for (let piece = 0; piece < pieces; piece++) {
      if (bytes[piece >> 3] & (1 << (piece & 7))) model.add(piece);
    }
    must(map.count === model.size, "bits beyond the last piece are ignored");
    for (const step of input.subarray(3 + bytes.length, 64 + bytes.length)) {
      const piece = (step * 9) % (pieces + 9) - 4;
      if (step & 1) {
        must(map.add(piece) === (piece >= 0 && piece < pieces && !model.has(piece)), "add tells");
      } else map.remove(piece);
      if (step & 1 && piece >= 0 && piece < pieces) model.add(piece);
      else model.delete(piece);
      must(map.has(piece) === model.has(piece), "it has what was added");
    }
    must(map.count === model.size, "it counts right");
    must(map.complete === (model.size === pieces), "it knows when it is complete");
    must(PieceMap.from(pieces, map.bytes()).count === model.size, "its bytes are the same map");
  },
};
