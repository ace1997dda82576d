import { assert, assertEquals, assertInstanceOf, assertLess } from "@std/assert";
import { answer, READ_AHEAD } from "../../../src/wire/answerer.ts";
import { encodeLine } from "../../../src/wire/codec.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { PeerRequest } from "../../../src/wire/protocol.ts";
import { have, HELLO } from "../../support/serving.ts";
import { RawEnd, socketPair } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";

/** An answerer whose every reply waits until the test lets it go. */
async function held() {
  const [near, conn] = await socketPair();
  const connection = new Connection(near);
  const far = new RawEnd(conn);
  const [seen, handled]: number[][] = [[], []];
  const gates: (() => void)[] = [];
  const ended = answer<PeerRequest>(connection, {
    requests: PeerRequest,
    legacy: () => Promise.resolve(),
    seen: ({ id }) => void seen.push(id),
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
    ...{ far, seen, handled, gates, ended, connection },
    [Symbol.asyncDispose]: async () => {
      far.close();
      connection.close();
      await ended;
    },
  };
}

/** Resolves when a number has not changed for a tenth of a second. */
async function settled(count: () => number): Promise<void> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

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
  await settled(() => sent);
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

Deno.test("answerer: of long requests, no more are read ahead than their bytes allow", async () => {
  await using it = await held();
  // Two of these lines have more than 64 KiB.
  const files = Array.from({ length: 500 }, (_, n) => n.toString(16).padStart(64, "0"));
  const ids = Array.from({ length: 20 }, (_, n) => n + 2);
  const sending = it.far.send(...ids.map((id) => ({ action: "get_files", id, files })));
  await until(() => it.gates.length === 1);
  await settled(() => it.seen.length);
  assertEquals(it.seen, [1, 2, 3]);
  for (const id of ids) {
    await until(() => it.gates.length === 1);
    it.gates.shift()!();
    assertEquals((await it.far.line()).id, id);
  }
  await sending;
  assertEquals(it.seen, [1, ...ids]);
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
