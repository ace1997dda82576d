import {
  assert,
  assertEquals,
  assertGreater,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import * as v from "valibot";
import { Fault } from "../src/fault.ts";
import { answer, type Handlers, Refused } from "../src/wire/answerer.ts";
import { Caller, Refusal } from "../src/wire/caller.ts";
import {
  decodeLine,
  decodePayload,
  encodeLine,
  encodeMessage,
  Frame,
  parseAs,
} from "../src/wire/codec.ts";
import { Connection, formatAddress } from "../src/wire/connection.ts";
import { Page } from "../src/wire/page.ts";
import {
  BootstrapRequest,
  Chunks,
  HANDSHAKE_MS,
  IDLE_MS,
  LINE_CAP,
  LIST_CAP,
  Ok,
  PAYLOAD_CAP,
  PeerHello,
  PeerRequest,
} from "../src/wire/protocol.ts";
import { askSeed, SeedFileInfo, SeedPeers, SeedRegistered } from "../src/wire/seed_dialect.ts";
import { Watchdog } from "../src/wire/watchdog.ts";
import { assertSameBytes, concat, patterned } from "./support/bytes.ts";
import { faultOf } from "./support/faults.ts";
import {
  closedPort,
  connectionPair,
  countingWrites,
  RawEnd,
  Scripted,
  socketPair,
} from "./support/sockets.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const PEER = "ab".repeat(32);
const ID = "cd".repeat(32);

const line = (text: string) => encoder.encode(text);
/** A message whose line is exactly `length` bytes long, newline included. */
const lineOf = (length: number) => {
  const empty = JSON.stringify({ action: "x", pad: "" }).length + 1;
  return JSON.stringify({ action: "x", pad: "p".repeat(length - empty) }) + "\n";
};

// Codec

Deno.test("codec: whatever is said arrives, payload or none", () => {
  const message = fc.record({
    action: fc.string({ maxLength: 64 }),
    id: fc.maxSafeNat(),
    text: fc.string({ unit: "binary", maxLength: 300 }),
    more: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.jsonValue({ maxDepth: 3 })),
  });
  fc.assert(
    fc.property(message, fc.option(fc.uint8Array({ maxLength: 500 })), (said, payload) => {
      const bytes = encodeMessage(said, payload ?? undefined);
      const end = bytes.indexOf(10);
      const expected = JSON.parse(JSON.stringify(said));
      if (payload) expected.payload = payload.length;
      assertEquals({ ...decodeLine(bytes.subarray(0, end)) }, expected);
      assertSameBytes(bytes.subarray(end + 1), payload ?? new Uint8Array());
    }),
  );
});

Deno.test("codec: a line of exactly the cap leaves, one byte more does not", () => {
  const message = JSON.parse(lineOf(LINE_CAP));
  assertEquals(encodeLine(message).length, LINE_CAP);
  assertThrows(() => encodeLine(JSON.parse(lineOf(LINE_CAP + 1))), RangeError, "Cannot send x");
  // What counts is bytes: these characters have two each.
  assertThrows(() => encodeLine({ action: "x", pad: "é".repeat(LINE_CAP / 2) }), RangeError);
});

Deno.test("codec: a payload of exactly the cap leaves, one byte more does not", () => {
  const full = encodeMessage({ action: "x" }, new Uint8Array(PAYLOAD_CAP));
  assertEquals(full.length, full.indexOf(10) + 1 + PAYLOAD_CAP);
  assertThrows(
    () => encodeMessage({ action: "x" }, new Uint8Array(PAYLOAD_CAP + 1)),
    RangeError,
    "1048577 bytes",
  );
  assertThrows(() => new Frame(PAYLOAD_CAP + 1), RangeError);
});

Deno.test("codec: a newline in a text does not end the line", () => {
  const bytes = encodeLine({ action: "x", text: "two\nlines" });
  assertEquals(bytes.indexOf(10), bytes.length - 1);
});

Deno.test("codec: what is no message is refused by a Fault of one short line", async () => {
  const bad: Record<string, string | Uint8Array> = {
    "empty": "",
    "not JSON": "hello",
    "half of JSON": '{"action":"x"',
    "two values": '{"action":"x"} {}',
    "single quotes": "{'action':'x'}",
    "HTTP": "GET / HTTP/1.1\r",
    "null": "null",
    "array": '["action"]',
    "array of one object": '[{"action":"x"}]',
    "number": "1",
    "string": '"action"',
    "no action": "{}",
    "action is a number": '{"action":1}',
    "action is an object": '{"action":{}}',
    "action is long": JSON.stringify({ action: "x".repeat(65) }),
    "invalid UTF-8": new Uint8Array([...line('{"action":"'), 0xff, 0xfe, ...line('"}')]),
    "cut UTF-8": new Uint8Array([...line('{"action":"'), 0xc3, ...line('"}')]),
    "surrogate in UTF-8": new Uint8Array([...line('{"action":"'), 0xed, 0xa0, 0x80, ...line('"}')]),
    "open brackets": "[".repeat(LINE_CAP - 1),
    "open braces": '{"a":'.repeat(LINE_CAP / 5 - 1),
    "brackets that close": "[".repeat(30_000) + "]".repeat(30_000),
  };
  for (
    const value of [
      "-1",
      "0.5",
      "1048577",
      "9007199254740993",
      "1e999",
      '"1"',
      "true",
      "null",
      "[]",
    ]
  ) {
    bad[`payload ${value}`] = `{"action":"x","payload":${value}}`;
  }
  for (const value of ["-1", "0.5", "1e17", '"1"', "null", "{}"]) {
    bad[`id ${value}`] = `{"action":"x","id":${value}}`;
  }
  for (const [what, text] of Object.entries(bad)) {
    const bytes = typeof text === "string" ? line(text) : text;
    const fault = await faultOf("network", () => decodeLine(bytes), "malformed");
    assertLess(fault.message.length, 220, what);
  }
});

Deno.test("codec: no line whatever does worse than a Fault", () => {
  const decode = (bytes: Uint8Array) => {
    try {
      decodeLine(bytes);
    } catch (error) {
      assertInstanceOf(error, Fault);
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), decode));
  fc.assert(fc.property(fc.json(), (text) => decode(line(text))));
});

Deno.test("codec: deep nesting inside a message is carried, not walked into", () => {
  const deep = "[".repeat(30_000) + "]".repeat(30_000);
  assertEquals(decodeLine(line(`{"action":"x","id":1,"deep":${deep}}`)).id, 1);
});

Deno.test("codec: of a field said twice the last one holds, and its cap", async () => {
  assertEquals(decodeLine(line('{"action":"x","payload":1,"payload":2}')).payload, 2);
  const twice = line('{"action":"x","payload":1,"payload":2000000}');
  await faultOf("network", () => decodeLine(twice), "payload");
});

Deno.test("codec: keys of prototypes change nothing but themselves", () => {
  const evil = decodeLine(
    line('{"action":"x","__proto__":{"id":7,"polluted":1},"constructor":{"prototype":{"a":1}}}'),
  );
  assertEquals(evil.id, undefined);
  assertEquals((evil as Record<string, unknown>).polluted, undefined);
  assertEquals(({} as Record<string, unknown>).polluted, undefined);
  const onlyInherited = line('{"__proto__":{"action":"x"}}');
  assertThrows(() => decodeLine(onlyInherited), Fault, "action");
});

Deno.test("codec: unknown fields are ignored by a schema", () => {
  const heartbeat = decodeLine(line('{"action":"heartbeat","id":3,"mood":"fine"}'));
  const request = parseAs(BootstrapRequest, heartbeat, "heartbeat");
  assertEquals(request, { action: "heartbeat", id: 3 });
});

Deno.test("codec: a schema's complaint names the field", async () => {
  const request = { action: "get_chunks", id: 1, file: ID, first: 0, count: 17 };
  await faultOf("network", () => parseAs(PeerRequest, request, "get_chunks"), "get_chunks: count");
});

Deno.test("protocol: requests at the edges of their fields", () => {
  const chunks = { action: "get_chunks", id: 0, file: ID, first: 0, count: 1 };
  const digests = { action: "get_digests", id: 0, file: ID, level: 3, page: 0 };
  const good = [
    chunks,
    { ...chunks, count: 16, first: Number.MAX_SAFE_INTEGER },
    digests,
    { action: "hello", id: 1, protocol: 1, agent: "x".repeat(10_000) },
    { action: "hello", id: 1, protocol: 1, agent: "", peer: PEER },
  ];
  const bad = [
    { ...chunks, count: 0 },
    { ...chunks, count: 17 },
    { ...chunks, count: 1.5 },
    { ...chunks, first: -1 },
    { ...chunks, first: 2 ** 53 },
    { ...chunks, file: ID.toUpperCase() },
    { ...chunks, file: ID.slice(1) },
    { ...chunks, file: ID + "\n" },
    { ...chunks, file: undefined },
    { ...chunks, id: undefined },
    { ...digests, level: 4 },
    { ...digests, level: -1 },
    { ...digests, page: "0" },
    { action: "hello", id: 1, protocol: 1, agent: "x", peer: "me" },
    { action: "launch", id: 1 },
  ];
  for (const request of good) assert(v.is(PeerRequest, request), JSON.stringify(request));
  for (const request of bad) assert(!v.is(PeerRequest, request), JSON.stringify(request));
  const { agent } = v.parse(PeerRequest, good[3]) as { agent: string };
  assertEquals(agent.length, 200, "what another program says of itself is cut");
});

Deno.test("codec: a payload of JSON is checked as a whole", async () => {
  const list = v.pipe(v.array(v.number()), v.maxLength(3));
  assertEquals(decodePayload(list, line("[1,2,3]")), [1, 2, 3]);
  for (const text of ["[1,2,3,4]", "[1,null]", "{}", "", "[1", "[".repeat(500_000)]) {
    await faultOf("network", () => decodePayload(list, line(text)), "malformed");
  }
});

// Frame

Deno.test("frame: header and body are one array, and the body was not copied", () => {
  const frame = new Frame(100);
  assertEquals(frame.body.length, 100);
  frame.body.set(patterned(100));
  for (const length of [0, 1, 99, 100]) {
    const bytes = frame.seal({ action: "chunks", id: Number.MAX_SAFE_INTEGER }, length);
    assertStrictEquals(bytes.buffer, frame.body.buffer);
    assertSameBytes(
      bytes,
      encodeMessage(
        { action: "chunks", id: Number.MAX_SAFE_INTEGER },
        patterned(100).subarray(0, length),
      ),
    );
  }
});

Deno.test("frame: it can be sealed again, with a shorter header after a longer one", () => {
  const frame = new Frame(3);
  frame.body.set([1, 2, 3]);
  frame.seal({ action: "chunks", id: 1_000_000 }, 3);
  const bytes = frame.seal({ action: "chunks", id: 1 }, 3);
  assertSameBytes(bytes, encodeMessage({ action: "chunks", id: 1 }, new Uint8Array([1, 2, 3])));
});

Deno.test("frame: a header too long for its room is an error, not a wrong message", () => {
  const frame = new Frame(10);
  const room = 512 - JSON.stringify({ action: "x", pad: "", payload: 10 }).length - 1;
  assertEquals(frame.seal({ action: "x", pad: "p".repeat(room) }, 10).length, 522);
  assertThrows(
    () => frame.seal({ action: "x", pad: "p".repeat(room + 1) }, 10),
    RangeError,
    "header is too long",
  );
});

// Page

Deno.test("page: it is full at its number of items, and at the bytes of a payload", () => {
  const many = new Page<number>();
  for (let n = 0; n < LIST_CAP; n++) assert(many.add(n));
  assert(!many.add(0));
  const large = new Page<string>();
  const item = "é".repeat(5_000);
  while (large.add(item));
  const bytes = encoder.encode(JSON.stringify(large.items)).length;
  assert(bytes <= PAYLOAD_CAP && bytes + 10_003 > PAYLOAD_CAP, `${bytes} bytes`);
});

// Watchdog

/** Resolves with what the watchdog misses. */
function watch(): { dog: Watchdog; late: Promise<string>; calls: string[] } {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const calls: string[] = [];
  const dog = new Watchdog((expected) => {
    calls.push(expected);
    resolve(expected);
  });
  return { dog, late, calls };
}

Deno.test("watchdog: it barks once, no earlier than it was told", async () => {
  const { dog, late, calls } = watch();
  const started = performance.now();
  dog.expect("a sign of life", 30);
  assertEquals(await late, "a sign of life");
  assertGreater(performance.now() - started, 28);
  assertEquals(calls.length, 1);
  dog.stop();
});

Deno.test("watchdog: the newest expectation counts, be it later or sooner", async () => {
  const later = watch();
  const started = performance.now();
  later.dog.expect("the first", 10);
  later.dog.expect("the second", 60);
  assertEquals(await later.late, "the second");
  assertGreater(performance.now() - started, 58);
  const sooner = watch();
  sooner.dog.expect("the first", 60_000);
  sooner.dog.expect("the second", 5);
  assertEquals(await sooner.late, "the second");
});

Deno.test("watchdog: it keeps quiet once it is relaxed, and wakes for the next", async () => {
  const { dog, late, calls } = watch();
  dog.expect("nothing", 5);
  dog.relax();
  const other = watch();
  other.dog.expect("a later one", 30);
  await other.late;
  assertEquals(calls, []);
  dog.expect("something", 5);
  assertEquals(await late, "something");
});

Deno.test("watchdog: stopped, it holds no timer, whatever is expected after", () => {
  const { dog } = watch();
  dog.expect("something", 60_000);
  dog.stop();
  dog.expect("something", 60_000); // the sanitizer would see a timer
});

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
});

Deno.test("connection: opening ends with the caller's own reason", async () => {
  const reason = new Fault("deadline", "too late");
  const opening = Connection.open({ host: "127.0.0.1", port: 1 }, {
    signal: AbortSignal.abort(reason),
  });
  assertStrictEquals(await faultOf("deadline", opening), reason);
});

// Caller

const EchoReply = v.object({ action: v.literal("echoed"), id: v.number(), n: v.number() });

/** A caller whose other end is spoken by hand. */
async function callerPair(): Promise<{ caller: Caller; far: RawEnd } & Disposable> {
  const pair = await connectionPair({ progressMs: 5_000 });
  const dispose = () => pair[Symbol.dispose]();
  return { caller: new Caller(pair.connection), far: pair.far, [Symbol.dispose]: dispose };
}

Deno.test("caller: a hundred requests in flight, each gets its own reply", async () => {
  using pair = await callerPair();
  const { caller, far } = pair;
  const asked = Array.from(
    { length: 100 },
    (_, n) => caller.request({ action: "echo", n }, EchoReply),
  );
  assertEquals(caller.inFlight, 100);
  const requests = [];
  for (let n = 0; n < 100; n++) requests.push(await far.line());
  for (const { id, n } of requests) {
    await far.send({ action: "echoed", id, n, payload: n }, patterned(n, n + 1));
  }
  for (const [n, { reply, payload }] of (await Promise.all(asked)).entries()) {
    assertEquals(reply.n, n);
    assertSameBytes(payload, patterned(n, n + 1));
  }
  assertEquals(caller.inFlight, 0);
});

Deno.test("caller: replies are read as they come, before all requests are out", async () => {
  using pair = await callerPair();
  const { caller, far } = pair;
  for (let n = 0; n < 3; n++) {
    const asked = caller.request({ action: "echo", n }, EchoReply);
    const { id } = await far.line();
    await far.send({ action: "echoed", id, n });
    assertEquals((await asked).reply.n, n);
  }
});

Deno.test("caller: a refusal fails its request alone", async () => {
  using pair = await callerPair();
  const { caller, far } = pair;
  const asked = ["first", "second", "third"].map((action) => caller.request({ action }, EchoReply));
  const failed = assertRejects(() => asked[1], Refusal);
  const { id } = await far.line();
  await far.send(
    { action: "echoed", id, n: 1 },
    { action: "error", id: id + 1, code: "not_shared", message: "no such file" },
    { action: "echoed", id: id + 2, n: 3 },
  );
  assertEquals((await asked[0]).reply.n, 1);
  const refusal = await failed as Refusal;
  assertEquals([refusal.kind, refusal.code], ["network", "not_shared"]);
  assert(refusal.message.endsWith("refused: no such file"), refusal.message);
  assertEquals((await asked[2]).reply.n, 3);
});

Deno.test("caller: a payload goes where it is wanted, to the byte", async () => {
  using pair = await callerPair();
  const { caller, far } = pair;
  const into = new Uint8Array(10);
  const asked = caller.request({ action: "get_chunks" }, Chunks, { into });
  const { id } = await far.line();
  await far.send({ action: "chunks", id, payload: 4 }, new Uint8Array([1, 2, 3, 4]));
  const { payload } = await asked;
  assertStrictEquals(payload.buffer, into.buffer);
  assertEquals([...into], [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]);
});

/** What every request in flight fails with when the other end does `misdeed` to the first. */
async function failAll(misdeed: (far: RawEnd, id: number) => unknown, text: string): Promise<void> {
  using pair = await callerPair();
  const { caller, far } = pair;
  const options = { into: new Uint8Array(8) };
  const asked = [1, 2, 3].map(() =>
    faultOf("network", caller.request({ action: "get" }, Chunks, options), text)
  );
  const { id } = await far.line();
  await misdeed(far, id);
  await Promise.all(asked);
  await faultOf("network", caller.request({ action: "get" }, Chunks), text);
  assert(caller.connection.closed);
  assertEquals(caller.inFlight, 0);
}

Deno.test("caller: whatever breaks the rules fails every request in flight", async () => {
  const payload = (length: number) => new Uint8Array(length);
  await failAll(
    (far, id) => far.send({ action: "chunks", id: id + 1, payload: 0 }),
    "out of order",
  );
  await failAll((far) => far.send({ action: "chunks", payload: 0 }), "out of order");
  await failAll(
    (far, id) => far.send({ action: "chunks", id, payload: 9 }, payload(9)),
    "sent 9 bytes",
  );
  await failAll(
    (far, id) => far.send({ action: "chunks", id, payload: PAYLOAD_CAP + 1 }),
    "payload",
  );
  await failAll((far, id) => far.send({ action: "chunks", id }), "malformed reply to get: payload");
  await failAll(
    (far, id) => far.send({ action: "digests", id, payload: 0 }),
    "malformed reply to get",
  );
  await failAll((far) => far.send("HTTP/1.1 400 Bad Request\r\n"), "malformed message");
  await failAll((far) => far.close(), "closed the connection");
  await failAll(async (far) => {
    await far.send('{"action":"chu');
    far.close();
  }, "closed the connection");
  await failAll(async (far, id) => {
    await far.send({ action: "chunks", id, payload: 5 }, payload(2));
    far.close();
  }, "closed the connection");
  await failAll(
    (far) => far.send({ action: "error", code: "busy", message: "too many callers" }),
    "refused: too many callers",
  );
});

Deno.test("caller: a request that can't be encoded leaves the others alone", async () => {
  using pair = await callerPair();
  const { caller, far } = pair;
  const name = "x".repeat(LINE_CAP);
  await assertRejects(() => caller.request({ action: "find", name }, Ok), RangeError);
  const asked = caller.request({ action: "heartbeat" }, Ok);
  const { id } = await far.line();
  await far.send({ action: "ok", id });
  assertEquals((await asked).reply.id, id);
});

Deno.test("caller: closing fails what is in flight, and says why", async () => {
  using pair = await callerPair();
  const { caller } = pair;
  const asked = [1, 2].map(() =>
    faultOf("deadline", caller.request({ action: "x" }, Ok), "too late")
  );
  caller.close(new Fault("deadline", "too late"));
  await Promise.all(asked);
  await faultOf("deadline", caller.request({ action: "x" }, Ok), "too late");
});

Deno.test("caller: an end that doesn't answer in time is given up", async () => {
  using pair = await connectionPair({ progressMs: 30 });
  const caller = new Caller(pair.connection);
  await faultOf("network", caller.request({ action: "x" }, Ok), "made no progress");
});

Deno.test("caller: open says hello and gets one", async () => {
  const heard: unknown[] = [];
  await using callee = new Scripted(async (end) => {
    const hello = await end.line();
    heard.push(hello);
    await end.send({ action: "hello", id: hello.id, protocol: 1, agent: "other/2", peer: PEER });
    await end.closed();
  });
  const { caller, hello } = await Caller.open(callee.address, PeerHello, {
    agent: "test/1",
    peer: ID,
  });
  assertEquals([hello.agent, hello.peer], ["other/2", PEER]);
  assertEquals(heard, [{ action: "hello", id: 1, protocol: 1, agent: "test/1", peer: ID }]);
  caller.close();
});

Deno.test("caller: open tells who else may be listening there", async () => {
  const cases: [script: (end: RawEnd) => Promise<unknown>, text: string][] = [
    [(end) => end.send("HTTP/1.1 400 Bad Request\r\n\r\n"), "malformed message"],
    [(end) => end.line(), "closed the connection"],
    [
      async (end) =>
        end.send({ action: "error", id: (await end.line()).id, code: "bad_version", message: "" }),
      "refused: bad_version",
    ],
    [
      async (end) =>
        end.send({ action: "hello", id: (await end.line()).id, protocol: 1, agent: "x" }),
      "malformed reply to hello: peer",
    ],
  ];
  for (const [script, text] of cases) {
    await using callee = new Scripted(script);
    await faultOf("network", Caller.open(callee.address, PeerHello, { agent: "test/1" }), text);
  }
});

Deno.test("caller: open at a silent end stops when it is told to", async () => {
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  await using callee = new Scripted(async (end) => {
    await end.line();
    abort.abort(reason);
    await end.closed();
  });
  const opening = Caller.open(callee.address, PeerHello, { agent: "x", signal: abort.signal });
  assertStrictEquals(await faultOf("deadline", opening), reason);
});

// Answerer

/** How a connection that was answered has ended: null when all was well. */
interface Served {
  far: RawEnd;
  /** Requests that the handler was given, as `action`, or `action:payload`. */
  handled: string[];
  ended: Promise<Fault | null>;
  /** Time limits that reads were given. */
  limits: number[];
}

/** Notes the time that each message is given, and gives it less. */
class Impatient extends Connection {
  readonly limits: number[] = [];

  override read(idleMs?: number) {
    this.limits.push(idleMs ?? NaN);
    return super.read(Math.min(idleMs ?? Infinity, 100));
  }
}

/** Serves one connection as a bootstrap would be served. */
async function serve(
  handlers: Partial<Handlers<BootstrapRequest>> = {},
): Promise<Served & AsyncDisposable> {
  const [near, far] = await socketPair();
  const connection = new Impatient(near, { progressMs: 100 });
  const handled: string[] = [];
  const ended = answer<BootstrapRequest>(connection, {
    requests: BootstrapRequest,
    seed: async (message) => {
      handled.push(`seed ${message.action}`);
      await connection.sendBytes(encodeLine({ status: "registered" }));
    },
    answer: (request, payload) => {
      handled.push(request.action + (payload.length > 0 ? `:${decoder.decode(payload)}` : ""));
      if (request.action === "find") throw new Refused("busy", "later");
      if (request.action === "get_peers") {
        return { message: { action: "peers", id: request.id }, payload: line("[]") };
      }
      if (request.action === "list_files") {
        return encodeMessage({ action: "files", id: request.id });
      }
      return { message: { action: "ok", id: request.id } };
    },
    last: (request) => request.action === "goodbye",
    ...handlers,
  }).then(() => null, (error) => {
    assertInstanceOf(error, Fault);
    return error;
  }).finally(() => connection.close());
  const end = new RawEnd(far);
  return {
    far: end,
    handled,
    ended,
    limits: connection.limits,
    [Symbol.asyncDispose]: async () => {
      end.close();
      await ended;
    },
  };
}

const HELLO = { action: "hello", id: 1, protocol: 1, agent: "test/1" };

Deno.test("answerer: replies in order, and ends without a fault when the caller closes", async () => {
  await using served = await serve();
  const { far } = served;
  await far.send(
    HELLO,
    { action: "heartbeat", id: 7 },
    { action: "announce", id: 5, payload: 2 },
    "[]",
    { action: "get_peers", id: 5 },
    { action: "list_files", id: 9 },
  );
  assertEquals(await far.line(), { action: "ok", id: 1 });
  assertEquals(await far.line(), { action: "ok", id: 7 });
  assertEquals(await far.line(), { action: "ok", id: 5 });
  assertEquals(await far.line(), { action: "peers", id: 5, payload: 2 });
  assertEquals(decoder.decode(await far.bytes(2)), "[]");
  assertEquals(await far.line(), { action: "files", id: 9 });
  far.close();
  assertEquals(await served.ended, null);
  assertEquals(served.handled, ["hello", "heartbeat", "announce:[]", "get_peers", "list_files"]);
});

Deno.test("answerer: a last request is answered, then the connection ends", async () => {
  await using served = await serve();
  await served.far.send(HELLO, { action: "goodbye", id: 2 }, { action: "heartbeat", id: 3 });
  await served.far.line();
  assertEquals(await served.far.line(), { action: "ok", id: 2 });
  assertEquals(await served.ended, null);
  assertEquals(served.handled, ["hello", "goodbye"]);
});

Deno.test("answerer: what it doesn't know or refuses keeps the connection", async () => {
  await using served = await serve();
  const { far } = served;
  await far.send(HELLO, { action: "dance", id: 2 }, { action: "find", id: 3, name: "a" });
  await far.line();
  const unknown = await far.line();
  assertEquals([unknown.action, unknown.id, unknown.code], ["error", 2, "unknown_action"]);
  assertEquals(await far.line(), { action: "error", id: 3, code: "busy", message: "later" });
  await far.send({ action: "heartbeat", id: 4 });
  assertEquals(await far.line(), { action: "ok", id: 4 });
});

Deno.test("answerer: a broken rule is told, then the connection ends", async () => {
  const cases: [what: string, said: (string | object)[], error: object][] = [
    ["no hello", [{ action: "heartbeat", id: 1 }], { id: 1, code: "bad_message" }],
    ["unknown before hello", [{ action: "dance", id: 1 }], { id: 1, code: "bad_message" }],
    ["version", [{ ...HELLO, protocol: 2 }], { id: 1, code: "bad_version" }],
    ["version, with other fields", [{ action: "hello", id: 4, protocol: 99 }], {
      id: 4,
      code: "bad_version",
    }],
    ["no id", [HELLO, { action: "heartbeat" }], { code: "bad_message" }],
    ["payload", [HELLO, { action: "heartbeat", id: 2, payload: 9 }], {
      id: 2,
      code: "bad_message",
    }],
    ["payload with hello", [{ ...HELLO, payload: 1_000 }], { id: 1, code: "bad_message" }],
    ["field", [HELLO, { action: "register", id: 2, peer: "me" }], { id: 2, code: "bad_message" }],
    ["no JSON", [HELLO, "GET / HTTP/1.1\r\n"], { code: "bad_message" }],
    ["no JSON at once", ["GET / HTTP/1.1\r\n"], { code: "bad_message" }],
    ["large payload", [HELLO, `{"action":"announce","id":2,"payload":1048577}\n`], {
      code: "bad_message",
    }],
  ];
  for (const [what, said, { ...expected }] of cases) {
    await using served = await serve();
    const { far } = served;
    await far.send(...said);
    if (said.length > 1) await far.line();
    const { action, id, code, message } = await far.line();
    assertEquals({ action, id, code }, { action: "error", id: undefined, ...expected }, what);
    assert(message.length > 0 && message.length < 250, what);
    const fault = await served.ended;
    assertEquals(fault?.kind, "network", what);
    assert(served.handled.every((action) => action === "hello"), what);
    await far.closed();
  }
});

Deno.test("answerer: a payload is read only for actions that have one, and in full", async () => {
  await using served = await serve();
  await served.far.send(HELLO, { action: "announce", id: 2, payload: 10 }, "12345");
  served.far.close();
  const fault = await served.ended;
  assert(fault, "cut off");
  assertEquals(served.handled, ["hello"]);
});

Deno.test("answerer: the first message without an id is the seed's, later ones are faults", async () => {
  await using served = await serve();
  await served.far.send({ action: "register", address: "x", port: 1 });
  assertEquals(await served.far.line(), { status: "registered" });
  assertEquals(await served.ended, null);
  assertEquals(served.handled, ["seed register"]);
});

Deno.test("answerer: a caller gets ten seconds for hello, and two minutes after it", async () => {
  {
    await using silent = await serve();
    await silent.far.closed();
    const fault = await silent.ended;
    assert(fault?.message.includes("made no progress"));
    assertEquals(silent.limits, [HANDSHAKE_MS]);
  }
  await using idle = await serve();
  await idle.far.send(HELLO);
  await idle.far.closed();
  assert((await idle.ended)?.message.includes("gave up waiting for a message"));
  assertEquals(idle.limits, [HANDSHAKE_MS, IDLE_MS]);
});

Deno.test("answerer: a caller that doesn't read is not buffered for", async () => {
  let answered = 0;
  await using served = await serve({
    answer: ({ id }) => {
      answered++;
      return { message: { action: "ok", id }, payload: new Uint8Array(PAYLOAD_CAP) };
    },
  });
  const requests = Array.from({ length: 100 }, (_, id) => ({ action: "heartbeat", id }));
  await served.far.send(HELLO, ...requests);
  assert((await served.ended)?.message.includes("the other end to read"));
  assertLess(answered, 60);
});

Deno.test("answerer: a caller that vanishes while it is answered is no fault of the program's", async () => {
  await using served = await serve({
    answer: async ({ id }) => {
      served.far.close();
      await Promise.resolve();
      return { message: { action: "ok", id }, payload: new Uint8Array(PAYLOAD_CAP) };
    },
  });
  await served.far.send(HELLO, ...Array.from({ length: 20 }, () => HELLO));
  const fault = await served.ended;
  assert(fault === null || fault.kind === "network");
});

// The seed's dialect

const digestOf = (n: number) => n.toString(16).padStart(64, "0");

Deno.test("seed dialect: one line out, one line back, and the connection is closed", async () => {
  const heard: unknown[] = [];
  await using seed = new Scripted(async (end) => {
    heard.push(await end.line());
    await end.send({ status: "registered" });
    await end.closed();
  });
  const reply = await askSeed(
    seed.address,
    (local) => ({ action: "register", address: local.host, port: 1 }),
    SeedRegistered,
  );
  assertEquals(reply, { status: "registered" });
  assertEquals(heard, [{ action: "register", address: "127.0.0.1", port: 1 }]);
});

Deno.test("seed dialect: a list of digests far longer than our own lines is read", async () => {
  const hashes = Array.from({ length: 20_000 }, (_, n) => digestOf(n));
  const info = {
    ...{ action: "file_info", filename: "a", chunk_size: 65_536 },
    ...{ num_chunks: hashes.length, chunk_hashes: hashes },
  };
  await using seed = new Scripted(async (end) => {
    await end.line();
    await end.send(info);
  });
  const reply = await askSeed(
    seed.address,
    { action: "file_request", filename: "a" },
    SeedFileInfo,
  );
  assertEquals(reply.chunk_hashes.length, 20_000);
});

Deno.test("seed dialect: what doesn't fit is a fault that names the other end", async () => {
  const info = {
    action: "file_info",
    filename: "a",
    chunk_size: 65_536,
    num_chunks: 1,
    chunk_hashes: [digestOf(1)],
  };
  const cases: [reply: string | object | null, text: string][] = [
    [null, "closed the connection without an answer"],
    ["garbage\n", "sent a malformed message"],
    ['{"cut', "in the middle of a message"],
    ["null\n", "sent a malformed payload"],
    [{ ...info, chunk_size: 1_024 }, "chunk_size"],
    [{ ...info, num_chunks: 2 }, "num_chunks"],
    [{ ...info, num_chunks: -1 }, "num_chunks"],
    [{ ...info, chunk_hashes: ["x"] }, "chunk_hashes"],
    ["x".repeat(20_000), "a line of more than 10000 bytes"],
  ];
  for (const [reply, text] of cases) {
    await using seed = new Scripted(async (end) => {
      await end.line();
      if (reply !== null) await end.send(reply);
    });
    const asking = askSeed(seed.address, { action: "x" }, SeedFileInfo, { lineCap: 10_000 });
    const fault = await faultOf("network", asking, text);
    assert(fault.message.startsWith(formatAddress(seed.address)), fault.message);
  }
});

Deno.test("seed dialect: entries of a peer list that are no address are left out", async () => {
  await using seed = new Scripted(async (end) => {
    await end.line();
    await end.send({
      peers: [
        { address: "10.0.0.1", port: 10_000 },
        { address: "10.0.0.1", port: 0 },
        { address: "spaced out", port: 1 },
        { address: "10.0.0.2", port: "10000" },
        null,
        "10.0.0.3:1",
        { address: "seed.example", port: 65_535, more: true },
      ],
    });
  });
  const { peers } = await askSeed(seed.address, { action: "get_peers" }, SeedPeers);
  assertEquals(peers, [
    { address: "10.0.0.1", port: 10_000 },
    { address: "seed.example", port: 65_535 },
  ]);
});

Deno.test("seed dialect: the time limit is for all of it, however it drips", async () => {
  await using seed = new Scripted(async (end) => {
    await end.line();
    for (;;) {
      await end.send("x");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  const started = performance.now();
  const asking = askSeed(seed.address, { action: "x" }, SeedPeers, { ms: 80 });
  const fault = await faultOf("network", asking);
  assert(/did not answer within 0.08 s|made no progress/.test(fault.message), fault.message);
  assertLess(performance.now() - started, 1_500);
});

Deno.test("seed dialect: it stops when it is told to, with the reason", async () => {
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  await using seed = new Scripted(async (end) => {
    await end.line();
    abort.abort(reason);
    await end.closed();
  });
  const asking = askSeed(seed.address, { action: "x" }, SeedPeers, { signal: abort.signal });
  assertStrictEquals(await faultOf("deadline", asking), reason);
});
