import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { answer, Refused, type RequestHandlers } from "../../src/wire/answerer.ts";
import { encodeLine, encodeMessage } from "../../src/wire/codec.ts";
import { Connection } from "../../src/wire/connection.ts";
import { BootstrapRequest, HANDSHAKE_MS, IDLE_MS, PAYLOAD_CAP } from "../../src/wire/protocol.ts";
import { RawEnd, socketPair } from "../support/sockets.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const line = (text: string) => encoder.encode(text);

/** The end of a connection that was answered: null when all was well. */
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
  handlers: Partial<RequestHandlers<BootstrapRequest>> = {},
): Promise<Served & AsyncDisposable> {
  const [near, far] = await socketPair();
  const connection = new Impatient(near, { progressMs: 100 });
  const handled: string[] = [];
  const ended = answer<BootstrapRequest>(connection, {
    requests: BootstrapRequest,
    legacy: async (message) => {
      handled.push(`legacy ${message.action}`);
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

Deno.test("answerer: the first message without an id is the legacy dialect's, later ones are faults", async () => {
  await using served = await serve();
  await served.far.send({ action: "register", address: "x", port: 1 });
  assertEquals(await served.far.line(), { status: "registered" });
  assertEquals(await served.ended, null);
  assertEquals(served.handled, ["legacy register"]);
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
