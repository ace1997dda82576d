import { assert, assertEquals, assertRejects } from "@std/assert";
import { type UploadSlot, UploadSlots } from "../../../src/peer/serve/upload_slots.ts";
import { PAYLOAD_CAP } from "../../../src/wire/protocol.ts";
import { settled } from "../../support/fake_clock.ts";

/** A requester that always has one more to send; each slot is held until the test takes it back. */
function requester(slots: UploadSlots, host: string, log: string[], held: (() => void)[]) {
  const stop = new AbortController();
  const name = host.split("#")[0];
  const ended = (async () => {
    for (;;) {
      using _slot = await slots.take(name, stop.signal);
      log.push(host);
      await new Promise<void>((resolve) => held.push(resolve));
    }
  })().catch(() => {});
  return { stop: () => stop.abort(), ended };
}

Deno.test("slots: three requesters take turns, however many connections one of them has", async () => {
  const slots = new UploadSlots(1);
  const log: string[] = [];
  const held: (() => void)[] = [];
  const hosts = ["a#1", "a#2", "a#3", "a#4", "b", "c"];
  const requesters = hosts.map((host) => requester(slots, host, log, held));
  for (let turn = 0; turn < 120; turn++) {
    await settled();
    assertEquals(held.length, 1);
    held.shift()!();
  }
  await settled();
  const counts = Object.groupBy(log.slice(0, 120), (host) => host.split("#")[0]);
  for (const host of ["a", "b", "c"]) {
    const turns = counts[host]!.length;
    assert(turns >= 38 && turns <= 42, `${host} had ${turns} turns`);
  }
  // And the connections of one host among themselves.
  const own = Object.groupBy(counts.a!, (host) => host);
  for (const turns of Object.values(own)) assert(turns!.length >= 8, String(turns!.length));
  for (const one of requesters) one.stop();
  held.shift()?.();
  await Promise.all(requesters.map(({ ended }) => ended));
  assertEquals(slots.held, 0);
});

Deno.test("slots: one host never has all of them, and all are used when others ask", async () => {
  const slots = new UploadSlots(16);
  const taken: UploadSlot[] = [];
  const greedy = new AbortController();
  const waits: Promise<void>[] = [];
  for (let n = 0; n < 20; n++) {
    const wait = slots.take("greedy", greedy.signal).then((slot) => void taken.push(slot));
    waits.push(wait.catch(() => {}));
  }
  await settled();
  assertEquals(taken.length, 12);
  taken.push(await slots.take("other"));
  assertEquals(slots.held, 13);
  greedy.abort();
  await Promise.all(waits);
  for (const slot of taken) slot[Symbol.dispose]();
  assertEquals(slots.held, 0);
});

Deno.test("slots: their number holds, also when it is changed, and bounds the memory", async () => {
  const slots = new UploadSlots(2);
  const [one, two] = [await slots.take("a"), await slots.take("b")];
  const third = later(slots.take("c"));
  await settled();
  assertEquals(third, []);
  slots.slots = 3;
  await settled();
  assertEquals(third.length, 1);
  slots.slots = 1;
  const fourth = later(slots.take("d"));
  one[Symbol.dispose]();
  one[Symbol.dispose]();
  two[Symbol.dispose]();
  await settled();
  assertEquals([slots.held, fourth], [1, []]);
  const { frame } = third[0];
  third[0][Symbol.dispose]();
  await settled();
  assert(fourth[0].frame === frame, "the buffer is used again");
  fourth[0][Symbol.dispose]();
  assertEquals(slots.held, 0);
  assertEquals(frame.body.length, PAYLOAD_CAP);
});

/** Holds what a promise brings, once it has. */
function later<T>(promise: Promise<T>): T[] {
  const brought: T[] = [];
  void promise.then((value) => brought.push(value));
  return brought;
}

Deno.test("slots: who gives up waiting is not granted one", async () => {
  const slots = new UploadSlots(1);
  const slot = await slots.take("a");
  const gone = new AbortController();
  const given = assertRejects(() => slots.take("b", gone.signal), Error, "enough");
  gone.abort(new Error("enough"));
  await given;
  slot[Symbol.dispose]();
  assertEquals(slots.held, 0);
  await assertRejects(() => slots.take("b", gone.signal), Error, "enough");
});

/** A connection whose other end reads nothing, for as long as the test says. */
function slowReader() {
  return {
    blockedMs: 60_000,
    closed: false,
    close() {
      this.closed = true;
    },
  };
}

Deno.test("slots: peers that don't read lose their slots to those that do, and some their connections", async () => {
  const slots = new UploadSlots(16);
  const readers = Array.from({ length: 16 }, slowReader);
  const held: UploadSlot[] = [];
  for (const [at, reader] of readers.entries()) {
    held.push(await slots.take(`slow ${at % 2}`, undefined, reader));
  }
  assertEquals(slots.held, 16);
  const honest = await Promise.all(
    Array.from(
      { length: 8 },
      () => slots.take("honest", undefined, { ...slowReader(), blockedMs: 0 }),
    ),
  );
  assertEquals(slots.held, 8, "only those that read count");
  assertEquals(readers.filter(({ closed }) => !closed).length, 8, "four of each host may be slow");
  for (const slot of [...held, ...honest]) slot[Symbol.dispose]();
  assertEquals(slots.held, 0);
});

Deno.test("slots: peers that read slowly keep theirs while nobody else waits", async () => {
  const slots = new UploadSlots(2);
  const reader = slowReader();
  using _slot = await slots.take("slow", undefined, reader);
  using _other = await slots.take("other");
  assertEquals([slots.held, reader.closed], [2, false]);
});
