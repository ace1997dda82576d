import { assert, assertEquals } from "@std/assert";
import { FORGET_MS, RecentRequesters } from "../../../src/peer/serve/recent_requesters.ts";
import { sourcesFor } from "../../../src/peer/serve/sources_for.ts";
import { SOURCES_CAP } from "../../../src/wire/protocol.ts";
import { ME } from "../../support/serving.ts";

Deno.test("requesters: they are forgotten a while after they left, and never too many", () => {
  let now = 0;
  const requesters = new RecentRequesters(() => now);
  const record = (port: number) => ({ address: "192.0.2.1", port });
  const ends = [
    requesters.add("f", record(1)),
    requesters.add("f", record(2)),
    requesters.add("f", record(1)),
  ];
  assertEquals(requesters.of("f").map(({ port }) => port), [1, 2]);
  ends[0]();
  ends[1]();
  now += FORGET_MS + 1;
  assertEquals(requesters.of("f").map(({ port }) => port), [1], "still here on another connection");
  ends[2]();
  now += FORGET_MS;
  assertEquals(requesters.of("f").length, 1);
  now += 1;
  assertEquals(requesters.of("f"), []);
  for (let n = 1; n <= 1_000; n++) {
    requesters.add("g", { address: `192.0.${n >> 8}.${n & 255}`, port: n });
  }
  assertEquals([requesters.of("g").length, requesters.of("g")[0].port], [200, 1_000]);
  for (let n = 0; n < 30_000; n++) requesters.add(`many ${n}`, record(1));
  assertEquals(requesters.of("g"), []);
  assertEquals(requesters.of("many 29999").length, 1);
});

Deno.test("requesters: short connections of one network don't displace those that are still here", () => {
  const requesters = new RecentRequesters(() => 0);
  const here = ["198.51.100.1", "198.51.100.2"].map((address) => ({ address, port: 1 }));
  for (const record of here) requesters.add("f", record);
  for (let port = 1; port <= 230; port++) requesters.add("f", { address: "192.0.2.1", port })();
  const named = requesters.of("f");
  assertEquals([named.length, named.slice(-2).reverse()], [18, here]);
  for (let n = 0; n < 400; n++) {
    requesters.add("f", { address: `2001:db8:${n.toString(16)}::1`, port: 1 })();
  }
  assertEquals(requesters.of("f").slice(-2).reverse(), here, "nor do those of many that have left");
});

Deno.test("sources: at most so many, each once, and none that can't be reached", () => {
  const many = Array.from({ length: 80 }, (_, n) => ({ address: "192.0.2.1", port: n + 1 }));
  assertEquals(sourcesFor({ address: "192.0.2.9" }, many), many.slice(0, SOURCES_CAP));
  const local = { address: "127.0.0.1", port: 5, peer: ME };
  assertEquals(sourcesFor({ address: "192.0.2.9" }, [local]), []);
  assertEquals(sourcesFor({ address: "127.0.0.1" }, [local, local]), [local]);
  const elsewhere = { address: "192.0.2.3", port: 5, peer: ME };
  assertEquals(sourcesFor({ address: "127.0.0.1" }, [local, elsewhere]), [local, elsewhere]);
  assertEquals(sourcesFor({ address: "127.0.0.1", peer: ME }, [local, elsewhere]), []);
  assertEquals(sourcesFor({ address: "192.0.2.1", port: 3 }, many).length, SOURCES_CAP);
  assert(!sourcesFor({ address: "192.0.2.1", port: 3 }, many).some(({ port }) => port === 3));
});
