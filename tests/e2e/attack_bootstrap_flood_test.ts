/** A bootstrap, and a peer, that are swamped: with connections, requests and silence. */
import { assert, assertEquals, assertLess } from "@std/assert";
import { MAX_CONNECTIONS_PER_ADDRESS } from "../../src/bootstrap/limits.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { Identity } from "../../src/trust/identity.ts";
import { signRegistration } from "../../src/trust/registration.ts";
import { Refusal } from "../../src/wire/caller.ts";
import type { Address } from "../../src/wire/connection.ts";
import { FoundReply } from "../../src/wire/protocol.ts";
import { TestPeer } from "../bootstrap/bench.ts";
import { closedPort, RawEnd, Scripted } from "../support/sockets.ts";
import { assertRefused, eventually } from "./checks.ts";
import { noNetwork, outsideAddress } from "./outside_address.ts";
import { Program } from "./program.ts";
import { World } from "./world.ts";
import { skippedIf } from "../support/tools.ts";

const SILENT = 1_000;
const HELLO = { action: "hello", id: 1, protocol: 1, agent: "hostile/1" };

async function connect(address: Address, count: number): Promise<RawEnd[]> {
  const ends: RawEnd[] = [];
  for (let n = 0; n < count; n++) ends.push(await RawEnd.connect(address));
  return ends;
}

function closeAll(ends: RawEnd[]): void {
  for (const end of ends) end.close();
}

/** Sends a byte a second until the other end has closed. */
async function dribble(end: RawEnd, text: string): Promise<void> {
  let over = false;
  const closed = end.closed().then(() => over = true);
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; !over; at++) {
    await end.send(bytes.subarray(at % bytes.length, at % bytes.length + 1)).catch(() => {});
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1_000))]);
  }
  await closed;
}

/** Time without a read, longer than the limit on a reply, in milliseconds. */
const GIVEN_UP_MS = 90_000;
/** More than the sockets between two ends hold, in bytes. */
const BUFFERED_MOST = 64 << 20;

/**
 * Asks on and on, and reads nothing of what comes, until the other end has closed. Some versions of the
 * runtime let go of a socket only when the write under way has ended, so what is on its way is read in
 * the end: then nothing comes after it.
 */
async function askOnly(end: RawEnd, requests: Uint8Array): Promise<void> {
  const timer = setInterval(async () => {
    for (let read = 0; read < BUFFERED_MOST;) {
      const bytes = await end.bytes(1 << 20).catch(() => new Uint8Array());
      if (bytes.length === 0) return end.close();
      read += bytes.length;
    }
  }, GIVEN_UP_MS);
  try {
    for (;;) await end.send(requests);
  } catch (error) {
    assert(
      error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset ||
        error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted,
      String(error),
    );
  } finally {
    clearInterval(timer);
  }
}

function lines(...messages: object[]): Uint8Array {
  return new TextEncoder().encode(messages.map((one) => JSON.stringify(one) + "\n").join(""));
}

/** Resident memory of a process, in bytes. */
async function residentBytes({ pid }: Program): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1_024;
}

Deno.test("silent, slow and unreading callers are dropped, and nobody else notices", async (t) => {
  await using world = await World.create();
  const address = parseAddress(world.bootstrap, 1);
  const peer = await world.peer("peer");
  await Deno.writeTextFile(`${peer.dir}/data`, "data");
  await world.json(peer.dir, ["share", "data"]);
  const getter = await world.folder("getter");
  assertEquals((await world.json<unknown[]>(getter, ["list-files", "data"])).length, 1);
  // Long names, so that one page of a list is as large as a reply can be.
  using holder = await TestPeer.open({ address });
  await holder.register(closedPort());
  const names = Array.from({ length: 900 }, (_, n) => `${n}`.padStart(1_000, "x"));
  for (let at = 0; at < names.length; at += 300) {
    const some = names.slice(at, at + 300);
    await holder.announce(...await Promise.all(some.map((name) => holder.sign(name))));
  }
  const listening = parseAddress(peer.address, 1);
  const silent = await connect(address, SILENT);
  const dribbling = await Promise.all([
    ...[address, address, listening, listening].map((one) => RawEnd.connect(one)),
  ]);
  for (const end of [dribbling[1], dribbling[3]]) await end.send(HELLO);
  const payload = await TestPeer.open({ address });
  await payload.register(closedPort());
  const unreading = [...await connect(address, 50), ...await connect(listening, 10)];
  const asking = unreading.map(async (end, n) => {
    const list = { action: "list_files", id: 2 };
    const sources = { action: "sources", id: 2, file: "a".repeat(64) };
    await end.send(HELLO);
    await askOnly(end, lines(...Array(50).fill(n < 50 ? list : sources)));
  });
  const ends: Record<string, Promise<unknown>> = {
    "a thousand silent ones": Promise.all(silent.map((end) => end.closed())),
    "a byte a second before hello": dribble(dribbling[0], JSON.stringify(HELLO)),
    "a byte a second after hello": dribble(dribbling[1], '{"action":"find","id":2'.repeat(9)),
    "a byte a second to a peer": dribble(dribbling[2], JSON.stringify(HELLO)),
    "a byte a second to a peer, after hello": dribble(dribbling[3], " ".repeat(99)),
    "a payload of a byte a second": (async () => {
      const { connection } = payload.caller;
      await connection.sendBytes(lines({ action: "announce", id: 99, payload: 1 << 20 }));
      while (!connection.closed) {
        await connection.sendBytes(new Uint8Array([32])).catch(() => connection.close());
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    })(),
    "readers that never read": Promise.all(asking),
  };
  try {
    await t.step("others are answered", async () => {
      // On a slow machine a first try may come too late in the queue.
      await world.json(getter, ["get", "data", "--wait", "60s"]);
    });
    const peak = Deno.build.os === "linux" ? await residentBytes(world.bootstrapProgram) : 0;
    await t.step("memory stays bounded", () => assertLess(peak, 512 << 20));
    for (const [what, closed] of Object.entries(ends)) {
      await t.step({
        name: `${what}: closed`,
        fn: async () => void await closed,
        ...{ sanitizeOps: false, sanitizeResources: false },
      });
    }
    assertEquals((await world.json<unknown[]>(getter, ["list-files", "data"])).length, 1);
    assertEquals(await Deno.readTextFile(`${getter}/data`), "data");
  } finally {
    closeAll([...silent, ...dribbling, ...unreading]);
    payload.caller.close();
  }
});

Deno.test("a flood of registrations is told to come back, and questions are answered", async () => {
  await using world = await World.create();
  const address = parseAddress(world.bootstrap, 1);
  const port = closedPort();
  using honest = await TestPeer.open({ address });
  const flood = async () => {
    const identity = await Identity.generate();
    using end = await RawEnd.connect(address);
    await end.send(HELLO);
    const { nonce } = await end.line();
    const claim = await signRegistration(identity, nonce, { port, dialled: address });
    const register = { action: "register", id: 2, ...claim };
    // Until there were too many: how soon that is depends on how quick the machine is.
    for (let sent = 0; sent < 1_200; sent += 60) {
      await end.send(lines(...Array(60).fill(register)));
      for (let n = 0; n < 60; n++) {
        const reply = await end.line();
        if (reply?.action !== "registered") return reply;
      }
    }
  };
  const flooding = Promise.all(Array.from({ length: 50 }, flood));
  for (let asked = 0; asked < 20; asked++) {
    await honest.list({ action: "find", name: "nothing" }, FoundReply);
  }
  const refusals = (await flooding).filter((reply) => reply);
  assert(refusals.length > 0, "nobody was refused");
  for (const { action, code, retry_after } of refusals) {
    assertEquals([action, code, retry_after >= 1], ["error", "busy", true]);
  }
  // Who comes back when it was told to is served.
  await eventually("a registration is taken again", async () => {
    try {
      using late = await TestPeer.open({ address });
      await late.register(port);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal) || !error.retryAfter) throw error;
      const pause = error.retryAfter * 1_000;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  });
});

Deno.test({
  ...skippedIf(noNetwork, "one address has its share of connections, and others theirs"),
  async fn() {
    await using bootstrap = new Program(["bootstrap", "--host", "0.0.0.0", "--port", "0"]);
    const [, port] = await bootstrap.sees(/listening on 0\.0\.0\.0:(\d+)\n/);
    const address = { host: outsideAddress()!, port: Number(port) };
    const ends = await connect(address, MAX_CONNECTIONS_PER_ADDRESS);
    try {
      for (const end of [ends[0], ends.at(-1)!]) {
        await end.send(HELLO);
        assertEquals((await end.line()).action, "hello");
      }
      using one = await RawEnd.connect(address);
      const { action, code, retry_after } = await one.line();
      assertEquals([action, code, retry_after], ["error", "busy", 30]);
      using other = await TestPeer.open({ address: { host: "127.0.0.1", port: Number(port) } });
      await other.list({ action: "find", name: "x" }, FoundReply);
    } finally {
      closeAll(ends);
    }
    await eventually("the address has room again", async () => {
      try {
        using peer = await TestPeer.open({ address });
        await peer.register(closedPort());
        return true;
      } catch (error) {
        assert(error instanceof Refusal, String(error));
      }
    });
  },
});

/** A bootstrap that says `busy` to what comes first, and from then on what the script says. */
function busyAtFirst(retry_after: number, heard: number[]) {
  return new Scripted(async (end) => {
    heard.push(performance.now());
    if (heard.length === 1) {
      return await end.send({ action: "error", code: "busy", message: "full", retry_after });
    }
    for (let request; (request = await end.line());) {
      const { id, action } = request;
      if (action === "hello") {
        const nonce = "0".repeat(64);
        await end.send({ action, id, protocol: 1, agent: "x", nonce, observed: "x" });
      } else if (action === "register") {
        await end.send({ action: "registered", id, address: "192.0.2.1", port: 9 });
      } else if (action === "list_files" && heard.push(performance.now()) < 4) {
        const error = { action: "error", id, code: "busy", message: "later", retry_after };
        await end.send(error);
      } else if (action === "list_files") {
        await end.send(lines({ action: "files", id, payload: 2 }), "[]");
      } else {
        await end.send({ action: "ok", id });
      }
    }
  });
}

Deno.test("a peer comes back when a busy bootstrap says, and not before", async () => {
  await using world = await World.create();
  const heard: number[] = [];
  await using busy = busyAtFirst(3, heard);
  const dir = await world.folder("dir");
  const bootstrap = `127.0.0.1:${busy.address.port}`;
  const peer = world.start(dir, ["0", "--host", "127.0.0.1"], { bootstrap });
  await peer.sees(/registered with/);
  assert(heard[1] - heard[0] >= 2_990, `${heard}`);
  assertEquals(await peer.stop(), 143);
});

Deno.test("a verb waits for a busy bootstrap, but not for ever", async () => {
  await using world = await World.create();
  const heard: number[] = [];
  await using busy = busyAtFirst(1, heard);
  const dir = await world.folder("dir");
  const bootstrap = `127.0.0.1:${busy.address.port}`;
  assertEquals(await world.json(dir, ["list-files"], { bootstrap }), []);
  const waits = heard.slice(1).map((at, index) => at - heard[index]);
  assert(waits.some((wait) => wait >= 990), `${waits}`);
  await using full = new Scripted(async (end) => {
    await end.send({ action: "error", code: "busy", message: "full", retry_after: 600 });
    await end.closed();
  });
  assertRefused(
    await world.run(dir, ["list-files"], { bootstrap: `127.0.0.1:${full.address.port}` }),
    { code: 4, text: "refused: full; it asks to come back in 600 s" },
  );
});

Deno.test("what is announced too fast is announced all the same", async () => {
  await using world = await World.create();
  const told: number[] = [];
  await using busy = new Scripted(async (end) => {
    for (let request; (request = await end.line());) {
      const { id, action, payload = 0 } = request;
      await end.bytes(payload);
      if (action === "hello") {
        const nonce = "0".repeat(64);
        await end.send({ action, id, protocol: 1, agent: "x", nonce, observed: "x" });
      } else if (action === "register") {
        await end.send({ action: "registered", id, address: "192.0.2.1", port: 9 });
      } else if (action === "announce" && told.push(performance.now()) === 1) {
        await end.send({ action: "error", id, code: "busy", message: "slower", retry_after: 1 });
      } else {
        await end.send({ action: "ok", id });
      }
    }
  });
  const dir = await world.folder("dir");
  await Deno.writeTextFile(`${dir}/data`, "data");
  await world.json(dir, ["share", "data"]);
  const bootstrap = `127.0.0.1:${busy.address.port}`;
  world.start(dir, ["0", "--host", "127.0.0.1"], { bootstrap });
  await eventually("the page is sent again", () => told.length === 2);
  assert(told[1] - told[0] >= 990, `${told}`);
});

Deno.test("a payload is made room for only when its sender is registered", async () => {
  await using world = await World.create();
  using end = await RawEnd.connect(parseAddress(world.bootstrap, 1));
  await end.send(HELLO);
  await end.line();
  await end.send({ action: "announce", id: 2, payload: 1 << 20 }, new Uint8Array(1 << 20));
  const { code, id } = await end.line();
  assertEquals([code, id], ["not_registered", 2]);
  await end.send({ action: "find", id: 3, name: "x" });
  assertEquals((await end.line()).action, "found", "the connection goes on");
});
