import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { parseRate } from "../src/cli/units.ts";
import { RUN_SIZE, runCount, RunMap } from "../src/content/run_map.ts";
import { Fault } from "../src/fault.ts";
import { Askers, FORGET_MS } from "../src/peer/askers.ts";
import { HasNotices } from "../src/peer/has_notices.ts";
import { Listener, type ListenerOptions } from "../src/peer/listener.ts";
import { RateLimiter } from "../src/peer/rate_limiter.ts";
import { ActiveDownloads, type Servable } from "../src/peer/servable.ts";
import { sourcesFor } from "../src/peer/sources_for.ts";
import { Uploader } from "../src/peer/uploader.ts";
import { type UploadSlot, UploadSlots } from "../src/peer/upload_slots.ts";
import { controlApi } from "../src/web/control_api.ts";
import { answer, READ_AHEAD } from "../src/wire/answerer.ts";
import { encodeLine } from "../src/wire/codec.ts";
import { Connection } from "../src/wire/connection.ts";
import { CHUNK_SIZE, PAYLOAD_CAP, PeerRequest, SOURCES_CAP } from "../src/wire/protocol.ts";
import { assertSameBytes, type Bytes, patterned, sha256 } from "./support/bytes.ts";
import { FakeClock, settled } from "./support/fake_clock.ts";
import { RawEnd, socketPair } from "./support/sockets.ts";
import { ScriptedPeer, SETTINGS } from "./support/scripted_peer.ts";
import { State } from "./support/state.ts";
import { TempFolder } from "./support/temp_folder.ts";

const MIB = 1 << 20;
const ME = "ab".repeat(32);
const YOU = "cd".repeat(32);
const HELLO = { action: "hello", id: 1, protocol: 1, agent: "test/1", peer: YOU };

/** A download that grows when the test says so. */
class Growing implements Servable {
  readonly name = "growing";
  readonly id: string;
  readonly size: number;
  readonly map: RunMap;
  readonly content: Bytes;
  readonly heard = new Set<(run: number) => void>();
  readable = true;
  sources?: Servable["sources"];

  constructor(content: Bytes, id = "ef".repeat(32)) {
    this.id = id;
    this.size = content.length;
    this.content = content;
    this.map = new RunMap(runCount(content.length));
  }

  read(position: number, into: Uint8Array): boolean {
    into.set(this.content.subarray(position, position + into.length));
    return this.readable;
  }

  onRun(heard: (run: number) => void): () => void {
    this.heard.add(heard);
    return () => this.heard.delete(heard);
  }

  get(...runs: number[]): void {
    for (const run of runs) if (this.map.add(run)) { for (const heard of this.heard) heard(run); }
  }
}

interface Serving extends AsyncDisposable {
  state: State;
  downloads: ActiveDownloads;
  slots: UploadSlots;
  share: { id: string; content: Bytes };
  served: [what: string, bytes: number][];
  /** A caller that has said hello. */
  call(hello?: object): Promise<RawEnd>;
}

/** A peer that serves one file of 3 MiB and a chunk, and the downloads that a test adds. */
async function serving(options: { slots?: number; listener?: ListenerOptions } = {}) {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const content = patterned(3 * MIB + CHUNK_SIZE);
  const share = await state.share(await folder.write("shared/file", content), "a/file");
  const downloads = new ActiveDownloads();
  const slots = new UploadSlots(options.slots);
  const served: Serving["served"] = [];
  const uploader = new Uploader({
    ...{ self: { agent: "served/1", peer: ME }, digests: state.digests, library: state.library },
    ...{ reader: state.reader, downloads, slots },
    onServed: ({ name }, bytes) => served.push([name, bytes]),
    onChanged: (it) => (it.available = false),
  });
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    (connection) => uploader.serve(connection),
    options.listener,
  );
  const ends: RawEnd[] = [];
  const it: Serving = {
    ...{ state, downloads, slots, served },
    share: { id: share.announcement.id, content },
    async call(hello = {}) {
      const end = await RawEnd.connect(listener.address);
      ends.push(end);
      await end.send({ ...HELLO, ...hello });
      assertEquals((await end.line()).action, "hello");
      return end;
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends) end.close();
      await listener.stop();
      assertEquals(slots.held, 0, "slots are given back");
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return it;
}

/** Waits for something that other tasks bring about. */
async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    assertLess(tries, 5_000, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

async function codeOf(end: RawEnd, request: object): Promise<string> {
  await end.send(request);
  const reply = await end.line();
  assertEquals(reply.action, "error");
  return reply.code;
}

// Reading ahead

/** An answerer whose every reply waits until the test lets it go. */
async function held() {
  const [near, conn] = await socketPair();
  const connection = new Connection(near);
  const far = new RawEnd(conn);
  const handled: number[] = [];
  const gates: (() => void)[] = [];
  const ended = answer<PeerRequest>(connection, {
    requests: PeerRequest,
    seed: () => Promise.resolve(),
    answer: async ({ id, action }, _payload, signal) => {
      handled.push(id);
      if (action !== "hello") {
        await new Promise<void>((resolve, reject) => {
          gates.push(resolve);
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      }
      return { message: { action: "map", id, complete: true } };
    },
  }).catch((error) => error).finally(() => connection.close());
  await far.send(HELLO);
  await far.line();
  return {
    ...{ far, handled, gates, ended, connection },
    [Symbol.asyncDispose]: async () => {
      far.close();
      connection.close();
      await ended;
    },
  };
}

const have = (id: number, file = "11".repeat(32)) => ({ action: "have", id, file });

Deno.test("answerer: a request that waits can be taken back, and is answered so in its turn", async () => {
  await using it = await held();
  const cancels = [{ action: "cancel", request: 4 }, { action: "cancel", request: 99 }];
  await it.far.send(have(2), have(3), have(4), have(5), ...cancels);
  await until(() => it.gates.length === 1);
  // Until the notice was read, too.
  await it.far.send({ action: "cancel", request: 5 }, { action: "cancel", request: 1 });
  it.gates.shift()!();
  assertEquals((await it.far.line()).id, 2);
  await until(() => it.gates.length === 1);
  it.gates.shift()!();
  assertEquals((await it.far.line()).id, 3);
  for (const id of [4, 5]) {
    const { message, ...reply } = await it.far.line();
    assertEquals(reply, { action: "error", id, code: "cancelled" });
    assert(message);
  }
  await it.far.send(have(6));
  await until(() => it.gates.length === 1);
  assertEquals(it.handled, [1, 2, 3, 6]);
});

Deno.test("answerer: a request that is being answered can still be taken back", async () => {
  await using it = await held();
  await it.far.send(have(2), have(3));
  await until(() => it.gates.length === 1);
  await it.far.send({ action: "cancel", request: 2 });
  assertEquals((await it.far.line()).code, "cancelled");
  await until(() => it.gates.length === 2);
  it.gates[1]();
  assertEquals((await it.far.line()).id, 3);
});

Deno.test("answerer: no more is read ahead than the bound, and all of it is answered", async () => {
  await using it = await held();
  // Far more than what the sockets between can hold, if it were not read.
  const total = 200_000;
  let sent = 0;
  const sending = (async () => {
    for (; sent < total; sent += 1_000) {
      const lines = Array.from({ length: 1_000 }, (_, n) => encodeLine(have(2 + sent + n)));
      await it.far.send(new Uint8Array(await new Blob(lines).arrayBuffer()));
    }
  })().catch(() => {});
  await until(() => it.gates.length === 1);
  let before = -1;
  while (before !== sent) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assertLess(sent, total);
  for (let id = 2; id < 2 + 3 * READ_AHEAD; id++) {
    await until(() => it.gates.length === 1);
    it.gates.shift()!();
    assertEquals((await it.far.line()).id, id);
  }
  it.connection.close();
  await it.ended;
  await sending;
});

Deno.test("answerer: a notice behind a full queue is not read before there is room", async () => {
  await using it = await held();
  const requests = Array.from({ length: READ_AHEAD + 6 }, (_, n) => have(n + 2));
  await it.far.send(...requests, { action: "cancel", request: 3 }, {
    action: "cancel",
    request: 60,
  });
  for (let id = 2; id < 10; id++) {
    await until(() => it.gates.length === 1);
    it.gates.shift()!();
    assertEquals(await it.far.line(), { action: "map", id, complete: true });
  }
  assertEquals(it.handled.slice(0, 4), [1, 2, 3, 4]);
});

Deno.test("answerer: what was asked before the caller closed its end is answered", async () => {
  await using it = await held();
  await it.far.send(have(2), have(3));
  await it.far.conn.closeWrite();
  for (const id of [2, 3]) {
    await until(() => it.gates.length === 1);
    it.gates.shift()!();
    assertEquals((await it.far.line()).id, id);
  }
  await it.far.closed();
  assertEquals(await it.ended, undefined);
});

Deno.test("answerer: a rule broken while others wait is told after their replies", async () => {
  await using it = await held();
  await it.far.send(have(2), "no JSON\n");
  await until(() => it.gates.length === 1);
  it.gates.shift()!();
  assertEquals((await it.far.line()).id, 2);
  assertEquals((await it.far.line()).code, "bad_message");
  await it.far.closed();
  assertInstanceOf(await it.ended, Error);
});

Deno.test("answerer: a connection that is closed ends the answer that is waited for", async () => {
  await using it = await held();
  await it.far.send(have(2));
  await until(() => it.gates.length === 1);
  it.connection.close();
  assertInstanceOf(await it.ended, Error);
});

// Upload slots

/** Someone who always has one more to send; each slot is held until the test takes it back. */
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

// Serving, over real sockets

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
  const growing = new Growing(patterned(4 * RUN_SIZE + 1, 2));
  const stop = it.downloads.add(growing);
  const end = await it.call();
  const { id: file } = growing;
  const chunks = (id: number, first: number, count: number) => (
    { action: "get_chunks", id, file, first, count }
  );
  const page = { action: "get_digests", id: 9, file, level: 0, page: 0 };
  assertEquals(await codeOf(end, chunks(2, 0, 16)), "not_yet");
  assertEquals(await codeOf(end, page), "not_yet");
  growing.get(1, 4);
  it.state.digests.put(file, 0, 0, patterned(65 * 32));
  assertEquals(await codeOf(end, chunks(3, 15, 2)), "not_yet");
  assertEquals(await codeOf(end, chunks(4, 31, 2)), "not_yet");
  assertEquals(await codeOf(end, chunks(5, 64, 2)), "out_of_range");
  await end.send(chunks(6, 16, 16), chunks(7, 64, 1), page);
  assertEquals(await end.line(), { action: "chunks", id: 6, payload: RUN_SIZE });
  assertSameBytes(await end.bytes(RUN_SIZE), growing.content.subarray(RUN_SIZE, 2 * RUN_SIZE));
  assertEquals(await end.line(), { action: "chunks", id: 7, payload: 1 });
  assertSameBytes(await end.bytes(1), growing.content.subarray(4 * RUN_SIZE));
  assertEquals((await end.line()).action, "digests");
  assertSameBytes(await end.bytes(65 * 32), patterned(65 * 32));
  assertEquals(it.served.map(([name]) => name), ["growing", "growing"]);
  growing.readable = false;
  assertEquals(await codeOf(end, chunks(10, 16, 1)), "unreadable");
  stop();
  assertEquals(await codeOf(end, chunks(11, 16, 16)), "not_shared");
});

Deno.test("uploader: have tells what is there, and then what is new", async () => {
  await using it = await serving();
  const growing = new Growing(patterned(20 * RUN_SIZE, 3));
  it.downloads.add(growing);
  growing.get(0, 9);
  const end = await it.call();
  await end.send(have(2, growing.id), have(3, growing.id));
  for (const id of [2, 3]) {
    assertEquals(await end.line(), { action: "map", id, complete: false, payload: 3 });
    assertEquals([...await end.bytes(3)], [0b1, 0b10, 0]);
  }
  assertEquals(growing.heard.size, 1, "asked twice, told once");
  growing.get(4, 2, 3, 12);
  const file = growing.id;
  assertEquals(await end.line(), { action: "has", file, runs: [[2, 3], [12, 1]] });
  growing.get(5);
  assertEquals(await end.line(), { action: "has", file, runs: [[5, 1]] });
  growing.get(...Array.from({ length: 20 }, (_, run) => run));
  const told = new Set<number>();
  while (told.size < 13) {
    const { runs } = await end.line();
    for (const [first, count] of runs) for (let n = 0; n < count; n++) told.add(first + n);
  }
  await end.send(have(4, growing.id));
  assertEquals(await end.line(), { action: "map", id: 4, complete: true });
  end.close();
  await until(() => growing.heard.size === 0);
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
  Object.assign(growing, { size: 10_000 * RUN_SIZE, map: new RunMap(10_000) });
  const notices = new HasNotices(connection, 0);
  notices.follow(growing);
  growing.get(1);
  await until(() => connection.sent === 1);
  // More than the sockets hold, so that whatever comes after it waits.
  connection.sendBytes(new Uint8Array(32 * MIB)).catch(() => {});
  for (let run = 2; run < 10_000 && !connection.closed; run += 2) {
    growing.get(run);
    if (run % 200 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => growing.heard.size === 0);
  assertEquals(connection.sent, 1);
  assert(connection.closed);
  assertEquals(connection.most, 1);
  notices.stop();
  far.close();
});

Deno.test("uploader: sources are those who asked and listen, and those it fetches from", async () => {
  await using it = await serving();
  const growing = new Growing(patterned(RUN_SIZE, 4));
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

Deno.test("askers: they are forgotten a while after they left, and never too many", () => {
  let now = 0;
  const askers = new Askers(() => now);
  const record = (port: number) => ({ address: "192.0.2.1", port });
  const ends = [askers.add("f", record(1)), askers.add("f", record(2)), askers.add("f", record(1))];
  assertEquals(askers.of("f").map(({ port }) => port), [1, 2]);
  ends[0]();
  ends[1]();
  now += FORGET_MS + 1;
  assertEquals(askers.of("f").map(({ port }) => port), [1], "still here on another connection");
  ends[2]();
  now += FORGET_MS;
  assertEquals(askers.of("f").length, 1);
  now += 1;
  assertEquals(askers.of("f"), []);
  for (let port = 1; port <= 1_000; port++) askers.add("g", record(port));
  assertEquals([askers.of("g").length, askers.of("g")[0].port], [200, 1_000]);
  for (let n = 0; n < 30_000; n++) askers.add(`many ${n}`, record(1));
  assertEquals(askers.of("g"), []);
  assertEquals(askers.of("many 29999").length, 1);
});

Deno.test("sources: at most so many, each once, and none that can't be reached", () => {
  const many = Array.from({ length: 80 }, (_, n) => ({ address: "192.0.2.1", port: n + 1 }));
  assertEquals(sourcesFor({ address: "192.0.2.9" }, many), many.slice(0, SOURCES_CAP));
  const local = { address: "127.0.0.1", port: 5, peer: ME };
  assertEquals(sourcesFor({ address: "192.0.2.9" }, [local]), []);
  assertEquals(sourcesFor({ address: "127.0.0.1" }, [local, local]), [local]);
  const elsewhere = { address: "192.0.2.3", port: 5, peer: ME };
  assertEquals(sourcesFor({ address: "127.0.0.1" }, [local, elsewhere]), [local]);
  assertEquals(sourcesFor({ address: "192.0.2.1", port: 3 }, many).length, SOURCES_CAP);
  assert(!sourcesFor({ address: "192.0.2.1", port: 3 }, many).some(({ port }) => port === 3));
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

Deno.test("uploader: a limit holds for all connections together, seed peers among them", async () => {
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

// Caps on connections

Deno.test("listener: one connection too many is told so, and room is made when one leaves", async () => {
  await using it = await serving({ listener: { maxConnections: 2 } });
  const [one] = [await it.call(), await it.call()];
  await assertRejects(() => it.call());
  one.close();
  await until(() => true);
  for (let tries = 0;; tries++) {
    const end = await it.call().catch(() => undefined);
    if (end) break;
    assertLess(tries, 100);
  }
});

Deno.test("listener: busy is one line, read even by a caller that has already spoken", async () => {
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    () => new Promise(() => {}),
    { maxConnections: 0 },
  );
  using end = await RawEnd.connect(listener.address);
  await end.send(HELLO);
  const { message, ...error } = await end.line();
  assertEquals(error, { action: "error", code: "busy" });
  assertEquals(message, "this peer serves at most 0 connections");
  assertEquals(await end.line(), null);
  await listener.stop();
});

const own = Deno.networkInterfaces().find(({ family, address }) =>
  family === "IPv4" && !address.startsWith("127.")
)?.address;

Deno.test({
  name: "listener: an address has its own cap, loopback only the total",
  ignore: !own,
  async fn() {
    const hold = Promise.withResolvers<void>();
    const listener = new Listener({ host: "0.0.0.0", port: 0 }, () => hold.promise, {
      maxPerAddress: 2,
    });
    const { port } = listener.address;
    const ends: RawEnd[] = [];
    for (const [host, refused] of [[own!, 1], ["127.0.0.1", 0]] as const) {
      const before = ends.length;
      for (let n = 0; n < 3; n++) ends.push(await RawEnd.connect({ host, port }));
      for (const end of ends.slice(before + 3 - refused)) {
        assertEquals(
          (await end.line()).message,
          "this peer serves at most 2 connections to one address",
        );
      }
    }
    hold.resolve();
    for (const end of ends) await end.send(HELLO).catch(() => {});
    await listener.stop();
    for (const end of ends) end.close();
  },
});

// Settings, changed while a peer runs

Deno.test("control: settings are shown, and changed where they are given", async () => {
  const peer = new ScriptedPeer();
  const app = controlApi(peer, { token: "t" });
  const ask = (method: string, body?: unknown) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { host: "127.0.0.1:1", authorization: "Bearer t" };
    return app.fetch(
      new Request("http://127.0.0.1:1/api/settings", {
        ...{ method, body: text },
        headers: { ...headers, ...(text && { "content-length": `${text.length}` }) },
      }),
    );
  };
  assertEquals(await (await ask("GET")).json(), SETTINGS);
  const changed = await (await ask("PATCH", { limit_up: null, limit_down: 5 })).json();
  assertEquals(changed, { ...SETTINGS, limit_up: null, limit_down: 5 });
  for (const wrong of [{ limit_up: 0 }, { limit_down: "1M" }, { upload_slots: 0 }, 1]) {
    assertEquals((await ask("PATCH", wrong)).status, 400, JSON.stringify(wrong));
  }
  assertEquals(peer.asked.map(([what]) => what), ["settings", "change"]);
});

Deno.test("units: a rate is bytes per second, in powers of 1024; none and 0 are no limit", () => {
  const table: [string, number][] = [
    ...[["0", 0], ["none", 0], ["None", 0], ["512", 512]] as [string, number][],
    ...[["64K", 65_536], ["1.5M/s", 1.5 * MIB], ["1 GiB/s", 1024 * MIB]] as [string, number][],
  ];
  for (const [text, rate] of table) assertEquals(parseRate(text), rate, text);
  for (const text of ["", "fast", "-1", "1M/h", "/s"]) {
    assertThrows(() => parseRate(text), Fault, "is not a rate");
  }
});
