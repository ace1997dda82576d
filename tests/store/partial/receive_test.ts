import { assert, assertEquals } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { receiveFile } from "../../../src/store/partial/receive_file.ts";
import { assertSameBytes, patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { referenceDigests, referenceIdOf } from "../../support/reference_tree.ts";
import { State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const CHUNK = 65_536;

/** A stream of some bytes in blocks of a size. */
function streamOf(content: Uint8Array<ArrayBuffer>, block: number) {
  let at = 0;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (at >= content.length) return controller.close();
      controller.enqueue(content.slice(at, at += block));
    },
  });
}

Deno.test("receive: what comes in any blocks is there, synced, and its hash tree is kept", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const uploads = folder.at("uploads");
  for (const size of [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 40 * CHUNK + 3]) {
    for (const block of [1_000_003, 16_384, 65_537]) {
      const content = patterned(size, size + block);
      let last = 0;
      const received = await receiveFile(streamOf(content, block), state.digests, {
        ...{ folder: uploads, what: "x", size: block === 16_384 ? undefined : size },
        onReceived: (bytes) => {
          assert(bytes > last);
          last = bytes;
        },
      });
      assertEquals(last, size);
      assertEquals(received.id, referenceIdOf(content), `${size} in blocks of ${block}`);
      assertSameBytes(await Deno.readFile(received.path), content);
      assertSameBytes(state.digests.block(received.id, 0, 0)!, referenceDigests(content));
      // What is known of it is what hashing it would find.
      state.cache.remember(received.path, received.id, received.stamp);
      const { hashed } = await state.cache.identify(received.path);
      assertEquals(hashed, false);
    }
  }
});

Deno.test("receive: what fails leaves no file and no block, and ends the stream", async () => {
  await using folder = await TempFolder.create();
  using state = new State(folder.at("state.db"));
  const uploads = folder.at("uploads");
  const content = patterned(9 * CHUNK);
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  const table: [
    kind: Fault["kind"],
    why: string,
    size: number | undefined,
    signal?: AbortSignal,
  ][] = [
    ["usage", "589824 bytes came in place of 600000", 600_000],
    ["usage", "bytes came in place of 300000", 300_000],
    ["disk", "are free", Number.MAX_SAFE_INTEGER],
    ["deadline", "too late", undefined, abort.signal],
  ];
  for (const [kind, why, size, signal] of table) {
    const receiving = receiveFile(streamOf(content, 10_000), state.digests, {
      ...{ folder: uploads, what: "x", size, signal },
      onReceived: () => signal && abort.abort(reason),
    });
    await faultOf(kind, receiving, why);
    assertEquals([...Deno.readDirSync(uploads)], []);
    assertEquals(state.keptFor(), []);
  }
  let cancelled: unknown;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.enqueue(new Uint8Array(CHUNK)),
    cancel: (why) => void (cancelled = why),
  });
  await faultOf("usage", receiveFile(body, state.digests, { folder: uploads, what: "x", size: 7 }));
  assert(cancelled instanceof Fault);
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      controller.enqueue(new Uint8Array(CHUNK));
    },
    pull: (controller) => controller.error(new Error("reset")),
  });
  const receiving = receiveFile(broken, state.digests, { folder: uploads, what: "x" });
  await faultOf("network", receiving, 'Cannot take "x": the sender went away');
  assertEquals([...Deno.readDirSync(uploads)], []);
  assertEquals(state.keptFor(), []);
});
