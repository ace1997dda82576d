import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import * as v from "valibot";
import { Fault } from "../../src/fault.ts";
import {
  decodeLine,
  decodePayload,
  encodeLine,
  encodeMessage,
  Frame,
  parseAs,
} from "../../src/wire/codec.ts";
import { Batch } from "../../src/wire/batch.ts";
import {
  BootstrapRequest,
  LINE_CAP,
  LIST_CAP,
  PAYLOAD_CAP,
  PeerRequest,
} from "../../src/wire/protocol.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { lineOf } from "../support/line_of.ts";

const encoder = new TextEncoder();
const PEER = "ab".repeat(32);
const ID = "cd".repeat(32);
const line = (text: string) => encoder.encode(text);

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
    "a byte order mark": '\ufeff{"action":"x"}',
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
    { ...chunks, unless_taken: true },
  ];
  const bad = [
    { ...chunks, count: 0 },
    { ...chunks, count: 17 },
    { ...chunks, count: 1.5 },
    { ...chunks, first: -1 },
    { ...chunks, unless_taken: 1 },
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

// Batch

Deno.test("batch: it is full at its number of items, and at the bytes of a payload", () => {
  const many = new Batch<number>();
  for (let n = 0; n < LIST_CAP; n++) assert(many.add(n));
  assert(!many.add(0));
  const large = new Batch<string>();
  const item = "é".repeat(5_000);
  while (large.add(item));
  const bytes = encoder.encode(JSON.stringify(large.items)).length;
  assert(bytes <= PAYLOAD_CAP && bytes + 10_003 > PAYLOAD_CAP, `${bytes} bytes`);
});
