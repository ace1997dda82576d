import { assert, assertEquals } from "@std/assert";
import type { Sink } from "../../src/peer/sink.ts";
import { assertSameBytes, type Bytes, patterned } from "./bytes.ts";

/** A sink under test. */
export interface SinkFixture extends AsyncDisposable {
  sink: Sink;
  /** Ends the download as done, and says what came out. */
  finish(): Promise<Bytes>;
}

const CHUNK = 65_536;

/** What every sink must do. `make` is given the size of the file. */
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
    Deno.test(`sink ${what}: parts that come ${order} make the file`, async () => {
      const content = patterned(20 * CHUNK + 1);
      await using fixture = await make(content.length);
      const parts = Array.from({ length: 21 }, (_, at) => at);
      await Promise.all(
        arrange(parts).map((at) =>
          fixture.sink.write(at * CHUNK, content.slice(at * CHUNK, (at + 1) * CHUNK))
        ),
      );
      assertSameBytes(await fixture.finish(), content);
    });
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
      await fixture.sink.write(at, content.slice(at, at + length));
      await new Promise((resolve) => setTimeout(resolve));
    }
    assertSameBytes(await fixture.finish(), content);
  });

  Deno.test(`sink ${what}: a buffer may be used again once it is taken`, async () => {
    const content = patterned(4 * CHUNK);
    await using fixture = await make(content.length);
    const buffer = new Uint8Array(CHUNK);
    for (const at of [1, 0, 3, 2]) {
      buffer.set(content.subarray(at * CHUNK, (at + 1) * CHUNK));
      await fixture.sink.write(at * CHUNK, buffer);
      buffer.fill(0);
    }
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
      await fixture.sink.write(at * CHUNK, content.slice(at * CHUNK, (at + 1) * CHUNK));
      await new Promise((resolve) => setTimeout(resolve));
      assert(fixture.sink.horizon >= last);
      last = fixture.sink.horizon;
    }
    assertSameBytes(await fixture.finish(), content);
  });
}
