/** The contract of every Registry, whatever keeps its state. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FindQuery, Registry } from "../../src/bootstrap/registry.ts";
import { testUnless } from "../support/tools.ts";
import { Refused } from "../../src/wire/answerer.ts";
import {
  type Announcement,
  LIST_CAP,
  PAYLOAD_CAP,
  SILENCE_MS,
  type SourceRecord,
} from "../../src/wire/protocol.ts";

/** A registry under test, and the clock it was given. */
export interface Bench {
  registry: Registry;
  /** Lets milliseconds pass. */
  pass(ms: number): void;
  /** Ends the registry. */
  end?(): Promise<void>;
}

/**
 * Caps that can be reached. Small: 4 peers, 5 names each, 8 together. Shared: 2 peers and 3 names for
 * one address, 100 bytes of names, 80 for one address.
 */
type Caps = "small" | "shared";
type MakeBench = (caps?: Caps) => Bench | Promise<Bench>;

export const id = (digit: string) => digit.repeat(64);
export const [ANN, BEN, CAT, DAN, EVE] = ["1", "2", "3", "4", "5"].map(id);

export function peer(id: string, port = 1, address = "192.0.2.1") {
  return { peer: id, address, port, agent: "test" };
}

/** Peers of as many addresses. */
function many(count: number) {
  return Array.from({ length: count }, (_, n) => {
    return peer(n.toString(16).padStart(64, "0"), 1, `10.0.${n >> 8}.${n & 255}`);
  });
}

/** Signatures are not the registry's business, so these have none worth the name. */
export function announcement(name: string, fields: Partial<Announcement> = {}): Announcement {
  const signature = "00".repeat(64);
  return { name, id: id("a"), size: 1, mtime: 1, time: 1, publisher: ANN, signature, ...fields };
}

async function listAll(registry: Registry, pattern?: string) {
  const records = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await registry.listFiles(pattern, cursor);
    assert(page.items.length <= LIST_CAP);
    assert(new TextEncoder().encode(JSON.stringify(page.items)).length <= PAYLOAD_CAP);
    for (const item of page.items) records.push(item);
    cursor = page.cursor;
    pages++;
  } while (cursor !== undefined);
  return { records, pages };
}

async function names(registry: Registry, pattern?: string): Promise<string[]> {
  return (await listAll(registry, pattern)).records.map(({ name }) => name);
}

async function ports(registry: Registry): Promise<number[]> {
  return (await registry.getPeers()).items.map(({ port }) => port).sort();
}

async function find(registry: Registry, query: FindQuery) {
  return (await registry.find(query)).items;
}

async function refused(code: string, promise: Promise<unknown>): Promise<void> {
  assertEquals((await assertRejects(() => promise, Refused)).code, code);
}

/** `skipped`: the reason why it can't be tested here. */
export function registryContract(what: string, make: MakeBench, skipped?: string): void {
  const test = (name: string, run: (bench: Bench) => Promise<void>, caps?: Caps) =>
    testUnless(skipped, `${what}: ${name}`, async () => {
      const bench = await make(caps);
      try {
        await run(bench);
      } finally {
        await bench.end?.();
      }
    });

  test("a peer is here until it has been silent for long enough", async ({ registry, pass }) => {
    await registry.register(peer(ANN));
    await registry.announce(ANN, [announcement("x")]);
    pass(SILENCE_MS - 1);
    assertEquals(await ports(registry), [1]);
    await registry.heartbeat(ANN);
    pass(SILENCE_MS - 1);
    assertEquals(await names(registry), ["x"]);
    assertEquals((await registry.listing(ANN))?.port, 1);
    pass(1);
    assertEquals(await registry.listing(ANN), undefined, "to ask for it is no sign of life");
    assertEquals(await ports(registry), []);
    assertEquals(await names(registry), []);
    assertEquals(await find(registry, { name: "x" }), []);
    await refused("not_registered", registry.heartbeat(ANN));
    await refused("not_registered", registry.announce(ANN, []));
    await refused("not_registered", registry.withdraw(ANN, []));
  });

  test("only the silent ones go", async ({ registry, pass }) => {
    await registry.register(peer(ANN, 1));
    await registry.register(peer(BEN, 2));
    pass(SILENCE_MS / 2);
    await registry.heartbeat(ANN);
    pass(SILENCE_MS / 2);
    await registry.expire();
    assertEquals(await ports(registry), [1]);
  });

  test("goodbye takes effect at once", async ({ registry }) => {
    await registry.register(peer(ANN));
    await registry.announce(ANN, [announcement("x")]);
    await registry.goodbye(ANN);
    await registry.goodbye(ANN);
    assertEquals(await ports(registry), []);
    assertEquals(await find(registry, { file: id("a") }), []);
  });

  test("a peer that registers again keeps its names until it had time to announce them", async ({ registry, pass }) => {
    await registry.register(peer(ANN, 1));
    await registry.announce(ANN, [announcement("w"), announcement("x"), announcement("y")]);
    await registry.register(peer(ANN, 2));
    const [record] = (await registry.getPeers()).items;
    assertEquals(record, { ...peer(ANN, 2), reachable: null, files: 3 });
    const [found] = (await registry.find({ name: "x" })).items;
    assertEquals(found?.sources.map(({ port }) => port), [2]);
    await registry.announce(ANN, [announcement("x"), announcement("z")]);
    await registry.withdraw(ANN, [{ name: "w", id: id("a") }]);
    assertEquals(await names(registry), ["x", "y", "z"]);
    pass(SILENCE_MS - 1);
    await registry.heartbeat(ANN);
    assertEquals(await names(registry), ["x", "y", "z"]);
    pass(1);
    assertEquals(await names(registry), ["x", "z"]);
  });

  test("names that are not announced again make room for others", async ({ registry }) => {
    const some = (...list: string[]) => list.map((name) => announcement(name));
    await registry.register(peer(ANN));
    await registry.announce(ANN, some("a", "b", "c", "d"));
    await registry.register(peer(ANN));
    await registry.announce(ANN, some("a", "e"));
    assertEquals(await names(registry), ["a", "b", "c", "d", "e"]);
    await registry.announce(ANN, some("f"));
    assertEquals(await names(registry), ["a", "c", "d", "e", "f"]);
  }, "small");

  test("everybody who has the content is a source", async ({ registry }) => {
    for (const one of [ANN, BEN, CAT]) await registry.register(peer(one));
    const x = announcement("x", { size: 3, mtime: 4, time: 5 });
    await registry.announce(ANN, [x]);
    await registry.announce(BEN, [x]);
    await registry.announce(CAT, [announcement("other name", { publisher: CAT })]);
    const [found, ...rest] = await find(registry, { name: "x" });
    assertEquals(rest, []);
    assertEquals(found.announcement, x);
    assertEquals(found.total, 3);
    assertEquals(found.sources.map(({ peer }) => peer).sort(), [ANN, BEN, CAT]);
    const { records } = await listAll(registry, "x");
    assertEquals(records, [
      { name: "x", id: id("a"), size: 3, mtime: 4, time: 5, publisher: ANN, sources: 3 },
    ]);
    assertEquals((await find(registry, { file: id("a") })).length, 2);
    assertEquals((await find(registry, { publisher: CAT })).length, 1);
    assertEquals((await find(registry, { name: "x", publisher: CAT })).length, 0);
    assertEquals((await find(registry, { name: "x", file: id("b") })).length, 0);
  });

  test("a publisher's newest counts, by whichever peer it was passed on", async ({ registry }) => {
    for (const one of [ANN, BEN, CAT]) await registry.register(peer(one));
    const old = announcement("x", { id: id("a"), time: 1 });
    const fresh = announcement("x", { id: id("b"), time: 2 });
    const another = announcement("x", { id: id("c"), time: 0, publisher: CAT });
    await registry.announce(ANN, [old]);
    await registry.announce(BEN, [old]);
    await registry.announce(ANN, [fresh]);
    await registry.announce(CAT, [another]);
    const ids = async (query: Parameters<Registry["find"]>[0]) =>
      (await find(registry, query)).map(({ announcement }) => announcement.id).sort();
    assertEquals(await ids({ name: "x" }), [id("b"), id("c")]);
    assertEquals(await ids({ publisher: ANN }), [id("b")]);
    assertEquals((await listAll(registry)).records.map(({ id }) => id), [id("b"), id("c")]);
    const [held] = await find(registry, { file: id("a") });
    assertEquals(held.sources.map(({ peer }) => peer), [BEN]);
    await registry.goodbye(ANN);
    assertEquals(await ids({ name: "x" }), [id("a"), id("c")]);
  });

  test("an older announcement doesn't displace a newer one", async ({ registry }) => {
    for (const one of [ANN, BEN]) await registry.register(peer(one));
    await registry.announce(ANN, [announcement("x", { time: 2, mtime: 22 })]);
    await registry.announce(BEN, [announcement("x", { time: 1, mtime: 11 })]);
    assertEquals((await find(registry, { name: "x" }))[0].announcement.mtime, 22);
  });

  test("withdrawing takes one content back, no other", async ({ registry }) => {
    for (const one of [ANN, BEN]) await registry.register(peer(one));
    for (const one of [ANN, BEN]) {
      await registry.announce(one, [announcement("x"), announcement("y")]);
    }
    await registry.withdraw(ANN, [
      { name: "x", id: id("b") },
      { name: "unknown", id: id("a") },
      { name: "y", id: id("a") },
    ]);
    // Still a source of that content, which it has under another name.
    assertEquals((await find(registry, { name: "y" }))[0].total, 2);
    await registry.withdraw(ANN, [{ name: "x", id: id("a") }]);
    assertEquals((await find(registry, { name: "x" }))[0].sources.map(({ peer }) => peer), [BEN]);
    await registry.withdraw(BEN, [{ name: "y", id: id("a") }]);
    assertEquals(await names(registry), ["x"]);
  });

  test("globs choose names, in order", async ({ registry }) => {
    await registry.register(peer(ANN));
    const all = ["z", "docs/b.md", "docs/a.md", "docs/sub/c.md", "a", "docs2/d.md", "B", "Ä"];
    await registry.announce(ANN, all.map((name) => announcement(name)));
    assertEquals(await names(registry), all.toSorted());
    assertEquals(await names(registry, "docs/*"), ["docs/a.md", "docs/b.md"]);
    assertEquals(await names(registry, "docs/**"), ["docs/a.md", "docs/b.md", "docs/sub/c.md"]);
    assertEquals(await names(registry, "{a,z,?}"), ["B", "a", "z", "Ä"]);
    assertEquals(await names(registry, "nothing*"), []);
  });

  test("a list is paged, while names come and go", async ({ registry }) => {
    await registry.register(peer(ANN));
    const all = Array.from(
      { length: 2 * LIST_CAP + 1 },
      (_, n) => `n${String(n).padStart(5, "0")}`,
    );
    for (let at = 0; at < all.length; at += LIST_CAP) {
      await registry.announce(ANN, all.slice(at, at + LIST_CAP).map((name) => announcement(name)));
    }
    const { records, pages } = await listAll(registry);
    assertEquals(records.map(({ name }) => name), all);
    assert(pages >= 3);
    const { items: first, cursor } = await registry.listFiles();
    const next = all[first.length];
    await registry.withdraw(ANN, [{ name: next, id: id("a") }]);
    await registry.announce(ANN, [announcement("m"), announcement(next + "x")]);
    const { items } = await registry.listFiles(undefined, cursor);
    assertEquals(items.slice(0, 2).map(({ name }) => name), [next + "x", all[first.length + 1]]);
    await refused("bad_message", registry.listFiles(undefined, "junk"));
  });

  test("one name of many publishers is paged too", async ({ registry }) => {
    const holders = many(LIST_CAP + 1);
    for (const holder of holders) {
      await registry.register(holder);
      await registry.announce(holder.peer, [announcement("x", { publisher: holder.peer })]);
    }
    const { records } = await listAll(registry);
    assertEquals(
      records.map(({ publisher }) => publisher),
      holders.map(({ peer }) => peer),
    );
  });

  test("pages keep to the cap on bytes", async ({ registry }) => {
    await registry.register(peer(ANN));
    const long = Array.from(
      { length: LIST_CAP },
      (_, n) => `${n}`.padStart(5, "0") + "\n".repeat(1_000),
    );
    await registry.announce(ANN, long.map((name) => announcement(name)));
    const { records, pages } = await listAll(registry);
    assertEquals(records.map(({ name }) => name), long);
    assert(pages > 1);
    const found = await find(registry, { publisher: ANN });
    assert(found.length < LIST_CAP);
    assert(JSON.stringify(found).length <= PAYLOAD_CAP);
  });

  test("a slow pattern takes several pages", async ({ registry }) => {
    await registry.register(peer(ANN));
    const slow = Array.from({ length: 100 }, (_, n) => "a".repeat(250) + n);
    await registry.announce(ANN, slow.map((name) => announcement(name)));
    const { records, pages } = await listAll(registry, "*a".repeat(250) + "*9");
    assertEquals(records.length, 10);
    assert(pages > 1);
  });

  test("at most 50 sources are named, others each time", async ({ registry }) => {
    const many = Array.from({ length: 200 }, (_, n) => n.toString(16).padStart(64, "0"));
    for (const one of many) {
      await registry.register(peer(one));
      await registry.announce(one, [announcement("x")]);
    }
    const seen = new Set<string>();
    for (let turn = 0; turn < 20; turn++) {
      const [{ sources, total }] = await find(registry, { name: "x" });
      assertEquals(total, 200);
      assertEquals(new Set(sources.map(({ peer }) => peer)).size, 50);
      for (const source of sources) seen.add(source.peer!);
    }
    assert(seen.size > 100);
  });

  test("peers are paged", async ({ registry }) => {
    const peers = many(LIST_CAP + 2);
    for (const one of peers) await registry.register(one);
    const first = await registry.getPeers();
    const second = await registry.getPeers(first.cursor);
    const all = [...first.items, ...second.items].map(({ peer }) => peer);
    assertEquals(all, peers.map(({ peer }) => peer));
    assertEquals(second.cursor, undefined);
  });

  test("what a call back came to is what others are told", async ({ registry }) => {
    await registry.register(peer(ANN));
    await registry.announce(ANN, [announcement("x")]);
    assertEquals(await registry.heartbeat(ANN), {
      ...{ address: "192.0.2.1", port: 1, reachable: null },
    });
    const listing = { address: "192.0.2.2", port: 2, reachable: true };
    assert(await registry.reached(ANN, listing));
    assertEquals(await registry.heartbeat(ANN), listing);
    assertEquals((await registry.getPeers()).items, [{ ...peer(ANN), ...listing, files: 1 }]);
    const [{ sources }] = await find(registry, { name: "x" });
    assertEquals(sources, [{ peer: ANN, address: "192.0.2.2", port: 2 }]);
    await registry.register(peer(ANN));
    assertEquals((await registry.heartbeat(ANN)).reachable, null, "called back anew");
    await registry.goodbye(ANN);
    assert(!await registry.reached(ANN, listing));
  });

  test("those that were reached are named as sources before the others", async ({ registry }) => {
    const peers = many(200);
    for (const one of peers) {
      await registry.register(one);
      await registry.announce(one.peer, [announcement("x"), announcement("y")]);
    }
    const reached = peers.filter((_, n) => n % 10 === 3);
    const tell = async (some: typeof peers, reachable: boolean) => {
      for (const { peer, address, port } of some) {
        await registry.reached(peer, { address, port, reachable });
      }
    };
    const named = async () => {
      const [{ sources, total }] = await find(registry, { name: "x" });
      assertEquals(total, 200);
      assertEquals(new Set(sources.map(({ peer }) => peer)).size, 50);
      return sources.filter(({ peer }) => reached.some((one) => one.peer === peer)).length;
    };
    await tell(reached, true);
    await tell(peers.slice(194), false);
    assertEquals(await named(), 20, "all that were reached, and some of the others");
    await registry.withdraw(reached[0].peer, [{ name: "x", id: id("a") }]);
    assertEquals(await named(), 20, "it holds the content under its other name");
    await tell(peers, true);
    await tell(reached, false);
    assertEquals(await named(), 0);
  });

  test("legacy peers that were reached say so", async ({ registry }) => {
    const legacy = { address: "192.0.2.9", port: 7 };
    await registry.legacyReached(legacy);
    await registry.registerLegacy(legacy);
    await registry.legacyReached(legacy);
    assertEquals((await registry.getPeers()).items, [{ ...legacy, reachable: true }]);
  });

  test("legacy peers stay until they are forgotten", async ({ registry, pass }) => {
    await registry.registerLegacy({ address: "192.0.2.9", port: 7 });
    await registry.registerLegacy({ address: "192.0.2.9", port: 7 });
    await registry.registerLegacy({ address: "192.0.2.9", port: 8 });
    pass(10 * SILENCE_MS);
    assertEquals(await registry.legacyPeers(), [
      { address: "192.0.2.9", port: 7 },
      { address: "192.0.2.9", port: 8 },
    ]);
    await registry.forgetLegacy({ address: "192.0.2.9", port: 7 });
    await registry.forgetLegacy({ address: "192.0.2.9", port: 7 });
    assertEquals((await registry.getPeers()).items, [
      { address: "192.0.2.9", port: 8, reachable: null },
    ]);
  });

  test("peers are capped", async ({ registry }) => {
    for (const one of [ANN, BEN, CAT]) await registry.register(peer(one));
    await registry.registerLegacy({ address: "192.0.2.9", port: 7 });
    await refused("busy", registry.register(peer(EVE)));
    await refused("busy", registry.registerLegacy({ address: "192.0.2.9", port: 8 }));
    await registry.register(peer(ANN, 5));
    await registry.goodbye(BEN);
    await registry.register(peer(DAN));
  }, "small");

  test("names are capped, for one peer and for all", async ({ registry }) => {
    const some = (...list: string[]) => list.map((name) => announcement(name));
    await registry.register(peer(ANN));
    await registry.register(peer(BEN));
    await registry.announce(ANN, some("a", "b", "c", "d", "e"));
    await refused("busy", registry.announce(ANN, some("a", "f")));
    await registry.announce(ANN, some("a", "b"));
    await registry.announce(BEN, some("x", "y"));
    await refused("busy", registry.announce(BEN, some("z1", "z2")));
    await registry.announce(BEN, some("z1", "z1"));
    assertEquals(await names(registry), ["a", "b", "c", "d", "e", "x", "y", "z1"]);
    await registry.withdraw(ANN, [{ name: "a", id: id("a") }]);
    await registry.announce(BEN, some("z2"));
    await registry.goodbye(ANN);
    await registry.register(peer(ANN));
    await registry.announce(ANN, some("a", "b", "c", "d"));
  }, "small");

  test("one address takes no more than its share", async ({ registry }) => {
    const [ann, ben, cat] = many(3);
    const from = "2001:db8:1:2::1";
    await registry.register(ann, from);
    await registry.register(ben, "2001:db8:1:2:ffff::2");
    await refused("busy", registry.register(cat, "2001:DB8:1:2::3"));
    await refused("busy", registry.registerLegacy({ address: from, port: 7 }));
    await registry.register(cat, "2001:db8:1:3::3");
    const some = (...list: string[]) => list.map((name) => announcement(name));
    await registry.announce(ann.peer, some("a", "b"));
    await refused("busy", registry.announce(ben.peer, some("c", "d")));
    await registry.announce(ben.peer, some("c"));
    await registry.announce(cat.peer, some("d", "e"));
    await registry.goodbye(ann.peer);
    await registry.announce(ben.peer, some("d", "e"));
    await registry.registerLegacy({ address: from, port: 7 });
    await registry.forgetLegacy({ address: from, port: 7 });
    await registry.register(ann, from);
  }, "shared");

  test("names are capped by their bytes", async ({ registry }) => {
    const [ann, ben] = many(2);
    await registry.register(ann);
    await registry.register(ben);
    await registry.announce(ann.peer, [announcement("ä".repeat(20))]);
    await refused("busy", registry.announce(ben.peer, [announcement("b".repeat(61))]));
    assertEquals(await names(registry), ["ä".repeat(20)], "nothing of it was taken");
    await registry.announce(ben.peer, [announcement("b".repeat(60))]);
    await registry.withdraw(ben.peer, [{ name: "b".repeat(60), id: id("a") }]);
    await registry.announce(ben.peer, [announcement("c".repeat(59)), announcement("d")]);
    await registry.goodbye(ben.peer);
    await refused("busy", registry.announce(ann.peer, [announcement("e".repeat(41))]));
    await registry.announce(ann.peer, [announcement("e".repeat(40))]);
  }, "shared");

  test("a crowd hides nothing that a publisher announced under a name", async ({ registry }) => {
    const crowd = many(9_000);
    for (const [n, { peer: publisher }] of crowd.entries()) {
      await registry.register(crowd[n]);
      await registry.announce(publisher, [announcement("x", { id: publisher, publisher })]);
    }
    const [last] = crowd.slice(-1);
    const [found, ...more] = await find(registry, { name: "x", publisher: last.peer });
    assertEquals([found.announcement.id, more], [last.peer, []]);
    assertEquals((await find(registry, { name: "x", file: last.peer })).length, 1);
    const some = await registry.find({ name: "x" });
    assert(some.items.length >= 32 && some.items.length <= LIST_CAP);
    assert(some.steps! < 9_000, "it doesn't look at all of them");
    const { records } = await listAll(registry, "x");
    assertEquals(records.length, 9_000, "a list comes to its end all the same");
  });

  test("a peer that is gone is gone from all of its names in the end", async ({ registry }) => {
    const names = Array.from({ length: 5_000 }, (_, n) => `${n}`.padStart(4, "0"));
    await registry.register(peer(ANN));
    for (let at = 0; at < names.length; at += LIST_CAP) {
      await registry.announce(ANN, names.slice(at, at + LIST_CAP).map((one) => announcement(one)));
    }
    await registry.goodbye(ANN);
    assertEquals(await find(registry, { name: "0000" }), []);
    for (let n = 0; n < 2; n++) await registry.expire();
    assertEquals((await listAll(registry)).records, []);
  });

  test("all sources of a name are listed, version by version", async ({ registry }) => {
    const peers = many(2_500);
    const old = announcement("x", { time: 1 });
    const fresh = announcement("x", { id: id("b"), time: 2 });
    for (const [n, one] of peers.entries()) {
      await registry.register({ ...one, labels: { site: `s${n % 3}` } });
      await registry.announce(one.peer, [n < 2_000 ? fresh : old, announcement("other")]);
    }
    const { peer: reached, address, port } = peers[7];
    await registry.reached(reached, { address, port, reachable: true });
    const all: SourceRecord[] = [];
    let cursor: string | undefined;
    do {
      const batch = await registry.listSources("x", cursor);
      assert(batch.items.length <= LIST_CAP);
      all.push(...batch.items);
      cursor = batch.cursor;
    } while (cursor !== undefined);
    const holding = (wanted: string) =>
      new Set(all.filter(({ id }) => id === wanted).map(({ peer }) => peer));
    assertEquals(holding(id("b")), new Set(peers.slice(0, 2_000).map(({ peer }) => peer)));
    for (const { peer } of peers.slice(2_000)) assert(holding(id("a")).has(peer));
    const [one] = all.filter(({ peer }) => peer === reached);
    assertEquals([one.labels, one.reachable, one.time], [{ site: "s1" }, true, 2]);
    assertEquals((await registry.listSources("nothing")).items, []);
    await refused("bad_message", registry.listSources("x", "elsewhere"));
  });

  test("an announcement is known as it is held, and no other", async ({ registry }) => {
    await registry.register(peer(ANN));
    const folder = { kind: "folder", entries: 3, bytes: 9 } as const;
    const one = announcement("x", folder);
    assert(!registry.isKnown(one));
    await registry.announce(ANN, [one]);
    assert(registry.isKnown({ ...one }));
    for (
      const change of [
        ...[{ name: "y" }, { id: id("b") }, { size: 2 }, { mtime: 2 }, { time: 2 }],
        ...[{ publisher: BEN }, { kind: undefined }, { entries: 4 }, { bytes: 8 }],
        { signature: "11".repeat(64) },
      ]
    ) assert(!registry.isKnown({ ...one, ...change }), JSON.stringify(change));
    await registry.goodbye(ANN);
    await registry.expire();
    assert(!registry.isKnown(one));
  });

  test("a cursor that was not given out is refused", async ({ registry }) => {
    await refused("bad_message", registry.getPeers("elsewhere"));
    await refused("bad_message", registry.listFiles(undefined, "elsewhere"));
  });
}
