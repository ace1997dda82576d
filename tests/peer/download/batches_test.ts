import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Batches } from "../../../src/peer/download/batches.ts";

const ids = (batch: { id: string }[]) => batch.map(({ id }) => id);

Deno.test("batches: every file is asked for once, within the caps, and again when it is given back", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 1 << 20 }), { maxLength: 2_000 });
  fc.assert(
    fc.property(sizes, fc.double({ min: 0, max: 0.99 }), (sizes, first) => {
      const files = sizes.map((size, index) => ({ id: `${index}`, size }));
      const batches = new Batches<string>(files, () => first, { now: () => 0 });
      const asked = new Set<string>();
      batches.giveBack(batches.take("x"), "x");
      for (let batch; (batch = batches.take("x")).length > 0;) {
        assert(batch.length <= 500);
        assert(batch.reduce((sum, { size }) => sum + size, 0) <= 1 << 20);
        for (const file of batch) {
          assert(!asked.has(file.id));
          asked.add(file.id);
          assert(batches.done(file));
        }
      }
      assertEquals([asked.size, batches.missing], [files.length, 0]);
    }),
  );
});

Deno.test("batches: what a source lacks is asked of another", () => {
  const files = ["a", "b"].map((id) => ({ id, size: 1 }));
  const batches = new Batches<string>(files, () => 0);
  batches.giveBack(batches.take("one"), "one");
  batches.lacks("one", files[0]!);
  assertEquals(ids(batches.take("one")), ["b"]);
  assertEquals(batches.take("one"), []);
  assertEquals(ids(batches.take("two")), ["a"]);
  batches.giveBack([files[0]!], "two");
  batches.forget("one");
  assertEquals(ids(batches.take("one")), ["a"]);
});

Deno.test("batches: a slow source is asked for little at a time", () => {
  const files = Array.from({ length: 598 }, (_, at) => ({ id: `${at}`, size: 2_048 }));
  const batches = new Batches<string>(files, () => 0);
  assertEquals(batches.take("unknown", 0).length, 8);
  assertEquals(batches.take("slow", 3_000).length, 8);
  assertEquals(batches.take("middling", 64 << 10).length, 32);
  assertEquals(batches.take("quick", 100e6).length, 128);
});

Deno.test("batches: what one source takes long for is asked of another, and counts once", () => {
  let now = 0;
  const files = ["a", "b"].map((id) => ({ id, size: 1 }));
  const batches = new Batches<string>(files, () => 0, { now: () => now });
  assertEquals(ids(batches.take("slow")), ["a", "b"]);
  assertEquals(batches.take("quick"), []);
  now = 2_000;
  batches.lacks("quick", files[1]!);
  assertEquals(ids(batches.take("quick")), ["a"]);
  assertEquals([batches.take("quick"), batches.take("third"), batches.missing], [
    [],
    [files[1]],
    2,
  ]);
  assertEquals([batches.done(files[0]!), batches.done(files[0]!)], [true, false]);
  batches.giveBack(files, "slow");
  assertEquals(
    [ids(batches.take("slow")), batches.missing],
    [[], 1],
    "the third one is asked for b",
  );
  batches.giveBack([files[1]!], "third");
  assertEquals(ids(batches.take("slow")), ["b"]);
});

Deno.test("batches: sources that bring nothing don't count, and get nothing more", () => {
  let now = 0;
  const stalling = Array.from({ length: 30 }, (_, n) => `stalling ${n}`);
  const isIdle = (source: string) => source !== "honest";
  const batches = new Batches<string>([{ id: "a", size: 1 }], () => 0, { now: () => now, isIdle });
  const turn = () => stalling.filter((source) => batches.take(source).length > 0).length;
  assertEquals([turn(), turn()], [1, 0]);
  now = 2_000;
  assertEquals([turn(), turn()], [4, 0], "in place of the one that stalls");
  now = 4_000;
  assertEquals([turn(), turn()], [20, 0]);
  now = 6_000;
  assertEquals([turn(), ids(batches.take("honest"))], [5, ["a"]]);
});
