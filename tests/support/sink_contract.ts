import { assert, assertEquals } from "@std/assert";
import type { Sink } from "../../src/store/disk/sink.ts";
import { assertSameBytes, type Bytes, patterned } from "./bytes.ts";
import { payloadOf } from "./payload.ts";

/** A sink under test. */
interface SinkFixture extends AsyncDisposable {
  sink: Sink;
  /** Ends the download as done, and says what came out. */
  finish(): Promise<Bytes>;
}

const CHUNK = 65_536;

/** The contract of every sink. `make` receives the size of the file. */
export function sinkContract(what: string, make: (size: number) => Promise<SinkFixture>): void {
  const orders: Record<string, (parts: number[]) => number[]> = {
    "in order": (parts) => parts,
    "in reverse": (parts) => parts.toReversed(),
    "the first one last": ([first, ...rest]) => [...rest, first],
    "every other one first": (parts) => [
      ...parts.filter((at) => at % 2 === 1),
      ...parts.filter((at) => at % 2 === 0),
    ],
  };
  for (const [order, arrange] of Object.entries(orders)) {
    for (const chunks of [4, 20]) {
      Deno.test(`sink ${what}: ${chunks} parts that come ${order} make the file`, async () => {
        const content = patterned(chunks * CHUNK + 1);
        await using fixture = await make(content.length);
        const parts = Array.from({ length: chunks + 1 }, (_, at) => at);
        await Promise.all(
          arrange(parts).map(async (at) => {
            const part = content.slice(at * CHUNK, (at + 1) * CHUNK);
            const { bad } = await fixture.sink.store(at * CHUNK, payloadOf(part));
            assertEquals(bad, []);
          }),
        );
        assertSameBytes(await fixture.finish(), content);
      });
    }
  }

  Deno.test(`sink ${what}: parts of any size that come now and then make the file`, async () => {
    const content = patterned(3 << 20);
    await using fixture = await make(content.length);
    const lengths = [65_536, 1 << 20, 131_072, 65_536, 1 << 20];
    const parts: [number, number][] = [];
    for (let at = 0; at < content.length;) {
      const length = Math.min(lengths[parts.length % lengths.length], content.length - at);
      parts.push([at, length]);
      at += length;
    }
    for (const [at, length] of parts.toReversed()) {
      await fixture.sink.store(at, payloadOf(content.slice(at, at + length)));
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertSameBytes(await fixture.finish(), content);
  });

  // Whole files, of one payload each; by their chunks, the last of 7 bytes, and the wrong ones.
  const mistakes: [string, number, number[]][] = [
    ["the first", 5, [0]],
    ["one in the middle", 5, [2]],
    ["two that touch, and one that doesn't", 8, [2, 3, 5]],
    ["the short last one", 5, [4]],
    ["the only one", 1, [0]],
    ["all", 5, [0, 1, 2, 3, 4]],
    ["the first and the last of a full run", 16, [0, 15]],
    ["two of a full run", 17, [7, 15]],
  ];
  for (const [which, chunks, wrong] of mistakes) {
    Deno.test(`sink ${what}: wrong chunks are told and left out, ${which} of ${chunks}`, async () => {
      const content = patterned((chunks - 1) * CHUNK + 7);
      await using fixture = await make(content.length);
      const first = content.slice(0, 16 * CHUNK);
      const { bad } = await fixture.sink.store(0, payloadOf(first, wrong));
      assertEquals(bad, wrong);
      for (const index of bad.toReversed()) {
        const [from, to] = [index * CHUNK, (index + 1) * CHUNK];
        // Wrong once more, then right.
        const again = payloadOf(content.slice(from, to), [0]);
        assertEquals((await fixture.sink.store(from, again)).bad, [0]);
        const right = payloadOf(content.slice(from, to));
        assertEquals((await fixture.sink.store(from, right)).bad, []);
      }
      const rest = content.slice(first.length);
      if (rest.length > 0) await fixture.sink.store(first.length, payloadOf(rest));
      assertSameBytes(await fixture.finish(), content);
    });
  }

  Deno.test(`sink ${what}: a wrong chunk spoils nothing of a later payload`, async () => {
    const content = patterned(6 * CHUNK + 9);
    await using fixture = await make(content.length);
    const part = (from: number, to: number) => content.slice(from * CHUNK, to * CHUNK);
    const late = await fixture.sink.store(3 * CHUNK, payloadOf(part(3, 7), [1, 3]));
    const early = await fixture.sink.store(0, payloadOf(part(0, 3), [1]));
    assertEquals([late.bad, early.bad], [[1, 3], [1]]);
    for (const at of [6, 4, 1]) await fixture.sink.store(at * CHUNK, payloadOf(part(at, at + 1)));
    assertSameBytes(await fixture.finish(), content);
  });

  for (const size of [4 * CHUNK, 24 * CHUNK]) {
    const about = `${size} bytes`;
    Deno.test(`sink ${what}: memory comes back as large, to be used again, ${about}`, async () => {
      const content = patterned(size);
      await using fixture = await make(content.length);
      let buffer = new ArrayBuffer(2 * CHUNK);
      for (let at = size - CHUNK; at >= 0; at -= CHUNK) {
        const chunk = content.slice(at, at + CHUNK);
        new Uint8Array(buffer).set(chunk);
        const { expected } = payloadOf(chunk);
        ({ buffer } = await fixture.sink.store(at, { buffer, length: CHUNK, expected }));
        assertEquals(buffer.byteLength, 2 * CHUNK);
        new Uint8Array(buffer).fill(0);
      }
      assertSameBytes(await fixture.finish(), content);
    });
  }

  Deno.test(`sink ${what}: memory comes back, whatever was wrong in it`, async () => {
    const content = patterned(2 * CHUNK);
    await using fixture = await make(content.length);
    const stored = await fixture.sink.store(0, payloadOf(content, [0, 1]));
    assertEquals(stored.buffer.byteLength, content.length + 1);
    await fixture.sink.store(0, payloadOf(content));
    assertSameBytes(await fixture.finish(), content);
  });

  Deno.test(`sink ${what}: a file of nothing`, async () => {
    await using fixture = await make(0);
    assertEquals((await fixture.finish()).length, 0);
  });

  Deno.test(`sink ${what}: the horizon is a run ahead at least, and never comes back`, async () => {
    const content = patterned(8 * CHUNK);
    await using fixture = await make(content.length);
    let last = fixture.sink.horizon;
    assert(last >= 1 << 20);
    for (const at of [0, 2, 1, 3, 7, 6, 5, 4]) {
      const part = content.slice(at * CHUNK, (at + 1) * CHUNK);
      await fixture.sink.store(at * CHUNK, payloadOf(part));
      await new Promise((resolve) => setTimeout(resolve));
      assert(fixture.sink.horizon >= last);
      last = fixture.sink.horizon;
    }
    assertSameBytes(await fixture.finish(), content);
  });
}
