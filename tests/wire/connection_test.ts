import { assert, assertEquals, assertLess, assertStrictEquals, assertThrows } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { encodeMessage, Frame } from "../../src/wire/codec.ts";
import { Connection, formatAddress } from "../../src/wire/connection.ts";
import { LINE_CAP, PAYLOAD_CAP } from "../../src/wire/protocol.ts";
import { assertSameBytes, concat, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { lineOf } from "../support/line_of.ts";
import { closedPort, connectionPair, countingWrites, socketPair } from "../support/sockets.ts";
import { watch } from "../support/watch.ts";

// Connection: reading

Deno.test("connection: addresses are written with brackets where they need them", () => {
  assertEquals(formatAddress({ host: "127.0.0.1", port: 1 }), "127.0.0.1:1");
  assertEquals(formatAddress({ host: "::1", port: 65_535 }), "[::1]:65535");
});

Deno.test("connection: messages arrive however they are cut", async () => {
  using pair = await connectionPair();
  const { connection, far } = pair;
  const payload = patterned(1_000);
  const bytes = concat([
    encodeMessage({ action: "one", id: 1, text: "é\u2028" }),
    encodeMessage({ action: "two", id: 2 }, payload),
    encodeMessage({ action: "three", id: 3 }, new Uint8Array()),
    encodeMessage({ action: "four" }),
  ]);
  const sending = (async () => {
    for (const byte of bytes) await far.send(new Uint8Array([byte]));
    far.close();
  })();
  assertEquals({ ...await connection.read() }, { action: "one", id: 1, text: "é\u2028" });
  assertEquals((await connection.read())?.payload, 1_000);
  const into = new Uint8Array(1_000);
  await connection.readPayload(into);
  assertSameBytes(into, payload);
  assertEquals((await connection.read())?.payload, 0);
  await connection.readPayload(new Uint8Array());
  assertEquals((await connection.read())?.action, "four");
  assertEquals(await connection.read(), null, "closed between messages");
  assertEquals(await connection.read(), null, "and stays so");
  await sending;
});

Deno.test("connection: many messages in one segment, a payload among them", async () => {
  using pair = await connectionPair();
  const { connection, far } = pair;
  const payload = patterned(3_000);
  const messages = [];
  for (let id = 0; id < 50; id++) messages.push(encodeMessage({ action: "x", id }, payload));
  await far.send(concat(messages));
  for (let id = 0; id < 50; id++) {
    assertEquals((await connection.read())?.id, id);
    const into = new Uint8Array(3_000);
    await connection.readPayload(into);
    assertSameBytes(into, payload);
  }
});

Deno.test("connection: a payload fills exactly what it is given, and no more is taken", async () => {
  using pair = await connectionPair();
  const { connection, far } = pair;
  const payload = patterned(PAYLOAD_CAP);
  const sending = far.send(encodeMessage({ action: "x" }, payload), { action: "next" });
  assertEquals((await connection.read())?.payload, PAYLOAD_CAP);
  const around = new Uint8Array(PAYLOAD_CAP + 20).fill(9);
  await connection.readPayload(around.subarray(10, PAYLOAD_CAP + 10));
  assertSameBytes(around.subarray(10, PAYLOAD_CAP + 10), payload);
  assert([...around.subarray(0, 10), ...around.subarray(-10)].every((byte) => byte === 9));
  assertEquals((await connection.read())?.action, "next");
  await sending;
});

Deno.test("connection: a line of exactly the cap is read, one byte more is refused", async () => {
  {
    using pair = await connectionPair();
    const sending = pair.far.send(lineOf(LINE_CAP), { action: "next" });
    assertEquals((await pair.connection.read())?.action, "x");
    assertEquals((await pair.connection.read())?.action, "next");
    await sending;
  }
  using pair = await connectionPair();
  const sending = pair.far.send(lineOf(LINE_CAP + 1)).catch(() => {});
  await faultOf("network", pair.connection.read(), "a line of more than 65536 bytes");
  pair.connection.close();
  await sending;
});

Deno.test("connection: a line without end is given up at the cap, not buffered", async () => {
  using pair = await connectionPair({ lineCap: 10_000 });
  const sending = pair.far.send("x".repeat(20_000)).catch(() => {});
  await faultOf("network", pair.connection.readLine(), "a line of more than 10000 bytes");
  pair.connection.close();
  await sending;
});

Deno.test("connection: the cap holds after earlier messages have left the buffer in the middle", async () => {
  using pair = await connectionPair();
  const { connection, far } = pair;
  const sending = far.send({ action: "short" }, lineOf(LINE_CAP), lineOf(LINE_CAP), {
    action: "end",
  });
  for (const action of ["short", "x", "x", "end"]) {
    assertEquals((await connection.read())?.action, action);
  }
  await sending;
});

Deno.test("connection: closed in the middle of a line or of a payload", async () => {
  {
    using pair = await connectionPair();
    await pair.far.send('{"action":"x"');
    pair.far.close();
    await faultOf("network", pair.connection.read(), "in the middle of a message");
  }
  using pair = await connectionPair();
  await pair.far.send('{"action":"x","payload":10}\n123');
  pair.far.close();
  await pair.connection.read();
  await faultOf(
    "network",
    pair.connection.readPayload(new Uint8Array(10)),
    "in the middle of a payload",
  );
});

Deno.test("connection: no progress within the limit closes it, and says on what", async () => {
  const cases: [sent: string, text: string][] = [
    ["", "waiting for a message"],
    ['{"action"', "waiting for the rest of a message"],
    ['{"action":"x","payload":4}\n12', "waiting for the rest of a payload"],
  ];
  for (const [sent, text] of cases) {
    using pair = await connectionPair({ progressMs: 30 });
    await pair.far.send(sent);
    const read = async () => {
      await pair.connection.read();
      await pair.connection.readPayload(new Uint8Array(4));
    };
    const fault = await faultOf("network", read, text);
    assert(fault.message.startsWith(formatAddress(pair.connection.remote)), fault.message);
    assert(pair.connection.closed);
    await pair.far.closed();
  }
});

Deno.test("connection: a byte now and then is no progress on a line", async () => {
  using pair = await connectionPair({ progressMs: 60 });
  const started = performance.now();
  let dripping = true;
  const drip = (async () => {
    while (dripping) {
      await pair.far.send("x").catch(() => dripping = false);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await faultOf("network", pair.connection.readLine(), "the rest of a message");
  assertLess(performance.now() - started, 2_000);
  dripping = false;
  await drip;
});

Deno.test("connection: an idle wait may be longer than the progress limit", async () => {
  using pair = await connectionPair({ progressMs: 20 });
  const reading = pair.connection.read(60_000);
  const { dog, late } = watch();
  dog.expect("twice that time to pass", 60);
  await late;
  await pair.far.send({ action: "late" });
  assertEquals((await reading)?.action, "late");
});

Deno.test("connection: closing ends a read under way with the reason", async () => {
  using pair = await connectionPair();
  const reading = pair.connection.read();
  pair.connection.close(new Fault("deadline", "time is up"));
  await faultOf("deadline", reading, "time is up");
  await faultOf("deadline", pair.connection.send({ action: "x" }), "time is up");
  await faultOf("deadline", pair.connection.read(), "time is up");
});

Deno.test("connection: nothing keeps time after it was closed", async () => {
  using pair = await connectionPair();
  pair.connection.close();
  pair.connection.close();
  // The sanitizer would see a timer of 20 seconds.
  await faultOf("network", pair.connection.read(), "closed");
  await faultOf("network", pair.connection.readPayload(new Uint8Array(1)), "closed");
  await faultOf("network", pair.connection.send({ action: "x" }), "closed");
});

// Connection: writing

Deno.test("connection: every message leaves in exactly one write", async () => {
  const [near, far] = await socketPair();
  const { conn, writes } = countingWrites(near);
  using connection = new Connection(conn);
  const frame = new Frame(16 * 1024);
  const messages = [
    encodeMessage({ action: "hello", id: 1 }),
    encodeMessage({ action: "chunks", id: 2 }, patterned(16 * 1024)),
    frame.seal({ action: "chunks", id: 3 }, 16 * 1024),
  ];
  await connection.send({ action: "hello", id: 1 });
  await connection.send({ action: "chunks", id: 2 }, patterned(16 * 1024));
  await connection.sendBytes(messages[2]);
  assertEquals(writes, messages.map(({ length }) => length));
  far.close();
});

Deno.test("connection: messages sent at the same time don't interleave", async () => {
  const [near, far] = await socketPair();
  using sender = new Connection(near);
  using receiver = new Connection(far);
  const lengths = Array.from({ length: 40 }, (_, id) => (id * 70_001) % PAYLOAD_CAP);
  const sending = Promise.all(
    lengths.map((length, id) => sender.send({ action: "x", id }, patterned(length, id + 1))),
  );
  for (const [id, length] of lengths.entries()) {
    const message = await receiver.read();
    assertEquals([message?.id, message?.payload], [id, length]);
    const payload = new Uint8Array(length);
    await receiver.readPayload(payload);
    assertSameBytes(payload, patterned(length, id + 1));
  }
  await sending;
});

Deno.test("connection: a message too large to send leaves the connection as it was", async () => {
  using pair = await connectionPair();
  const { connection, far } = pair;
  assertThrows(() => connection.send({ action: "x" }, new Uint8Array(PAYLOAD_CAP + 1)), RangeError);
  await connection.send({ action: "next" });
  assertEquals(await far.line(), { action: "next" });
});

Deno.test("connection: an end that doesn't read is given up", async () => {
  using pair = await connectionPair({ progressMs: 50 });
  const sending = pair.connection.sendBytes(new Uint8Array(64 << 20));
  const queued = pair.connection.send({ action: "after" });
  await Promise.all([
    faultOf("network", sending, "gave up waiting for the other end to read"),
    faultOf("network", queued, "gave up waiting for the other end to read"),
  ]);
  assert(pair.connection.closed);
});

Deno.test("connection: sending to an end that is gone fails", async () => {
  using pair = await connectionPair();
  pair.far.close();
  const send = async () => {
    for (;;) await pair.connection.send({ action: "x" }, new Uint8Array(PAYLOAD_CAP));
  };
  await faultOf("network", send, "closed the connection");
});

// Connection: opening

Deno.test("connection: opening where nobody listens names address and reason", async () => {
  const port = closedPort();
  const opening = Connection.open({ host: "127.0.0.1", port });
  await faultOf("network", opening, `Cannot connect to 127.0.0.1:${port}: connection refused`);
  const nowhere = Connection.open({ host: "no-such-host.invalid", port: 1 });
  await faultOf("network", nowhere, "Cannot connect to no-such-host.invalid:1: ");
  const without = Connection.over(() => Promise.reject(new Error("No IPv6 here")), "there");
  await faultOf("network", without, "Cannot connect to there: no IPv6 here");
});

Deno.test("connection: opening ends with the caller's own reason", async () => {
  const reason = new Fault("deadline", "too late");
  const opening = Connection.open({ host: "127.0.0.1", port: 1 }, {
    signal: AbortSignal.abort(reason),
  });
  assertStrictEquals(await faultOf("deadline", opening), reason);
});
