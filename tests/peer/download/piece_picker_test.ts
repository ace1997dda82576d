import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { PieceMap } from "../../../src/content/piece_map.ts";
import { PiecePicker, type PiecePickerOptions } from "../../../src/peer/download/piece_picker.ts";

/** A picker whose order is that of the file, unless a test asks for another. */
function pickerOf(pieces: number, options: Partial<PiecePickerOptions<string>> = {}) {
  const map = options.map ?? new PieceMap(pieces);
  // Always the largest number: nothing changes its place.
  const picker = new PiecePicker<string>({
    ...{ map, horizon: () => Infinity, random: () => 1 - Number.EPSILON, now: () => 0 },
    ...options,
  });
  return { map, picker };
}

function mapOf(pieces: number, there: Iterable<number>): PieceMap {
  const map = new PieceMap(pieces);
  for (const piece of there) map.add(piece);
  return map;
}

/** The next piece for a source. */
const one = (picker: PiecePicker<string>, source: string) => picker.take(source)?.first;

/** All that a source can take, one after the other. */
function takeAll(picker: PiecePicker<string>, source: string, most = Infinity): number[] {
  const pieces: number[] = [];
  for (let piece; pieces.length < most && (piece = one(picker, source)) !== undefined;) {
    pieces.push(piece);
  }
  return pieces;
}

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => from + index);

Deno.test("piece picker: each missing piece once, and nothing to somebody unknown", () => {
  for (const pieces of [0, 1, 7, 8, 9, 100]) {
    const { picker, map } = pickerOf(pieces);
    assertEquals(one(picker, "a"), undefined);
    picker.add("a", PieceMap.full(pieces));
    assertEquals(takeAll(picker, "a"), range(0, pieces));
    for (const piece of range(0, pieces)) map.add(piece);
    assertEquals([picker.missing, one(picker, "a")], [0, undefined]);
  }
});

Deno.test("piece picker: what is there is not asked for, and what nobody has neither", () => {
  const { picker, map } = pickerOf(10, { map: mapOf(10, [0, 4, 9]) });
  assertEquals(picker.missing, 7);
  picker.add("a", mapOf(10, [0, 1, 2, 4]));
  assertEquals(takeAll(picker, "a"), [1, 2]);
  map.add(1);
  assertEquals(picker.missing, 6);
});

Deno.test("piece picker: a stretch follows another by chance, and is itself in order", () => {
  const many = 32 * 32 + 16;
  for (const [pieces, stretch] of [[many, 32], [80, 2], [8, 1]] as const) {
    const { picker } = pickerOf(pieces, { random: () => 0 });
    picker.add("a", PieceMap.full(pieces));
    assertEquals(takeAll(picker, "a"), [...range(stretch, pieces), ...range(0, stretch)]);
  }
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (numbers) => {
      const { picker } = pickerOf(many, { random: () => numbers.next().value });
      picker.add("a", PieceMap.full(many));
      const taken = takeAll(picker, "a");
      assertEquals(taken.toSorted((a, b) => a - b), range(0, many));
      for (const [at, piece] of taken.entries()) {
        if (piece % 32 > 0) assertEquals(taken[at - 1], piece - 1);
      }
    }),
    { numRuns: 20 },
  );
});

Deno.test("piece picker: random among equals, so that two downloads begin apart", () => {
  const first = new Set<number>();
  for (let n = 0; n < 16; n++) {
    const { picker } = pickerOf(128, { random: () => n / 16 });
    picker.add("a", PieceMap.full(128));
    first.add(one(picker, "a")!);
  }
  assert(first.size > 1, [...first].join());
});

Deno.test("piece picker: the rarest first, of what stands first in an order made twice a second", () => {
  let now = 0;
  const { picker } = pickerOf(6, { now: () => now });
  picker.add("seed", PieceMap.full(6));
  picker.add("x", mapOf(6, [0, 1, 2, 3]));
  picker.add("y", mapOf(6, [0, 1]));
  assertEquals(takeAll(picker, "seed", 3), [4, 5, 2]);
  picker.add("z", mapOf(6, [0, 3]));
  picker.add("w", mapOf(6, [0, 3]));
  now = 499;
  assertEquals(one(picker, "y"), 1, "0 still stands before 1, but has more holders by now");
  picker.release(1, "y");
  now = 500;
  assertEquals(takeAll(picker, "seed"), [1, 3, 0]);
});

Deno.test("piece picker: what somebody else is sent is left to them for a while", () => {
  let now = 0;
  const { picker } = pickerOf(4, { now: () => now, peer: "00".repeat(32) });
  picker.add("seed", PieceMap.full(4), "aa".repeat(32));
  for (const piece of [0, 2, 2, 3]) picker.promised(piece);
  assertEquals(one(picker, "seed"), 1, "the only one that nobody is sent");
  assertEquals(one(picker, "seed"), 0, "nobody is known who could be asked for it");
  picker.release(0, "seed");
  picker.add("rival", mapOf(4, [2]), "bb".repeat(32));
  assertEquals(one(picker, "seed"), undefined);
  now = 499;
  assertEquals(one(picker, "seed"), undefined);
  now = 500;
  assertEquals(takeAll(picker, "seed").toSorted(), [0, 2, 3], "they were not to be had elsewhere");
});

Deno.test("piece picker: rare is what only those have who have everything, while rivals lack it", () => {
  const { picker } = pickerOf(4, { peer: "00".repeat(32) });
  picker.add("seed", PieceMap.full(4), "aa".repeat(32));
  assertEquals(picker.isRare(0, "seed"), false, "nobody else wants it");
  picker.add("rival", mapOf(4, [1]), "bb".repeat(32));
  picker.promised(2);
  assertEquals(range(0, 4).map((piece) => picker.isRare(piece, "seed")), [
    true,
    false,
    false,
    true,
  ]);
  assertEquals(range(0, 4).some((piece) => picker.isRare(piece, "rival")), false);
});

Deno.test("piece picker: with a piece come those that follow, as far as nothing speaks against it", () => {
  const { picker, map } = pickerOf(16);
  picker.add("seed", PieceMap.full(16));
  picker.add("a", mapOf(16, range(0, 6)));
  picker.add("b", mapOf(16, [0, 1, 4, 5]));
  assertEquals(picker.take("b", 4), { first: 0, end: 2 }, "it has not got 2");
  assertEquals(picker.take("a", 8), { first: 2, end: 4 }, "4 is less rare");
  map.add(9);
  assertEquals(picker.take("seed", 2), { first: 6, end: 8 });
  assertEquals(picker.take("seed", 4), { first: 8, end: 9 }, "9 is there");
  assertEquals(picker.take("seed", 16), { first: 10, end: 16 });
  assertEquals(picker.take("seed", 16), { first: 4, end: 6 });
  assertEquals(picker.take("seed", 16), undefined);
  const ordered = pickerOf(8, { horizon: () => 3 }).picker;
  ordered.add("seed", PieceMap.full(8));
  assertEquals(ordered.take("seed", 8), { first: 0, end: 3 });
});

Deno.test("piece picker: what a rival has is asked of the rival", () => {
  const { picker } = pickerOf(3, { now: () => 0, peer: "00".repeat(32) });
  picker.add("seed", PieceMap.full(3), "aa".repeat(32));
  picker.add("rival", mapOf(3, [0, 1]), "bb".repeat(32));
  assertEquals(takeAll(picker, "seed"), [2]);
  assertEquals(takeAll(picker, "rival").toSorted(), [0, 1]);
});

Deno.test("piece picker: with a horizon, in order and no further", () => {
  let horizon = 3;
  const { picker } = pickerOf(8, { horizon: () => horizon, random: () => 0 });
  picker.add("rare", mapOf(8, [7]));
  picker.add("a", PieceMap.full(8));
  assertEquals([takeAll(picker, "a"), takeAll(picker, "rare")], [[0, 1, 2], []]);
  for (const piece of [2, 0, 1]) picker.release(piece, "a");
  assertEquals(takeAll(picker, "a"), [0, 1, 2], "in order again, whatever comes back first");
  horizon = 5;
  assertEquals(takeAll(picker, "a"), [3, 4]);
  horizon = 8;
  assertEquals([one(picker, "rare"), takeAll(picker, "a", 2)], [7, [5, 6]]);
});

Deno.test("piece picker: what comes back is next, but not for whom it failed", () => {
  const { picker } = pickerOf(10);
  for (const source of ["a", "b"]) picker.add(source, PieceMap.full(10));
  assertEquals(takeAll(picker, "a", 3), [0, 1, 2]);
  picker.release(1, "a");
  assertEquals(one(picker, "a"), 1, "given back without a failure");
  picker.release(1, "a", true);
  assertEquals(one(picker, "a"), 3);
  assertEquals(one(picker, "b"), 1);
  picker.release(1, "b", true);
  assertEquals(one(picker, "a"), 1, "the other one failed since");
});

Deno.test("piece picker: who failed a piece gets it again when no other has it", () => {
  const { picker } = pickerOf(4);
  picker.add("a", PieceMap.full(4));
  picker.add("partial", mapOf(4, [0, 1]));
  assertEquals(takeAll(picker, "a"), [2, 3, 0, 1]);
  for (const piece of [1, 3]) picker.release(piece, "a", true);
  assertEquals(one(picker, "a"), 3, "partial could never bring it");
  assertEquals(one(picker, "a"), undefined, "partial can bring 1");
  picker.remove("partial");
  assertEquals(one(picker, "a"), 1);
});

/** Milliseconds after which others are asked for a piece that is in flight already, at the end. */
const OVERDUE_MS = 2_000;

Deno.test("piece picker: in the endgame, what is overdue is given to one source more", () => {
  let now = 0;
  const { picker, map } = pickerOf(3, { now: () => now });
  for (const source of ["a", "b", "c"]) picker.add(source, PieceMap.full(3));
  picker.add("partial", mapOf(3, [2]));
  assertEquals(takeAll(picker, "a", 2), [0, 1]);
  now = 1;
  assertEquals(one(picker, "a"), 2);
  assertEquals(one(picker, "a"), undefined, "a is asked for everything already");
  now = OVERDUE_MS - 1;
  assertEquals(one(picker, "b"), undefined, "nothing is overdue");
  now = OVERDUE_MS;
  assertEquals([one(picker, "partial"), takeAll(picker, "b")], [undefined, [0, 1]]);
  now = OVERDUE_MS + 1;
  assertEquals(one(picker, "partial"), 2);
  assertEquals(one(picker, "c"), undefined, "two are enough");
  for (const piece of [2, 0]) map.add(piece);
  picker.release(1, "a");
  assertEquals(one(picker, "c"), undefined, "b was only just asked");
  now = 2 * OVERDUE_MS;
  assertEquals(one(picker, "c"), 1);
});

Deno.test("piece picker: sources that stall together don't keep a piece from another", () => {
  let now = 0;
  const { picker } = pickerOf(2, { now: () => now });
  for (const source of ["a", "b", "c", "d"]) picker.add(source, PieceMap.full(2));
  assertEquals(takeAll(picker, "a"), [0, 1]);
  now += OVERDUE_MS;
  assertEquals(one(picker, "b"), 0);
  now += OVERDUE_MS;
  assertEquals(takeAll(picker, "c"), [1], "two are asked for 0, one for 1");
  now += OVERDUE_MS;
  assertEquals(takeAll(picker, "d"), [0], "1 is overdue later");
  now += OVERDUE_MS;
  assertEquals(takeAll(picker, "d"), [1]);
  now += 4 * OVERDUE_MS - 1;
  assertEquals(takeAll(picker, "b"), [], "three are asked for 1");
  now += 1;
  assertEquals(takeAll(picker, "b"), [1]);
});

Deno.test("piece picker: no endgame while somebody has yet to be asked", () => {
  let now = 0;
  const { picker } = pickerOf(2, { now: () => now });
  picker.add("seed", PieceMap.full(2));
  picker.add("partial", mapOf(2, [1]));
  assertEquals(one(picker, "seed"), 0);
  picker.add("other", mapOf(2, [0]));
  now = OVERDUE_MS;
  assertEquals(one(picker, "other"), undefined, "1 is still free");
  assertEquals(one(picker, "partial"), 1);
  assertEquals(one(picker, "other"), 0);
});

Deno.test("piece picker: who goes leaves all that it was asked for to others", () => {
  let now = 0;
  const { picker } = pickerOf(4, { now: () => now });
  for (const source of ["a", "b"]) picker.add(source, PieceMap.full(4));
  assertEquals(takeAll(picker, "a", 3), [0, 1, 2]);
  assertEquals(one(picker, "b"), 3);
  picker.remove("a");
  assertEquals([takeAll(picker, "b").toSorted(), one(picker, "a")], [[0, 1, 2], undefined]);
  picker.remove("a");
  picker.add("a", PieceMap.full(4));
  now = OVERDUE_MS;
  assertEquals(takeAll(picker, "a").length, 4, "the endgame");
});

Deno.test("piece picker: peers that lack the same begin with different pieces, and bring all in time", () => {
  const ids = ["11", "77", "ee"].map((byte) => byte.repeat(32));
  const first = ids.flatMap((peer) => {
    let now = 0;
    const { picker } = pickerOf(48, { peer, now: () => now });
    for (const rival of ids) if (rival !== peer) picker.add(rival, new PieceMap(48), rival);
    picker.add("seed", PieceMap.full(48), "ff".repeat(32));
    const pieces = takeAll(picker, "seed", 8);
    const rest: number[] = [];
    for (; now < 200_000; now += 1_000) rest.push(...takeAll(picker, "seed"));
    assertEquals([...pieces, ...rest].toSorted((a, b) => a - b), range(0, 48));
    return pieces;
  });
  assertEquals(new Set(first).size, first.length, `${first}`);
});

Deno.test("piece picker: whatever happens, it does what a plain model of it would", () => {
  const RUNS = 12;
  const names = ["a", "b", "c", "d"];
  const step = fc.record({
    what: fc.constantFrom("add", "remove", "gain", "take", "done", "release", "fail"),
    who: fc.constantFrom(...names),
    piece: fc.nat({ max: RUNS - 1 }),
    ms: fc.constantFrom(600, OVERDUE_MS),
    there: fc.oneof(fc.constant((1 << RUNS) - 1), fc.nat({ max: (1 << RUNS) - 1 })),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150, size: "max" }), fc.boolean(), (steps, ordered) => {
      let now = 0;
      const { picker, map } = pickerOf(RUNS, {
        now: () => now,
        horizon: () => ordered ? RUNS : Infinity,
      });
      const sources = new Map<string, PieceMap>();
      const takers = new Map<number, Set<string>>();
      const takenAt = new Map<number, number>();
      const avoid = new Map<number, string>();
      const hold = (piece: number) => takers.get(piece)?.size ?? 0;
      const rarity = (piece: number) =>
        [...sources.values()].filter((its) => !its.complete && its.has(piece)).length;
      const free = (who: string, everybody = false) =>
        range(0, RUNS).filter((piece) =>
          !map.has(piece) && hold(piece) === 0 && (everybody || sources.get(who)!.has(piece)) &&
          (everybody || avoid.get(piece) !== who ||
            ![...sources].some(([other, its]) => other !== who && its.has(piece)))
        );
      const leave = (who: string, piece: number) => takers.get(piece)?.delete(who);
      // What came back is next, however rare it is.
      let released = false;
      for (const { what, who, piece, ms, there } of steps) {
        now += ms;
        const its = sources.get(who);
        released ||= ["release", "fail", "remove"].includes(what);
        if (what === "add" && !its) {
          const own = mapOf(RUNS, range(0, RUNS).filter((at) => there & (1 << at)));
          sources.set(who, own);
          picker.add(who, own);
        } else if (what === "remove") {
          sources.delete(who);
          picker.remove(who);
          for (const at of range(0, RUNS)) leave(who, at);
        } else if (what === "gain" && its?.add(piece)) picker.gained(who, piece);
        else if (what === "done" && hold(piece) > 0) {
          map.add(piece);
          takers.delete(piece);
          avoid.delete(piece);
        } else if (what === "release" || what === "fail") {
          if (leave(who, piece) && what === "fail") avoid.set(piece, who);
          picker.release(piece, who, what === "fail");
        } else if (what === "take" && its) {
          const candidates = free(who);
          const taken = one(picker, who);
          if (candidates.length > 0) {
            assert(candidates.includes(taken!), `${taken} of ${candidates}`);
            const least = Math.min(...candidates.map(rarity));
            if (ordered) assertEquals(taken, candidates[0]);
            else if (!released) assertEquals(rarity(taken!), least);
          } else if (free(who, true).length > 0) assertEquals(taken, undefined);
          else {
            const overdue = range(0, RUNS).filter((at) =>
              !map.has(at) && hold(at) > 0 && !takers.get(at)!.has(who) && its.has(at) &&
              takenAt.get(at)! <= now - OVERDUE_MS * 2 ** (hold(at) - 1)
            );
            const fewest = Math.min(...overdue.map(hold));
            if (overdue.length === 0) assertEquals(taken, undefined);
            else {assert(
                overdue.includes(taken!) && hold(taken!) === fewest,
                `${taken} of ${overdue}`,
              );}
          }
          if (taken !== undefined) {
            takenAt.set(taken, now);
            takers.set(taken, (takers.get(taken) ?? new Set()).add(who));
            if (avoid.get(taken) !== who) avoid.delete(taken);
          }
        }
        assertEquals(picker.missing, RUNS - map.count);
      }
    }),
    { numRuns: 500 },
  );
});

Deno.test("piece picker: in the endgame, sources that bring nothing don't count, and get nothing more", () => {
  let now = 0;
  const idle = new Set<string>();
  const { picker } = pickerOf(1, { now: () => now, isIdle: (source) => idle.has(source) });
  const stalling = range(0, 30).map((n) => `stalling ${n}`);
  for (const source of [...stalling, "honest"]) picker.add(source, PieceMap.full(1));
  const turn = () => {
    const taking = stalling.filter((source) => one(picker, source) !== undefined);
    for (const source of taking) idle.add(source);
    return taking.length;
  };
  assertEquals([turn(), turn()], [1, 0]);
  now = OVERDUE_MS;
  assertEquals([turn(), turn()], [4, 0], "in place of the one that stalls");
  now = 2 * OVERDUE_MS;
  assertEquals([turn(), turn()], [20, 0]);
  now = 3 * OVERDUE_MS;
  assertEquals([turn(), one(picker, stalling[0]!), one(picker, "honest")], [5, undefined, 0]);
});
