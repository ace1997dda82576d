/**
 * Measures a registry shared through Redis, at the interface of `Registry`: memory in Redis, finds,
 * and what happens when it is emptied. Needs redis-server; all on this machine.
 *
 *     deno task bench:registry [--peers N] [--each N] [--names N]
 */
import process from "node:process";
import { parseArgs } from "@std/cli/parse-args";
import { SharedRegistry } from "../src/bootstrap/shared/shared_registry.ts";
import { parseRegistryUrl } from "../src/bootstrap/shared/registry_url.ts";
import { delay } from "../src/async/retry.ts";
import type { Announcement } from "../src/wire/protocol.ts";
import { RedisServer } from "../tests/support/redis_server.ts";

const { peers, each, names } = (() => {
  const words = parseArgs(Deno.args, { string: ["peers", "each", "names"] });
  const peers = Number(words.peers ?? 20_000);
  const each = Number(words.each ?? 10);
  return { peers, each, names: Number(words.names ?? peers) };
})();

const redis = await RedisServer.start();
const cli = (...words: string[]) => redis.cli(...words);

const number = async (section: string, field: string) =>
  Number((await cli("INFO", section)).match(new RegExp(`^${field}:([\\d.]+)`, "m"))?.[1]);
const redisCpu = async () =>
  await number("cpu", "used_cpu_user") + await number("cpu", "used_cpu_sys");
const ownCpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

const hex = (n: number) => n.toString(16).padStart(64, "0");

function announcement(n: number): Announcement {
  const publisher = hex(n % 1_000 + 1);
  const signature = hex(n) + hex(n + 1);
  const name = `releases/product-${String(n).padStart(8, "0")}.tar.gz`;
  return {
    name,
    id: hex(n + 2 ** 32),
    size: 1e6 + n,
    mtime: 1e12,
    time: 1e12,
    publisher,
    signature,
  };
}

async function open(): Promise<SharedRegistry> {
  return await SharedRegistry.open({
    url: parseRegistryUrl(`unix:${redis.socket}`),
    ...{ name: "bench", lists: 1_000 },
    memory: { maxPeers: 10 * peers, maxTotalHoldings: 1e9, maxNameBytes: 1e12 },
  });
}

/** Announces a share of all: `part` of `parts`. Resolves when Redis has it. */
async function load(registry: SharedRegistry, part: number, parts: number): Promise<void> {
  for (let n = part; n < peers; n += parts) {
    const peer = hex(n + 2 ** 40);
    const address = `10.${n >> 16 & 255}.${n >> 8 & 255}.${n & 255}`;
    await registry.register({ peer, address, port: 10_000, agent: "shoal/0.1.0" });
    await registry.reached(peer, { address, port: 10_000, reachable: true });
    const some = Array.from({ length: each }, (_, k) => announcement((n * 7 + k * 131) % names));
    await registry.announce(peer, some);
    while (registry.backlog > 20_000) await delay(5);
  }
  while (registry.backlog > 0) await delay(5);
}

async function row(what: string, count: number, at: number, ask: (n: number) => Promise<unknown>) {
  const times: number[] = [];
  const [redisBegun, ownBegun, begun] = [await redisCpu(), ownCpu(), performance.now()];
  let next = 0;
  await Promise.all(Array.from({ length: at }, async () => {
    while (next < count) {
      const started = performance.now();
      await ask(next++);
      times.push(performance.now() - started);
    }
  }));
  const seconds = (performance.now() - begun) / 1_000;
  const redis = (await redisCpu() - redisBegun) / count * 1e6;
  const own = (ownCpu() - ownBegun) / count * 1e6;
  times.sort((a, b) => a - b);
  const p99 = times[Math.floor(times.length * 0.99)]!.toFixed(1);
  const rate = Math.round(count / seconds);
  console.log(
    `  ${what}: ${rate}/s at ${at} at a time, p99 ${p99} ms; ` +
      `processor ${redis.toFixed(0)} µs of Redis, ${own.toFixed(0)} µs here`,
  );
}

try {
  const empty = await number("memory", "used_memory");
  const before = process.memoryUsage().rss;
  const a = await open();
  console.log(`registry: ${peers} peers of ${each} names, ${names} different ones, two bootstraps`);
  console.log(
    `  a bootstrap's memory with a registry, no peers: +${
      Math.round((process.memoryUsage().rss - before) / 1e6)
    } MB`,
  );
  const b = await open();
  const begun = performance.now();
  await load(a, 0, 2);
  await load(b, 1, 2);
  const loaded = (performance.now() - begun) / 1_000;
  const bytes = await number("memory", "used_memory") - empty;
  console.log(
    `  loaded in ${loaded.toFixed(1)} s: ${Math.round(peers * each / loaded)} holdings/s; ` +
      `${(bytes / 1e6).toFixed(1)} MB in Redis, ${
        Math.round(bytes / peers / each)
      } bytes a holding`,
  );
  // A young registry says `busy` in place of "nobody has it".
  while (await a.find({ name: "missing" }).then(() => false, () => true)) {
    await delay(500);
  }
  await cli("CONFIG", "SET", "slowlog-log-slower-than", "1000");
  await cli("SLOWLOG", "RESET");
  const count = Math.min(10_000, names);
  await row("find by name", count, 10, (n) => a.find({ name: announcement(n).name }));
  await row("find by file", count, 10, (n) => b.find({ file: announcement(n).id }));
  await row("find, nobody has it", count, 10, (n) => a.find({ name: `missing-${n}` }));
  const { name } = announcement(0);
  await row("find again within a second", 50_000, 10, () => a.find({ name }));
  let cursor: string | undefined;
  await row("list of files, batch", 50, 1, async () => {
    cursor = (await a.listFiles(undefined, cursor)).cursor;
  });
  const slow = JSON.parse(await cli("--json", "SLOWLOG", "GET", "1000")) as number[][];
  const longest = Math.max(0, ...slow.map(([, , micros = 0]) => micros));
  console.log(`  longest call in Redis: ${(longest / 1_000).toFixed(1)} ms, by the clock`);

  const wanted = [...Array(200).keys()].map((n) => announcement(n * 37 % names).name);
  let [busy, missing] = [0, 0];
  const emptied = performance.now();
  await cli("FLUSHALL");
  for (let whole = 0; whole < wanted.length;) {
    whole = 0;
    for (const name of wanted) {
      const found = await b.find({ name }).then(({ items }) => items, () => undefined);
      if (!found) busy++;
      else if (found.length === 0) missing++;
      else whole++;
    }
    const known = Number(await cli("ZCARD", "{sh1:bench}names"));
    if (known < names) whole = 0;
    await delay(100);
  }
  console.log(
    `  emptied: whole again after ${((performance.now() - emptied) / 1_000).toFixed(1)} s; ` +
      `meanwhile ${busy} busy, ${missing} said that nobody has it`,
  );
  await Promise.all([a.stop(), b.stop()]);
} finally {
  await redis.kill();
}
