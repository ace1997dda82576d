/** Sources that are far away, and the further connections to them. */
import { assert, assertEquals } from "@std/assert";
import { delay } from "../../../src/async/retry.ts";
import { PieceMap } from "../../../src/content/piece_map.ts";
import { Fault } from "../../../src/fault.ts";
import type { Source } from "../../../src/peer/download/source.ts";
import { FAR_MS } from "../../../src/peer/download/source_pipelines.ts";
import { patterned } from "../../support/bytes.ts";
import { downloaded } from "../../support/download.ts";
import { type Conduct, MemoryFile, MemorySource } from "../../support/memory_source.ts";

const file = new MemoryFile(patterned(12 << 20));
const FAR = { connect: () => delay(4 * FAR_MS) };

/** A source that gives further connections. */
class FarSource extends MemorySource {
  readonly others: FarSource[] = [];
  onTaken: (piece: number) => void = () => {};
  readonly #conducts: Conduct[];

  constructor(conduct: Conduct = {}, further: Conduct[] = []) {
    super("far", file, { ...FAR, ...conduct });
    this.#conducts = [...further];
  }

  override have(
    onPiece: (piece: number) => void,
    onTaken: (piece: number) => void = () => {},
  ): Promise<PieceMap> {
    this.onTaken = onTaken;
    return super.have(onPiece);
  }

  further(): Source | undefined {
    const conduct = this.#conducts.shift();
    if (!conduct) return;
    const other = new FarSource(conduct);
    this.others.push(other);
    return Object.assign(other, { receipt: this.receipt });
  }
}

const THREE = [{}, {}, {}];
/** So slow that further connections are opened before it is over. */
const slow = (right: Uint8Array<ArrayBuffer>) => delay(100).then(() => right);

Deno.test("far sources: each connection brings a part, and the receipt has one source", async () => {
  const source = new FarSource({ chunks: slow }, THREE.map(() => ({ chunks: slow })));
  const { sink } = await downloaded(file, [source]);
  assertEquals(sink.content, file.content);
  assertEquals(source.others.length, 3);
  for (const one of [source, ...source.others]) {
    assert(one.asked.length > 0);
    assert(!one.open);
  }
  assertEquals(source.receipt.bytes, file.size);
});

Deno.test("far sources: further connections that fail or break cost nothing but themselves", async () => {
  const refused = () => Promise.reject(new Fault("network", "refused"));
  const source = new FarSource({ chunks: slow }, [
    { connect: refused },
    { chunks: refused },
    { connect: () => new Promise<void>(() => {}) },
  ]);
  const { sink } = await downloaded(file, [source]);
  assertEquals(sink.content, file.content);
  assertEquals(source.connects, 1);
});

Deno.test("far sources: a lie over a further connection is the source's", async () => {
  const wrong = (right: Uint8Array<ArrayBuffer>) => Promise.resolve(right.map((byte) => byte ^ 1));
  const source = new FarSource({ chunks: slow }, [{ chunks: wrong }, {}, {}]);
  const honest = new MemorySource("honest", file, { connect: () => delay(2_000) });
  await downloaded(file, [source, honest]);
  assert(source.receipt.bad_chunks > 0);
});

Deno.test("far sources: one that serves others too keeps one connection", async () => {
  const source: FarSource = new FarSource({
    chunks: (right) => {
      source.onTaken(0);
      return slow(right);
    },
  }, THREE);
  await downloaded(file, [source]);
  assertEquals(source.others.length, 0);
});

Deno.test("far sources: one that is near, or has less than all, has one connection", async () => {
  const near = new FarSource({ connect: () => {} }, THREE);
  await downloaded(file, [near]);
  assertEquals(near.others.length, 0);
  const half = PieceMap.full(file.pieces);
  const partial = new PieceMap(file.pieces);
  for (let piece = 0; piece < file.pieces; piece += 2) partial.add(piece);
  // It may still be on its way when the other has brought all.
  const coming: Promise<void>[] = [];
  const connect = () => {
    const connected = delay(4 * FAR_MS);
    coming.push(connected);
    return connected;
  };
  const source = new FarSource({ connect, have: () => partial }, THREE);
  const whole = new MemorySource("whole", file, { have: () => half });
  await downloaded(file, [source, whole]);
  await Promise.all(coming);
  for (const other of source.others) assert(!other.open);
});
