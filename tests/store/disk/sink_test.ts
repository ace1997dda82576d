import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Fault } from "../../../src/fault.ts";
import { Downloader } from "../../../src/peer/download/downloader.ts";
import { OrderedOutput, OUTPUT_WINDOW } from "../../../src/peer/download/ordered_output.ts";
import { Disk } from "../../../src/store/disk/disk.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { PartialFile } from "../../../src/store/partial/partial_file.ts";
import { assertSameBytes, concat, patterned } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { MemoryFile, MemorySource } from "../../support/memory_source.ts";
import { newState } from "../../support/new_state.ts";
import { payloadOf } from "../../support/payload.ts";
import { settle } from "../../support/settle.ts";
import { sinkContract } from "../../support/sink_contract.ts";
import { Permit } from "../../../src/trust/permit.ts";
import { State } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

/** An output whose reader takes what it likes. */
function orderedOutput() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const failures: Fault[] = [];
  let advances = 0;
  const output = new OrderedOutput(writable, () => advances++, (error) => failures.push(error));
  return { output, readable, failures, advances: () => advances };
}

Deno.test("ordered output: nothing passes before its turn", async () => {
  const { output, readable, advances } = orderedOutput();
  const reader = readable.getReader();
  const content = patterned(3 * CHUNK);
  await output.store(2 * CHUNK, payloadOf(content.slice(2 * CHUNK)));
  await output.store(CHUNK, payloadOf(content.slice(CHUNK, 2 * CHUNK)));
  let first: Uint8Array | undefined;
  const reading = reader.read().then(({ value }) => first = value);
  await settle();
  assertEquals([first, advances()], [undefined, 0]);
  await output.store(0, payloadOf(content.slice(0, CHUNK)));
  await reading;
  assertSameBytes(first!, content.subarray(0, CHUNK));
  const finished = output.finish();
  assertSameBytes((await reader.read()).value!, content.subarray(CHUNK, 2 * CHUNK));
  assertSameBytes((await reader.read()).value!, content.subarray(2 * CHUNK));
  assert((await reader.read()).done);
  await finished;
  assertEquals(advances(), 3);
});

Deno.test("ordered output: of what comes twice, in parts of any length, each chunk passes once", async () => {
  const content = patterned(20 * CHUNK + 3);
  const part = fc.record({ first: fc.nat({ max: 20 }), count: fc.integer({ min: 1, max: 16 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 20 }), fc.boolean(), async (parts, pause) => {
      const { output, readable } = orderedOutput();
      const reading = Array.fromAsync(readable);
      const rest = Array.from({ length: 21 }, (_, at) => ({ first: at, count: 1 })).filter((
        chunk,
      ) => !parts.some(({ first, count }) => chunk.first >= first && chunk.first < first + count));
      for (const { first, count } of [...parts, ...rest]) {
        const bytes = content.slice(first * CHUNK, (first + count) * CHUNK);
        await output.store(first * CHUNK, payloadOf(bytes));
        if (pause) await settle();
      }
      await output.finish();
      assertSameBytes(concat(await reading), content);
    }),
    { numRuns: 15 },
  );
});

Deno.test("ordered output: any order of parts, any pauses, gives the content", async () => {
  const content = patterned(100_000);
  const parts = Array.from({ length: 10 }, (_, at) => at * 10_000);
  const order = fc.shuffledSubarray(parts, { minLength: parts.length });
  await fc.assert(
    fc.asyncProperty(
      order,
      fc.array(fc.boolean(), { minLength: 10, maxLength: 10 }),
      async (starts, pauses) => {
        const { output, readable } = orderedOutput();
        const reading = Array.fromAsync(readable);
        for (const [index, at] of starts.entries()) {
          await output.store(at, payloadOf(content.slice(at, at + 10_000)));
          if (pauses[index]) await settle();
        }
        await output.finish();
        assertSameBytes(concat(await reading), content);
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("ordered output: what comes after a wrong chunk waits until it is right", async () => {
  const { output, readable, advances } = orderedOutput();
  const reader = readable.getReader();
  const content = patterned(5 * CHUNK);
  assertEquals((await output.store(0, payloadOf(content, [0, 2]))).bad, [0, 2]);
  const parts: Uint8Array[] = [];
  const reading = (async () => {
    for (let part; !(part = await reader.read()).done;) parts.push(part.value);
  })();
  await settle();
  assertEquals([parts.length, advances()], [0, 0]);
  await output.store(0, payloadOf(content.slice(0, CHUNK)));
  await settle();
  assertSameBytes(concat(parts), content.subarray(0, 2 * CHUNK));
  assertEquals(output.horizon, OUTPUT_WINDOW + 2 * CHUNK);
  await output.store(2 * CHUNK, payloadOf(content.slice(2 * CHUNK, 3 * CHUNK)));
  await output.finish();
  await reading;
  assertSameBytes(concat(parts), content);
});

Deno.test("ordered output: the horizon moves only with what was passed on", async () => {
  const { output, readable } = orderedOutput();
  assertEquals(output.horizon, OUTPUT_WINDOW);
  await output.store(MIB, payloadOf(new Uint8Array(MIB)));
  await settle();
  assertEquals(output.horizon, OUTPUT_WINDOW);
  await output.store(0, payloadOf(new Uint8Array(MIB)));
  const reading = Array.fromAsync(readable);
  await output.finish();
  assertEquals(output.horizon, OUTPUT_WINDOW + 2 * MIB);
  await reading;
});

Deno.test("ordered output: a reader that goes away is a disk fault, told at once", async () => {
  const { output, readable, failures } = orderedOutput();
  await readable.cancel(new Error("the pipe is closed"));
  await settle();
  assertEquals(failures.length, 1);
  assertEquals(failures[0].kind, "disk");
  assert(failures[0].message.includes("the pipe is closed"), failures[0].message);
  await faultOf("disk", output.store(0, payloadOf(new Uint8Array(1))));
  await faultOf("disk", output.finish());
  await output.abort(new Error("over"));
});

Deno.test("ordered output: an output that fails, at first or at last, fails the download", async () => {
  for (const failAt of [1, 3]) {
    let writes = 0;
    const failures: Fault[] = [];
    const writable = new WritableStream<Uint8Array>({
      write: () => {
        if (++writes === failAt) throw new Error("broken pipe");
      },
    });
    const output = new OrderedOutput(writable, () => {}, (error) => failures.push(error));
    for (const at of [2, 1, 0]) await output.store(at, payloadOf(new Uint8Array(1)));
    const fault = await faultOf("disk", output.finish(), "Cannot write the output: broken pipe");
    assertStrictEquals(failures[0], fault);
  }
});

Deno.test("ordered output: of what two sources bring, each chunk passes once, however it is cut", async () => {
  const { output, readable } = orderedOutput();
  const content = patterned(MIB - 7);
  const reading = Array.fromAsync(readable);
  const bring = async (first: number, count: number) => {
    const at = first * CHUNK;
    await output.store(at, payloadOf(content.slice(at, at + count * CHUNK)));
    await settle();
  };
  await bring(0, 4);
  await bring(8, 4);
  await bring(0, 16);
  await output.finish();
  assertSameBytes(concat(await reading), content);
});

Deno.test("ordered output: aborted, its reader is told why", async () => {
  const { output, readable } = orderedOutput();
  const reason = new Fault("integrity", "every source was lost");
  const reading = faultOf("integrity", Array.fromAsync(readable));
  await output.abort(reason);
  assertStrictEquals(await reading, reason);
});

Deno.test("ordered output: a slow reader slows the download, which then comes through", async () => {
  const file = new MemoryFile(patterned(40 * MIB));
  const served = Promise.withResolvers<void>();
  let sent = 0;
  const source = new MemorySource("a", file, {
    chunks: (right) => {
      if ((sent += right.length) === OUTPUT_WINDOW) served.resolve();
      return right;
    },
  });
  await using state = await newState();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const sink: OrderedOutput = new OrderedOutput(
    writable,
    () => downloader.wake(),
    (error) => downloader.fail(error),
  );
  const downloader: Downloader = new Downloader({
    ...{ id: file.id, size: file.size, digests: state.digests, sources: [source], sink },
  });
  const running = downloader.run().then(() => sink.finish());
  await served.promise;
  await settle();
  assert(sent <= OUTPUT_WINDOW + MIB, `${sent} bytes, and nobody has read any`);
  const parts: Uint8Array[] = [];
  let read = 0;
  for await (const part of readable) {
    parts.push(part);
    read += part.length;
    const furthest = Math.max(...source.asked.map(({ first, count }) => (first + count) * CHUNK));
    assert(furthest <= read + OUTPUT_WINDOW + 2 * MIB, `${furthest} is asked for at ${read}`);
  }
  await running;
  assertSameBytes(concat(parts), file.content);
});

// Both sinks

sinkContract("partial file", async (size) => {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const disk = new Disk();
  const partial = PartialFile.open(
    { id: "ab".repeat(32), name: "file", size, overwrite: false, taken: "first" },
    { disk, downloads: new DownloadStore(state.db, folder.at("partials")), digests: state.digests },
  );
  return {
    sink: partial,
    finish: async () => {
      await partial.publish({ path: folder.at("file"), permit: Permit.keep }, { mtime: 0 });
      return await Deno.readFile(folder.at("file"));
    },
    [Symbol.asyncDispose]: async () => {
      await partial.discard();
      disk.stop();
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});

sinkContract("ordered output", () => {
  const { output, readable } = orderedOutput();
  const reading = Array.fromAsync(readable);
  return Promise.resolve({
    sink: output,
    finish: async () => {
      await output.finish();
      return concat(await reading);
    },
    [Symbol.asyncDispose]: () => output.abort(new Error("over")),
  });
});
