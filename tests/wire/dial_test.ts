import { assertEquals, assertRejects } from "@std/assert";
import { Connection } from "../../src/wire/connection.ts";
import { dial } from "../../src/wire/dial.ts";
import { inTheClear, type Transport } from "../../src/wire/transport.ts";
import { faultOf } from "../support/faults.ts";
import { closedPort } from "../support/sockets.ts";

const SIGNAL = new AbortController().signal;

/** The address that is reached by a name that stands for these addresses. */
async function reached(addresses: string[], port: number): Promise<string> {
  const resolve = () => Promise.resolve(addresses);
  using conn = await dial({ host: "name", port }, SIGNAL, { resolve });
  return (conn.remoteAddr as Deno.NetAddr).hostname;
}

Deno.test("dial: of the addresses of a name, one where a server is will do", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const { port } = listener.addr;
  for (
    const addresses of [
      ["127.0.0.2"],
      ["127.0.0.1", "127.0.0.2"],
      ["127.0.0.2", "127.0.0.1"],
      ["::1", "127.0.0.1", "127.0.0.3", "127.0.0.2"],
    ]
  ) {
    assertEquals(await reached(addresses, port), "127.0.0.2", addresses.join());
    (await listener.accept()).close();
  }
});

Deno.test("dial: an address that says nothing doesn't keep others from being tried", async () => {
  using full = Deno.listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: 1 });
  const { port } = full.addr;
  // Nobody accepts: once the backlog is full, the system answers no more.
  const waiting = [];
  for (let i = 0; i < 2; i++) waiting.push(await Deno.connect({ hostname: "127.0.0.1", port }));
  try {
    using listener = Deno.listen({ hostname: "127.0.0.2", port });
    assertEquals(await reached(["127.0.0.1", "127.0.0.2"], port), "127.0.0.2");
    (await listener.accept()).close();
  } finally {
    for (const conn of waiting) conn.close();
  }
});

Deno.test("dial: with nobody anywhere, the first address's failure is told", async () => {
  const port = closedPort();
  await assertRejects(
    () => reached(["127.0.0.1", "127.0.0.2"], port),
    Deno.errors.ConnectionRefused,
  );
  const resolve = () => Promise.reject(new Error("no address was found for that name"));
  const connect: Transport["connect"] = (address, signal) => dial(address, signal, { resolve });
  const transport = { ...inTheClear, connect };
  const opened = Connection.open({ host: "none", port }, { transport });
  await faultOf("network", opened, `none:${port}: no address was found for that name`);
});

Deno.test("dial: it ends at once when it is given up, also while a name is looked up", async () => {
  const ending = new AbortController();
  const reason = new Error("given up");
  const looking = Promise.withResolvers<void>();
  const resolve = () => {
    looking.resolve();
    return new Promise<string[]>(() => {});
  };
  const dialled = dial({ host: "name", port: 1 }, ending.signal, { resolve });
  await looking.promise;
  ending.abort(reason);
  assertEquals(await dialled.catch((error) => error), reason);
});

Deno.test("dial: the system's names are known", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using conn = await dial({ host: "localhost", port: listener.addr.port }, SIGNAL);
  assertEquals((conn.remoteAddr as Deno.NetAddr).hostname, "127.0.0.1");
  (await listener.accept()).close();
});
