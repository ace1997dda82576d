import { assert, assertEquals, assertLess } from "@std/assert";
import { PIECE_CHUNKS, PIECE_SIZE } from "../../../src/content/piece_map.ts";
import { PieceNotices } from "../../../src/peer/serve/piece_notices.ts";
import { RateLimiter } from "../../../src/async/rate_limiter.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { CHUNK_SIZE } from "../../../src/wire/protocol.ts";
import { assertSameBytes, patterned, sha256 } from "../../support/bytes.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { Growing, HeardMap } from "../../support/growing.ts";
import { codeOf, have, serving, YOU } from "../../support/serving.ts";
import { type RawEnd, socketPair } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";

const MIB = 1 << 20;

Deno.test("uploader: a share is served whole", async () => {
  await using it = await serving();
  const end = await it.call();
  const { id, content } = it.share;
  await end.send(
    { action: "have", id: 2, file: id },
    { action: "get_digests", id: 3, file: id, level: 0, page: 0 },
    { action: "get_chunks", id: 4, file: id, first: 40, count: 9 },
  );
  assertEquals(await end.line(), { action: "map", id: 2, complete: true });
  assertEquals(await end.line(), { action: "digests", id: 3, payload: 49 * 32 });
  assertSameBytes(
    (await end.bytes(49 * 32)).subarray(0, 32),
    sha256(content.subarray(0, CHUNK_SIZE)),
  );
  assertEquals(await end.line(), { action: "chunks", id: 4, payload: 9 * CHUNK_SIZE });
  assertSameBytes(await end.bytes(9 * CHUNK_SIZE), content.subarray(40 * CHUNK_SIZE));
  assertEquals(it.served, [["a/file", 9 * CHUNK_SIZE]]);
});

Deno.test("uploader: a download is served as far as it is", async () => {
  await using it = await serving();
  const growing = new Growing(patterned(4 * PIECE_SIZE + 1, 2));
  const stop = it.downloads.add(growing);
  const end = await it.call();
  const { id: file } = growing;
  const chunks = (id: number, first: number, count: number) => (
    { action: "get_chunks", id, file, first, count }
  );
  const page = { action: "get_digests", id: 9, file, level: 0, page: 0 };
  assertEquals(await codeOf(end, chunks(2, 0, 4)), "not_yet");
  assertEquals(await codeOf(end, page), "not_yet");
  growing.get(1, 2, 4);
  it.state.digests.put(file, 0, 0, patterned(17 * 32));
  assertEquals(await codeOf(end, chunks(3, 3, 2)), "not_yet");
  assertEquals(await codeOf(end, chunks(4, 4, 9)), "not_yet");
  assertEquals(await codeOf(end, chunks(5, 16, 2)), "out_of_range");
  await end.send(chunks(6, 4, 8), chunks(7, 16, 1), page);
  assertEquals(await end.line(), { action: "chunks", id: 6, payload: 2 * PIECE_SIZE });
  assertSameBytes(
    await end.bytes(2 * PIECE_SIZE),
    growing.content.subarray(PIECE_SIZE, 3 * PIECE_SIZE),
  );
  assertEquals(await end.line(), { action: "chunks", id: 7, payload: 1 });
  assertSameBytes(await end.bytes(1), growing.content.subarray(4 * PIECE_SIZE));
  assertEquals((await end.line()).action, "digests");
  assertSameBytes(await end.bytes(17 * 32), patterned(17 * 32));
  assertEquals(it.served.map(([name]) => name), ["growing", "growing"]);
  growing.readable = false;
  assertEquals(await codeOf(end, chunks(10, 4, 1)), "unreadable");
  stop();
  assertEquals(await codeOf(end, chunks(11, 4, 4)), "not_shared");
});

Deno.test("uploader: have tells what is there, and then what is new", async () => {
  await using it = await serving();
  const growing = new Growing(patterned(20 * PIECE_SIZE, 3));
  it.downloads.add(growing);
  growing.get(0, 9);
  const end = await it.call();
  await end.send(have(2, growing.id), have(3, growing.id));
  for (const id of [2, 3]) {
    assertEquals(await end.line(), { action: "map", id, complete: false, payload: 3 });
    assertEquals([...await end.bytes(3)], [0b1, 0b10, 0]);
  }
  assertEquals(growing.map.listeners, 1, "asked twice, told once");
  growing.get(4, 2, 3, 12);
  const file = growing.id;
  assertEquals(await end.line(), { action: "has", file, runs: [[2, 3], [12, 1]] });
  growing.get(5);
  assertEquals(await end.line(), { action: "has", file, runs: [[5, 1]] });
  growing.get(...Array.from({ length: 20 }, (_, piece) => piece));
  const told = new Set<number>();
  while (told.size < 13) {
    const { runs } = await end.line();
    for (const [first, count] of runs) for (let n = 0; n < count; n++) told.add(first + n);
  }
  await end.send(have(4, growing.id));
  assertEquals(await end.line(), { action: "map", id: 4, complete: true });
  end.close();
  await until(() => growing.map.listeners === 0);
});

Deno.test("uploader: who fetches a file is told what the others ask for, once for each piece", async () => {
  await using it = await serving();
  const file = it.share.id;
  const asked: [id: number, first: number, count: number][] = [[3, 4, 2], [4, 6, 2], [5, 9, 4]];
  const asking = await it.call({ port: 1_001 });
  const [listening, stranger] = [await it.call(), await it.call()];
  for (const end of [asking, listening]) {
    await end.send(have(2, file));
    assertEquals((await end.line()).complete, true);
  }
  await asking.send(
    ...asked.map(([id, first, count]) => ({ action: "get_chunks", id, file, first, count })),
  );
  for (const [id, , count] of asked) {
    assertEquals(await asking.line(), { action: "chunks", id, payload: count * CHUNK_SIZE });
    await asking.bytes(count * CHUNK_SIZE);
  }
  const pieces = new Set<number>();
  while (pieces.size < 3) {
    const notice = await listening.line();
    assertEquals([notice.action, notice.file], ["taken", file]);
    for (const [first, count] of notice.runs) {
      for (let piece = first; piece < first + count; piece++) {
        assert(!pieces.has(piece), `${piece} is told of again`);
        pieces.add(piece);
      }
    }
  }
  assertEquals([...pieces].sort(), [1, 2, 3]);
  // Neither who asks for them nor who fetches nothing hears of them.
  for (const end of [asking, stranger]) {
    await end.send(have(9, file));
    assertEquals((await end.line()).action, "map");
  }
});

Deno.test("uploader: with unless_taken, what another asked for first is refused while that one stays", async () => {
  await using it = await serving();
  const file = it.share.id;
  let id = 2;
  /**
   * The code of the refusal, or "" when the chunks came. Notices in between say what others are
   * sent.
   */
  const ask = async (end: RawEnd, piece: number, unless: object = { unless_taken: true }) => {
    const range = { first: piece * PIECE_CHUNKS, count: PIECE_CHUNKS };
    await end.send({ action: "get_chunks", id: ++id, file, ...range, ...unless });
    let reply = await end.line();
    while (reply.action === "taken") reply = await end.line();
    assertEquals(reply.id, id);
    if (reply.action === "error") return reply.code;
    const position = piece * PIECE_SIZE;
    const content = it.share.content.subarray(position, position + PIECE_SIZE);
    assertSameBytes(await end.bytes(reply.payload), content);
    return "";
  };
  const one = "ef".repeat(32);
  const [first, other] = [
    await it.call({ port: 1_001, peer: one }),
    await it.call({ port: 1_002 }),
  ];
  const [mute, stranger] = [await it.call(), await it.call()];
  for (const end of [first, other, mute]) {
    await end.send(have(2, file));
    assertEquals((await end.line()).complete, true);
  }
  assertEquals(await ask(stranger, 5), "");
  assertEquals(await ask(other, 5), "", "who asked before fetches nothing that could be passed on");
  assertEquals(await ask(mute, 6), "");
  assertEquals(await ask(other, 6), "", "who doesn't listen passes nothing on");
  assertEquals(await ask(first, 1, {}), "");
  assertEquals(await ask(other, 1), "taken");
  assertEquals(await ask(stranger, 1), "taken");
  assertEquals(await ask(first, 1), "", "it is the one who asked first");
  const further = await it.call({ port: 1_001, peer: one, further: true });
  assertEquals(await ask(further, 1), "", "it is the same caller");
  assertEquals(await ask(further, 2), "");
  assertEquals(await ask(other, 2), "taken");
  assertEquals(await ask(first, 5), "taken");
  for (const unless of [{}, { unless_taken: false }]) assertEquals(await ask(other, 1, unless), "");
  first.close();
  let code = "taken";
  for (let tries = 0; code === "taken"; tries++) {
    assertLess(tries, 5_000, "that one has left");
    code = await ask(other, 1);
  }
  assertEquals(code, "");
  assertEquals(await ask(stranger, 1), "taken", "by the other, from now on");
});

/** Notes how many messages are being sent at a time. */
class Counting extends Connection {
  now = 0;
  most = 0;
  sent = 0;

  override async send(...args: Parameters<Connection["send"]>): Promise<void> {
    this.most = Math.max(this.most, ++this.now);
    try {
      await super.send(...args);
      this.sent++;
    } finally {
      this.now--;
    }
  }
}

Deno.test("has: who doesn't read is sent one notice at a time, and then no more", async () => {
  const [near, far] = await socketPair();
  using connection = new Counting(near, { progressMs: 200 });
  const growing = new Growing(new Uint8Array());
  Object.assign(growing, { size: 10_000 * PIECE_SIZE, map: new HeardMap(10_000) });
  const notices = new PieceNotices(connection, 0);
  notices.follow(growing);
  growing.get(1);
  await until(() => connection.sent === 1);
  // More than the sockets hold, so that whatever comes after it waits.
  connection.sendBytes(new Uint8Array(32 * MIB)).catch(() => {});
  for (let piece = 2; piece < 10_000 && !connection.closed; piece += 2) {
    growing.get(piece);
    if (piece % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => growing.map.listeners === 0);
  assertEquals(connection.sent, 1);
  assert(connection.closed);
  assertEquals(connection.most, 1);
  notices.stop();
  far.close();
});

Deno.test("uploader: sources are requesters that listen, and peers that it fetches from", async () => {
  await using it = await serving();
  const growing = new Growing(patterned(PIECE_SIZE, 4));
  growing.sources = () => [
    { peer: "99".repeat(32), address: "192.0.2.1", port: 9 },
    { peer: YOU, address: "192.0.2.2", port: 10 },
  ];
  it.downloads.add(growing);
  const file = growing.id;
  const others = ["33", "44"].map((byte) => byte.repeat(32));
  const [first, second] = [
    await it.call({ peer: others[0], port: 1_001, agent: "one" }),
    await it.call({ peer: others[1], port: 1_002 }),
  ];
  const silent = await it.call({ peer: "55".repeat(32) });
  for (const end of [first, second, silent]) {
    await end.send(have(2, file));
    await end.bytes((await end.line()).payload);
  }
  const end = await it.call({ port: 1_003 });
  const ask = async () => {
    await end.send({ action: "sources", id: 7, file });
    const { payload, ...reply } = await end.line();
    assertEquals(reply, { action: "sources", id: 7 });
    return JSON.parse(new TextDecoder().decode(await end.bytes(payload)));
  };
  const expected = [
    { peer: others[1], address: "127.0.0.1", port: 1_002, agent: "test/1" },
    { peer: others[0], address: "127.0.0.1", port: 1_001, agent: "one" },
    { peer: "99".repeat(32), address: "192.0.2.1", port: 9 },
  ];
  assertEquals(await ask(), expected);
  first.close();
  assertEquals(await ask(), expected, "it may come back");
  assertEquals(await codeOf(end, { action: "sources", id: 8, file: YOU }), "not_shared");
});

Deno.test("uploader: who reads nothing holds a slot no longer than its progress limit", async () => {
  await using it = await serving({ slots: 1, listener: { connection: { progressMs: 300 } } });
  const chunks = (id: number) => (
    { action: "get_chunks", id, file: it.share.id, first: 0, count: 16 }
  );
  const stalled = await it.call();
  await stalled.send(...Array.from({ length: 20 }, (_, n) => chunks(n + 2)));
  const before = () => it.served.length;
  await until(() => before() > 2);
  const other = await it.call();
  await other.send(chunks(2));
  assertEquals(await other.line(), { action: "chunks", id: 2, payload: MIB });
  assertSameBytes(await other.bytes(MIB), it.share.content.subarray(0, MIB));
});

Deno.test("uploader: a request taken back while it waits for a slot gives up its place", async () => {
  await using it = await serving({ slots: 1 });
  const slot = await it.slots.take("somebody");
  const end = await it.call();
  const request = { action: "get_chunks", id: 2, file: it.share.id, first: 0, count: 1 };
  await end.send(request, { action: "cancel", request: 2 });
  assertEquals((await end.line()).code, "cancelled");
  slot[Symbol.dispose]();
  await end.send({ ...request, id: 3 });
  assertEquals((await end.line()).id, 3);
});

Deno.test("uploader: a limit holds for all connections together, legacy peers among them", async () => {
  const clock = new FakeClock();
  const limitUp = [new RateLimiter(2 * MIB, clock)];
  await using it = await serving({ listener: { connection: { limitUp } } });
  const chunks = { action: "get_chunks", id: 2, file: it.share.id, first: 0, count: 16 };
  let bytes = 0;
  const ends = [await it.call(), await it.call(), await it.call()];
  const reading = ends.map(async (end) => {
    await end.send(chunks);
    const { length } = await end.bytes((await end.line()).payload);
    bytes += length;
  });
  let ms = 0;
  for (; bytes < 3 * MIB; ms += 20) {
    await clock.pass(20, () => new Promise((resolve) => setTimeout(resolve, 1)));
    assertLess(ms, 10_000);
  }
  await Promise.all(reading);
  assert(ms >= 1_400 && ms < 2_000, `${ms} ms in place of 1500`);
});

Deno.test("uploader: a file that is asked for twice in one request is refused", async () => {
  await using it = await serving();
  const end = await it.call();
  const files = [it.share.id, "ab".repeat(32), it.share.id];
  assertEquals(await codeOf(end, { action: "get_files", id: 2, files }), "bad_message");
});

Deno.test("uploader: long requests that can't be answered yet stay at the sender, and all are answered", async () => {
  await using it = await serving({ slots: 1 });
  const slot = await it.slots.take("another");
  const end = await it.call();
  const files = Array.from({ length: 500 }, (_, n) => n.toString(16).padStart(64, "0"));
  const requests = Array.from(
    { length: 300 },
    (_, n) => ({ action: "get_files", id: n + 2, files }),
  );
  let sent = 0;
  const sending = (async () => {
    for (const request of requests) {
      await end.send(request);
      sent++;
    }
  })().catch((error) => error);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert(sent < requests.length, "what is not read stays at the sender");
  slot[Symbol.dispose]();
  for (const { id } of requests) {
    assertEquals(await end.line(), { action: "files", id, count: 0, payload: 0 });
  }
  assertEquals(await sending, undefined);
});
