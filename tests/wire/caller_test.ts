import type { FaultKind } from "../../src/fault.ts";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import * as v from "valibot";
import { Fault } from "../../src/fault.ts";
import { Caller, Refusal } from "../../src/wire/caller.ts";
import { Chunks, LINE_CAP, Ok, PAYLOAD_CAP, PeerHello } from "../../src/wire/protocol.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { connectionPair, RawEnd, Scripted } from "../support/sockets.ts";

const PEER = "ab".repeat(32);
const ID = "cd".repeat(32);

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

/** The failure of every request in flight when the other end does `misdeed` to the first. */
async function failAll(
  misdeed: (far: RawEnd, id: number) => unknown,
  text: string,
  kind: FaultKind = "network",
): Promise<void> {
  using pair = await callerPair();
  const { caller, far } = pair;
  const options = { into: new Uint8Array(8) };
  const asked = [1, 2, 3].map(() =>
    faultOf(kind, caller.request({ action: "get" }, Chunks, options), text)
  );
  const { id } = await far.line();
  await misdeed(far, id);
  await Promise.all(asked);
  await faultOf(kind, caller.request({ action: "get" }, Chunks), text);
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
    "integrity",
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
