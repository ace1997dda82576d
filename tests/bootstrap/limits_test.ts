/**
 * The grants of a bootstrap to its callers: rates, quotas, and the address that they are counted
 * for.
 */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as limits from "../../src/bootstrap/limits.ts";
import { RATES, type RequestKind } from "../../src/bootstrap/limits.ts";
import { Quota } from "../../src/bootstrap/quota.ts";
import { RateLimits } from "../../src/bootstrap/rate_limits.ts";
import { firstForged } from "../../src/bootstrap/first_forged.ts";
import { FairQueue } from "../../src/async/fair_queue.ts";
import { type Rate, TokenBucket } from "../../src/async/token_bucket.ts";
import { signAnnouncement } from "../../src/trust/announcement.ts";
import { Identity } from "../../src/trust/identity.ts";
import { Refused } from "../../src/wire/answerer.ts";
import { groupOf, isLinkLocal, isLoopback, isSameHost } from "../../src/wire/ip_address.ts";

/** Asserts a refusal that says when to come back, in seconds. */
function busy(act: () => void, retryAfter: number): void {
  const refused = assertThrows(act, Refused);
  assertEquals([refused.code, refused.retryAfter], ["busy", retryAfter]);
}

Deno.test("a bucket lets a burst pass, then so much a second", () => {
  const bucket = new TokenBucket({ rate: 2, burst: 3 }, 1_000);
  assertEquals(bucket.wait(3, 1_000), 0);
  bucket.take(3, 1_000);
  assertEquals(bucket.wait(1, 1_000), 0.5);
  assertEquals(bucket.wait(1, 1_250), 0.25);
  assertEquals(bucket.wait(1, 1_500), 0);
  assert(!bucket.isFull(2_499));
  assert(bucket.isFull(2_500));
  assert(bucket.isFull(60_000), "more than the burst is never saved up");
  // What is larger than the bucket passes when it is full, and has to be made up for.
  assertEquals(bucket.wait(9, 60_000), 0);
  bucket.take(9, 60_000);
  assertEquals(bucket.wait(1, 60_000), 3.5);
});

/** The same for every kind. */
function rates(perAddress: Rate, total: Rate) {
  const kinds = Object.keys(RATES) as RequestKind[];
  return Object.fromEntries(kinds.map((kind) => [kind, { perAddress, total }])) as typeof RATES;
}

Deno.test("rates are counted by address, by kind and in all, and recover", () => {
  let now = 0;
  const limits = new RateLimits({
    now: () => now,
    rates: rates({ rate: 1, burst: 2 }, { rate: 10, burst: 5 }),
  });
  limits.take("ask", "192.0.2.1", 2);
  busy(() => limits.take("ask", "::ffff:192.0.2.1"), 1);
  busy(() => limits.take("ask", "192.0.2.1", 2), 2);
  limits.take("list", "192.0.2.1");
  limits.take("ask", "192.0.2.2", 2);
  limits.take("ask", "127.0.0.1");
  busy(() => limits.take("ask", "192.0.2.3"), 1);
  now = 100;
  limits.take("ask", "192.0.2.3");
  now = 2_100;
  limits.take("ask", "192.0.2.1", 2);
});

Deno.test("loopback is counted in all, not by address", () => {
  const limits = new RateLimits({
    now: () => 0,
    rates: rates({ rate: 1, burst: 1 }, { rate: 1, burst: 3 }),
  });
  for (const host of ["127.0.0.1", "127.0.0.1", "::1"]) limits.take("ask", host);
  busy(() => limits.take("ask", "127.0.0.1"), 1);
});

Deno.test("only so many addresses are remembered, and none for longer than there is a need", () => {
  let now = 0;
  const limits = new RateLimits({
    now: () => now,
    maxRemembered: 10,
    rates: rates({ rate: 1, burst: 1 }, { rate: 1e9, burst: 1e9 }),
  });
  for (let n = 0; n < 1_000; n++) limits.take("ask", `10.0.${n >> 8}.${n & 255}`);
  assertEquals(limits.remembered, 10);
  busy(() => limits.take("ask", "10.0.3.231"), 1);
  now = 500;
  limits.sweep();
  assertEquals(limits.remembered, 10);
  now = 1_000;
  limits.sweep();
  assertEquals(limits.remembered, 0);
});

Deno.test("fifty peers behind one address notice no limit", () => {
  let now = 0;
  const limits = new RateLimits({ now: () => now });
  for (let peer = 0; peer < 50; peer++) {
    limits.take("connect", "192.0.2.1", 2);
    limits.take("ask", "192.0.2.1", 4);
    limits.take("register", "192.0.2.1");
    limits.take("announce", "192.0.2.1", 1_000);
    limits.take("list", "192.0.2.1", 2);
  }
  for (; now < 600_000; now += 100) limits.take("ask", "192.0.2.1", 20);
});

Deno.test("a quota is shared out by address, and what is given back is there again", () => {
  const quota = new Quota({ what: "things", perAddress: 2, total: 3, retryAfter: 7 });
  quota.add("192.0.2.1", 2);
  busy(() => quota.add("192.0.2.1"), 7);
  quota.add("2001:db8::1");
  busy(() => quota.add("192.0.2.2"), 7);
  assertEquals(quota.total, 3);
  quota.remove("192.0.2.1", 2);
  quota.add("192.0.2.1");
  quota.remove("192.0.2.1");
  quota.remove("2001:db8::1");
  quota.add("127.0.0.1", 3);
  busy(() => quota.add("127.0.0.2"), 7);
  quota.remove("127.0.0.1", 3);
  assertEquals(quota.total, 0);
});

Deno.test("an address is known in every spelling", () => {
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "0:0::1", "::ffff:127.0.0.1", "0x7f.1"]) {
    assert(isLoopback(host), host);
    assertEquals(groupOf(host), undefined, host);
  }
  for (const host of ["192.0.2.1", "localhost", "128.0.0.1", "::2", ""]) {
    assert(!isLoopback(host), host);
  }
  for (const host of ["169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.1.1"]) {
    assert(isLinkLocal(host), host);
  }
  assert(isSameHost("192.0.2.1", "::ffff:c000:201"));
  assert(isSameHost("2001:DB8::1", "2001:db8:0:0:0:0:0:1"));
  assert(!isSameHost("192.0.2.1", "192.0.2.2"));
  assert(!isSameHost("a.example", "a.example"));
  assertEquals(groupOf("::ffff:192.0.2.1"), "192.0.2.1");
  assertEquals(groupOf("2001:db8:1:2:3::4"), groupOf("2001:db8:1:2::5"));
  assert(groupOf("2001:db8:1:2::5") !== groupOf("2001:db8:1:3::5"));
});

Deno.test("signatures are checked list by list, and a forged one is found", async () => {
  const identity = await Identity.generate();
  const sign = (name: string) =>
    signAnnouncement(identity, { name, id: "ab".repeat(32), size: 1, mtime: 1, time: 1 });
  const some = await Promise.all(Array.from({ length: 70 }, (_, n) => sign(`${n}`)));
  const forged = { ...some[68], size: 2 };
  const turns = new FairQueue();
  const visitor = { inTurn: <T>(work: () => T | Promise<T>) => turns.take(work) };
  const results = await Promise.all([
    firstForged(some, visitor),
    firstForged([...some.slice(0, 68), forged, some[69]], visitor),
    firstForged([], visitor),
    firstForged(some, visitor),
  ]);
  assertEquals(results, [undefined, forged, undefined, undefined]);
});

Deno.test("heavy work is done one by one, whatever becomes of it", async () => {
  const turns = new FairQueue();
  let underWay = 0;
  const work = (n: number) => async () => {
    assertEquals(++underWay, 1);
    await Promise.resolve();
    underWay--;
    if (n === 1) throw new Error("no");
    return n;
  };
  const results = await Promise.allSettled([0, 1, 2].map((n) => turns.take(work(n))));
  assertEquals(results.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
});

Deno.test("callers take turns, however much one of them asks for", async () => {
  const turns = new FairQueue(() => 0);
  const done: string[] = [];
  const ask = (caller: string, count: number) =>
    Array.from({ length: count }, () => turns.take(() => done.push(caller), caller));
  await Promise.all([...ask("many", 5), ...ask("one", 1), ...ask("other", 2)]);
  assertEquals(done, ["many", "many", "one", "other", "many", "other", "many", "many"]);
});

Deno.test("what is counted afterwards is missing the next time", () => {
  const rates = new RateLimits({ now: () => 0 });
  rates.charge("ask", "192.0.2.1", 5_001);
  busy(() => rates.take("ask", "192.0.2.1"), 1);
  rates.take("ask", "192.0.2.2");
});

Deno.test("no limit is any address's whole", () => {
  for (const { perAddress, total } of Object.values(RATES)) {
    assert(2 * perAddress.rate <= total.rate && 2 * perAddress.burst <= total.burst);
  }
  for (
    const [own, total] of [
      [limits.MAX_CONNECTIONS_PER_ADDRESS, limits.MAX_CONNECTIONS],
      [limits.MAX_PEERS_PER_ADDRESS, limits.MAX_PEERS],
      [limits.MAX_HOLDINGS_PER_ADDRESS, limits.MAX_TOTAL_HOLDINGS],
      [limits.MAX_NAME_BYTES_PER_ADDRESS, limits.MAX_NAME_BYTES],
      [limits.MAX_PAYLOADS_PER_ADDRESS, limits.MAX_PAYLOADS],
      [limits.MAX_LISTS_PER_ADDRESS, limits.MAX_LISTS],
      [limits.MAX_CALL_BACKS_PER_ADDRESS, limits.MAX_CALL_BACKS],
    ] as const
  ) assert(2 * own <= total);
});

Deno.test("a caller with little to do goes before those with much", async () => {
  let now = 0;
  const turns = new FairQueue(() => now);
  const done: string[] = [];
  const ask = (caller: string, cost: number) =>
    turns.take(() => {
      now += cost;
      done.push(caller);
    }, caller);
  const heavy = ["a", "b", "c"].flatMap((caller) => [ask(caller, 10), ask(caller, 10)]);
  await heavy[2];
  // By now a and b have had a piece each; c waits for its first.
  const light = [ask("light", 1), ask("light", 1)];
  await Promise.all([...heavy, ...light]);
  assertEquals(done.join(" "), "a b c light light a b c");
});
