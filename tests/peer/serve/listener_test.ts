import { assertEquals, assertLess, assertRejects } from "@std/assert";
import { Listener } from "../../../src/peer/serve/listener.ts";
import { have, HELLO, serving } from "../../support/serving.ts";
import { RawEnd } from "../../support/sockets.ts";
import { until } from "../../support/until.ts";
import { noNetwork, outsideAddress } from "../../e2e/outside_address.ts";
import { skippedIf } from "../../support/tools.ts";

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

Deno.test("listener: a further connection of a caller makes room for another caller", async () => {
  await using it = await serving({ listener: { maxConnections: 3 } });
  const one = await it.call();
  const [second, third] = [await it.call({ further: true }), await it.call({ further: true })];
  const other = await it.call({ peer: "ef".repeat(32) });
  assertEquals(await second.line(), null);
  const another = await it.call({ peer: "12".repeat(32) });
  assertEquals(await third.line(), null);
  await assertRejects(() => it.call());
  for (const end of [one, other, another]) {
    await end.send(have(2, it.share.id));
    assertEquals((await end.line()).complete, true);
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
  assertEquals(error, { action: "error", code: "busy", retry_after: 10 });
  assertEquals(message, "this peer serves at most 0 connections");
  assertEquals(await end.line(), null);
  await listener.stop();
});

const own = outsideAddress();

Deno.test({
  ...skippedIf(noNetwork, "listener: an address has its own cap, loopback only the total"),
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

Deno.test({
  ...skippedIf(noNetwork, "listener: two hundred callers behind one address are all served"),
  async fn() {
    const served = new Set<string>();
    const all = Promise.withResolvers<void>();
    const hold = Promise.withResolvers<void>();
    const listener = new Listener({ host: "0.0.0.0", port: 0 }, (connection) => {
      served.add(String(connection));
      if (served.size === 200) all.resolve();
      return hold.promise;
    });
    const { port } = listener.address;
    const callers = Array.from({ length: 200 }, () => RawEnd.connect({ host: own!, port }));
    const ends = await Promise.all(callers);
    await all.promise;
    hold.resolve();
    await listener.stop();
    for (const end of ends) end.close();
  },
});
