import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type FindQuery, type Registry } from "../../src/bootstrap/registry.ts";
import { Fault } from "../../src/fault.ts";
import { Refused } from "../../src/wire/answerer.ts";
import {
  SharedRegistry,
  type SharedRegistryOptions,
} from "../../src/bootstrap/shared/shared_registry.ts";
import { decodePeer, encodePeer } from "../../src/bootstrap/shared/records.ts";
import { parseRegistryUrl } from "../../src/bootstrap/shared/registry_url.ts";
import { RedisServer } from "../support/redis_server.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { eventually } from "../e2e/checks.ts";
import { ANN, announcement, BEN, id, peer, registryContract } from "./registry_contract.ts";

const skipped = lacking("redis-server", "redis-cli");
const server = skipped ? undefined : await RedisServer.start();
addEventListener("unload", () => server?.signal("SIGKILL"));

let names = 0;

/** A registry of a swarm of its own, unless named. */
async function open(options: Partial<SharedRegistryOptions> = {}): Promise<SharedRegistry> {
  return await SharedRegistry.open({
    url: parseRegistryUrl(`unix:${server!.socket}`),
    name: `t${names++}`,
    keptMs: 0,
    completeS: 0,
    lists: 10_000,
    ...options,
  });
}

registryContract("registry on Redis", async (caps) => {
  let time = 0;
  const small = { maxPeers: 4, maxHoldings: 5, maxTotalHoldings: 8 };
  const bytes = { maxNameBytes: 100, maxNameBytesPerAddress: 80 };
  const shared = { maxPeersPerAddress: 2, maxHoldingsPerAddress: 3, ...bytes };
  const memory = { now: () => time, ...(caps && { small, shared }[caps]) };
  const registry = await open({ memory });
  return { registry, pass: (ms) => time += ms, end: () => registry.stop() };
}, skipped);

async function portsOf(registry: Registry, query: FindQuery): Promise<number[]> {
  const { items } = await registry.find(query);
  return items.flatMap(({ sources }) => sources.map(({ port }) => port)).sort();
}

/** Asks until the answer is as wanted; a `busy` is no answer. */
async function untilFound(registry: Registry, query: FindQuery, wanted: number[]): Promise<void> {
  await eventually(`${JSON.stringify(query)} finds [${wanted}]`, async () => {
    const ports = await portsOf(registry, query).catch((error) => {
      if (!isBusy(error)) throw error;
    });
    return ports && String(ports) === String(wanted);
  }, 30_000);
}

function isBusy(error: unknown): boolean {
  return error instanceof Refused && error.code === "busy";
}

/** A test of two bootstraps of one swarm, with a Redis of its own where `words` are given. */
function pairTest(
  name: string,
  run: (a: SharedRegistry, b: SharedRegistry, server: RedisServer) => Promise<void>,
  { words, ...options }: Partial<SharedRegistryOptions> & { words?: string[] } = {},
): void {
  testUnless(skipped, `two bootstraps: ${name}`, async () => {
    await using own = words && await RedisServer.start(words);
    const url = parseRegistryUrl(`unix:${(own ?? server!).socket}`);
    const both = { url, name: `pair${names++}`, keptMs: 1_000, ...options };
    await using a = await open(both);
    await using b = await open(both);
    await run(a, b, own ?? server!);
  });
}

pairTest("what one is told the other knows within a second", async (a, b) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("x")]);
  await untilFound(b, { name: "x" }, [1]);
  await b.register(peer(BEN, 2));
  await b.announce(BEN, [announcement("x")]);
  const begun = performance.now();
  await untilFound(a, { name: "x" }, [1, 2]);
  assert(performance.now() - begun < 1_500);
  assertEquals((await a.listFiles()).items.map(({ name, sources }) => [name, sources]), [["x", 2]]);
  assertEquals((await b.getPeers()).items.map(({ peer }) => peer).sort(), [ANN, BEN]);
  assertEquals(a.shared, b.shared);
  await a.goodbye(ANN);
  await untilFound(b, { file: id("a") }, [2]);
});

pairTest("a peer at both is one source, and stays when it leaves one of them", async (a, b) => {
  for (const one of [a, b]) {
    await one.register(peer(ANN, 1));
    await one.announce(ANN, [announcement("x")]);
  }
  await untilFound(a, { name: "x" }, [1]);
  assertEquals((await a.getPeers()).items.length, 1);
  await a.goodbye(ANN);
  await untilFound(a, { name: "x" }, [1]);
  await b.withdraw(ANN, [{ name: "x", id: id("a") }]);
  await untilFound(a, { name: "x" }, []);
});

pairTest("nothing is left in Redis when all have left", async (a, b, server) => {
  const long = Array.from({ length: 40 }, (_, n) =>
    announcement("crowded", {
      publisher: n.toString(16).padStart(64, "0"),
      id: (n % 3).toString(16).padStart(64, "0"),
    }));
  for (const [n, one] of long.entries()) {
    const at = n % 2 ? a : b;
    await at.register(peer(one.publisher, n + 1));
    await at.announce(one.publisher, [
      one,
      announcement(`n${n}`),
      announcement("\u{1f600}\ud7ff\uffee"),
    ]);
    await at.announce(one.publisher, [{ ...one, id: id("b"), time: 2 }]);
  }
  for (const one of long) for (const at of [a, b]) await at.goodbye(one.publisher);
  await untilFound(a, { name: "crowded" }, []);
  await untilFound(b, { name: "crowded" }, []);
  const keys = (await server.cli("--scan")).split("\n").filter((key) =>
    key && !/born$|seq$|bs$|scrub$|:b:|}[wb]:/.test(key)
  );
  assertEquals(keys, []);
}, { words: [] });

pairTest("an address has one share at both", async (a, b) => {
  await a.register(peer(ANN, 1));
  await a.register(peer(BEN, 2));
  await eventually("the limit holds at the other", async () => {
    const refused = await b.register(peer(id("3"), 3)).catch((error) => error);
    await b.goodbye(id("3"));
    return isBusy(refused);
  }, 10_000);
  await b.register(peer(id("4"), 4, "192.0.2.2"));
}, { memory: { maxPeersPerAddress: 2 }, renewMs: 200 });

pairTest(
  "an emptied Redis is filled again, and never is anything nobody's",
  async (a, b, server) => {
    await a.register(peer(ANN, 1));
    await a.announce(ANN, Array.from({ length: 1_000 }, (_, n) => announcement(`n${n}`)));
    await b.register(peer(BEN, 2));
    await b.announce(BEN, [announcement("x", { id: id("b") })]);
    await untilFound(a, { name: "x" }, [2]);
    const { id: before } = a.shared;
    for (let n = 0; n < 3; n++) {
      await server.cli("FLUSHALL");
      await untilFound(a, { name: "x" }, [2]);
      await untilFound(b, { name: "n999" }, [1]);
    }
    assertEquals([a.shared.id, b.shared.id], [before, before]);
    // What nobody has is not known yet: the other may still be publishing.
    const error = await assertRejects(() => a.find({ name: "nothing" }), Refused);
    assertEquals(error.code, "busy");
  },
  { words: [], completeS: 15, keptMs: 0 },
);

pairTest("without Redis each knows its own, and the rest is busy", async (a, b, server) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("mine")]);
  await b.register(peer(BEN, 2));
  await b.announce(BEN, [announcement("yours", { id: id("b") })]);
  await untilFound(a, { name: "yours" }, [2]);
  await server.kill();
  const begun = performance.now();
  assertEquals(await portsOf(a, { name: "mine" }), [1]);
  assert(performance.now() - begun < 1_200);
  const error = await assertRejects(() => a.find({ name: "yours" }), Refused);
  assertEquals([error.code, error.retryAfter], ["busy", 2]);
  await a.heartbeat(ANN);
  await a.announce(ANN, [announcement("new", { id: id("c") })]);
  assertEquals(await portsOf(a, { name: "new" }), [1]);
  assertEquals((await a.listFiles()).items.map(({ name }) => name), ["mine", "new"]);
  assertEquals(a.shared.state, "away");
  await server.run();
  await untilFound(b, { name: "new" }, [1]);
  await untilFound(a, { name: "yours" }, [2]);
}, { words: [], keptMs: 0 });

pairTest("a paused Redis delays no question by more than a second", async (a, _b, server) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("mine")]);
  await untilFound(a, { name: "mine" }, [1]);
  server.signal("SIGSTOP");
  try {
    for (let n = 0; n < 5; n++) {
      const begun = performance.now();
      assertEquals(await portsOf(a, { name: "mine" }), [1]);
      const took = performance.now() - begun;
      assert(took < 1_200, `it took ${took} ms`);
    }
    await assertRejects(() => a.find({ name: "nothing" }), Refused);
  } finally {
    server.signal("SIGCONT");
  }
  await untilFound(a, { name: "mine" }, [1]);
}, { words: [], keptMs: 0 });

pairTest("a full Redis answers, and takes the rest when there is room", async (a, b, server) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("before")]);
  await untilFound(b, { name: "before" }, [1]);
  await server.cli("CONFIG", "SET", "maxmemory", "1");
  await a.announce(ANN, [announcement("after", { id: id("b") })]);
  assertEquals(await portsOf(a, { name: "after" }), [1]);
  assertEquals(a.shared.state, "full");
  assertEquals(await portsOf(b, { name: "before" }), [1]);
  // The other learns that it is full within a second; from then on nothing is nobody's.
  await eventually("the other knows", () => b.shared.state === "full", 3_000);
  await assertRejects(() => b.find({ name: "after" }), Refused);
  await server.cli("CONFIG", "SET", "maxmemory", "0");
  await untilFound(b, { name: "after" }, [1]);
}, { words: [] });

pairTest("a replica in its place, which takes no writes, still answers", async (a, b, server) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("x")]);
  await untilFound(b, { name: "x" }, [1]);
  await server.cli("CONFIG", "SET", "replica-serve-stale-data", "yes");
  await server.cli("REPLICAOF", "127.0.0.1", "1");
  await a.announce(ANN, [announcement("new", { id: id("b") })]);
  assertEquals(await portsOf(a, { name: "new" }), [1]);
  assertEquals(await portsOf(b, { name: "x" }), [1]);
  await server.cli("REPLICAOF", "NO", "ONE");
  await untilFound(b, { name: "new" }, [1]);
}, { words: [] });

pairTest(
  "a killed bootstrap's peers are gone in the end, and so is what they held",
  async (a, b, server) => {
    await a.register(peer(ANN, 1));
    await a.announce(ANN, [announcement("x")]);
    await b.register(peer(BEN, 2));
    await b.announce(BEN, [announcement("x"), announcement("y", { id: id("b") })]);
    await untilFound(a, { name: "x" }, [1, 2]);
    await b.stop();
    await untilFound(a, { name: "x" }, [1]);
    await untilFound(a, { name: "y" }, []);
    await eventually("one is left", async () => (await a.listFiles()).items.length === 1, 10_000);
    const [left] = (await a.listFiles()).items;
    assertEquals([left?.name, left?.sources], ["x", 1]);
    assertEquals((await server.cli("--scan", "--pattern", "*:v:*")).trim().split("\n").length, 1);
  },
  { words: [], bucketMs: 1_000, renewMs: 300, scrubMs: 100, keptMs: 0 },
);

pairTest("two swarms on one Redis know nothing of each other", async (a) => {
  await using other = await open();
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("x")]);
  assertEquals((await other.find({ name: "x" })).items, []);
  assert(a.shared.id !== other.shared.id);
});

pairTest("rubbish in Redis breaks no bootstrap", async (a, b, server) => {
  await a.register(peer(ANN, 1));
  await a.announce(ANN, [announcement("x"), announcement("y", { id: id("b") })]);
  await untilFound(b, { name: "x" }, [1]);
  const keys = (await server.cli("--scan")).split("\n").filter((key) => key && !/born$/.test(key));
  for (const [n, key] of keys.entries()) {
    const type = (await server.cli("TYPE", key)).trim();
    // As Lua writes it: no zero byte can be said on a command line.
    const junk = [
      ...["'\\0\\255\\2junk'", "string.rep('9', 400)", "''", "'100'", "'\\0\\5abcde'"],
    ][n % 5]!;
    const commands: Record<string, string> = {
      string: `'SET', KEYS[1], ${junk}`,
      set: `'SADD', KEYS[1], ${junk}`,
      hash: `'HSET', KEYS[1], '00', ${junk}, ${junk}, ${junk}`,
      zset: `'ZADD', KEYS[1], 0, ${junk}`,
    };
    await server.cli("EVAL", `return redis.call(${commands[type]})`, "1", key);
  }
  for (const one of [a, b]) {
    for (const query of [{ name: "x" }, { name: "y" }, { file: id("a") }, { publisher: ANN }]) {
      await one.find(query).catch((error) => assert(error instanceof Refused, String(error)));
    }
    await one.listFiles().catch((error) => assert(error instanceof Refused, String(error)));
    await one.getPeers().catch((error) => assert(error instanceof Refused, String(error)));
  }
  // A key of another kind than it should be, too.
  for (const key of keys) {
    await server.cli("DEL", key);
    await server.cli("LPUSH", key, "junk");
  }
  await a.find({ name: "x" }).catch((error) => assert(error instanceof Refused, String(error)));
  await a.announce(ANN, [announcement("z", { id: id("c") })]);
  await server.cli("FLUSHALL");
  await untilFound(b, { name: "z" }, [1]);
  await untilFound(b, { name: "x" }, [1]);
}, { words: [], keptMs: 0 });

testUnless(skipped, "a registry that lets nobody in is an error at once", async () => {
  await using locked = await RedisServer.start(["--requirepass", "right"]);
  const url = (password?: string) => parseRegistryUrl(`unix:${locked.socket}`, { password });
  for (const password of [undefined, "wrong"]) {
    const error = await assertRejects(() => open({ url: url(password) }), Fault);
    assertEquals([error.kind, /refused/.test(error.message)], ["usage", true]);
  }
  await using good = await open({ url: url("right") });
  assertEquals(good.shared.state, "ready");
});

testUnless(skipped, "what is no Redis is an error, what is away is waited for", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const answering = (async () => {
    for await (const conn of listener) {
      using _ = conn;
      await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n")).catch(
        () => {},
      );
    }
  })();
  const url = parseRegistryUrl(`redis://127.0.0.1:${port}`);
  const error = await assertRejects(() => open({ url }), Fault);
  assertEquals(error.kind, "usage");
  listener.close();
  await answering.catch(() => {});
  await using away = await open({ url });
  assertEquals(away.shared, { id: undefined, state: "away" });
  await away.register(peer(ANN, 1));
  await away.announce(ANN, [announcement("x")]);
  assertEquals(await portsOf(away, { name: "x" }), [1]);
});

Deno.test("a peer can be read in Redis however long its agent is", () => {
  for (const agent of ["", "x", "x".repeat(255), "x".repeat(300), "\u20ac".repeat(86)]) {
    const record = { ...peer(ANN), agent, files: 3, reachable: null, labels: { site: "oslo" } };
    const { agent: read, ...rest } = decodePeer(encodePeer(record))!;
    assertEquals({ ...rest, agent }, record);
    assertEquals(read!.slice(0, 85), agent.slice(0, 85));
  }
});

Deno.test("the URL of a registry is checked, and never shows its password", () => {
  const refused = [
    ...["", "redis:", "redis://", "http://127.0.0.1", "redis://127.0.0.1:99999", "127.0.0.1:6379"],
    ...["redis://127.0.0.1/x", "redis://127.0.0.1?a=b", "unix:relative", "redis://%zz@127.0.0.1"],
    ...["redis://192.0.2.1", "redis://u:secret@redis.example"],
  ];
  for (const text of refused) {
    const error = assertThrows(() => parseRegistryUrl(text), Fault, undefined, text);
    assert(!/secret/.test(error.message + error.next), text);
  }
  assertEquals(parseRegistryUrl("redis://u:p%20w@[::1]:7/3"), {
    socket: { host: "::1", port: 7 },
    username: "u",
    password: "p w",
    database: 3,
    shown: "redis://u@[::1]:7/3",
  });
  assertEquals(parseRegistryUrl("rediss://redis.example").socket, {
    ...{ host: "redis.example", port: 6_379, tls: true },
  });
  assertEquals(
    parseRegistryUrl("redis://192.0.2.1", { insecure: true }).shown,
    "redis://192.0.2.1",
  );
  for (const text of ["unix:/run/redis.sock", "unix:///run/redis.sock"]) {
    assertEquals(parseRegistryUrl(text).socket, { path: "/run/redis.sock", tls: false });
  }
});
