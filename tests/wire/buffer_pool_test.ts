import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { giveBuffer, isPooledBuffer, takeBuffer } from "../../src/wire/buffer_pool.ts";
import { LINE_CAP } from "../../src/wire/protocol.ts";
import { connectionPair } from "../support/sockets.ts";

/** Takes `count` rooms, and gives them back. */
function use(count: number): void {
  const rooms = Array.from({ length: count }, takeBuffer);
  assertEquals(new Set(rooms).size, count, "no two have the same room");
  for (const room of rooms) giveBuffer(room);
}

/** The buffer for the next long line. */
function next(): Uint8Array<ArrayBuffer> {
  const room = takeBuffer();
  giveBuffer(room);
  return room;
}

Deno.test("buffer pool: the same are used again and again", () => {
  const first = takeBuffer();
  assertEquals(first.length, LINE_CAP);
  assert(isPooledBuffer(first));
  assert(!isPooledBuffer(new Uint8Array(LINE_CAP)));
  giveBuffer(first);
  use(10);
  assert(next().buffer === first.buffer);
});

Deno.test("buffer pool: after a rush their memory is let go of, with the last of them", () => {
  const before = next();
  const kept = takeBuffer();
  use(500);
  assert(isPooledBuffer(kept), "somebody has a line in it");
  giveBuffer(kept);
  assert(!isPooledBuffer(before));
  assert(next().buffer !== before.buffer);
  giveBuffer(before);
  assert(next().buffer !== before.buffer, "what is gone doesn't come back");
});

Deno.test("buffer pool: there are more when all of one piece of memory are in use", () => {
  use(1_500);
});

Deno.test("buffer pool: a connection gives its buffer back however it ends", async () => {
  const long = JSON.stringify({ action: "x", id: 1, agent: "y".repeat(30_000) });
  const free = next();
  {
    using pair = await connectionPair();
    await pair.far.send(long + "\n");
    await pair.connection.read();
    assert(next() !== free, "the line has a room");
    pair.connection.close();
    await turn();
    assert(next() === free, "closed between messages");
  }
  {
    using pair = await connectionPair();
    await pair.far.send(long.slice(0, 20_000));
    const reading = assertRejects(() => pair.connection.read(), Fault);
    while (next() === free) await turn();
    pair.connection.close();
    await reading;
    assert(next() === free, "closed in the middle of a message");
  }
  {
    using pair = await connectionPair();
    await pair.far.send("?".repeat(20_000) + "\n");
    await assertRejects(() => pair.connection.read(), Fault);
    assert(next() === free, "no message at all");
  }
  // A connection that was closed in the middle looks at its buffer once more.
  await turn();
});

/** Until the event loop has come round. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
