import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { RateMeter } from "../../../src/peer/status/rate_meter.ts";
import { Transfers } from "../../../src/peer/status/transfers.ts";

// Rates and pauses

Deno.test("rate meter: over the last five seconds, or since the start", () => {
  let now = 1_000_000;
  const meter = new RateMeter(() => now);
  assertEquals(meter.rate, 0);
  meter.add(1_000);
  assertEquals(meter.rate, 4_000, "no less than a quarter of a second counts");
  now += 1_000;
  assertEquals(meter.rate, 1_000);
  now += 1_000;
  meter.add(3_000);
  assertEquals(meter.rate, 2_000);
  now += 3_000;
  assertEquals(meter.rate, 600, "the first second is out of the window");
  now += 60_000;
  assertEquals([meter.rate, meter.total], [0, 4_000]);
});

Deno.test("rate meter: a steady stream has its rate, however long it lasts", () => {
  let now = 0;
  const meter = new RateMeter(() => now);
  for (let tick = 0; tick < 10_000; tick++) {
    now += 10;
    meter.add(100);
    if (now % 250 === 0 && now > 10_000) {
      assert(Math.abs(meter.rate - 10_000) < 600, `${meter.rate} at ${now}`);
    }
  }
  assertEquals(meter.total, 1_000_000);
});

// Transfers

Deno.test("transfers: a download, from its name to its end", () => {
  const transfers = new Transfers();
  const download = transfers.download("file");
  assertEquals([download.view().percent, download.view().eta], [0, undefined]);
  download.size = 400;
  download.sources = () => 2;
  download.add(100);
  const [view] = transfers.list();
  assertEquals([view.name, view.direction, view.state], ["file", "down", "active"]);
  assertEquals([view.bytes, view.size, view.percent, view.sources], [100, 400, 25, 2]);
  assert(view.rate > 0 && view.eta! > 0);
  download.state = "failed";
  download.error = "lost";
  const [ended] = transfers.list();
  assertEquals([ended.state, ended.error, ended.rate, ended.eta], ["failed", "lost", 0, undefined]);
  assertEquals(ended.sources, 0);
});

Deno.test("transfers: percent is whole for an empty file, and never more than that", () => {
  const transfers = new Transfers();
  const empty = transfers.download("empty");
  empty.size = 0;
  assertEquals(empty.view().percent, 100);
  const more = transfers.download("more");
  more.size = 10;
  more.add(25);
  assertEquals(more.view().percent, 100);
});

Deno.test("transfers: one upload for each file and requester", () => {
  const transfers = new Transfers();
  const about = { name: "file", id: "1", size: 10, to: "10.0.0.1:5" };
  const upload = transfers.upload(about);
  assertStrictEquals(transfers.upload(about), upload);
  assert(transfers.upload({ ...about, id: "2" }) !== upload);
  assert(transfers.upload({ ...about, to: "10.0.0.2:5" }) !== upload);
  const known = transfers.upload({ ...about, peer: "a" });
  assertStrictEquals(transfers.upload({ ...about, to: "10.0.0.1:6", peer: "a" }), known);
  assert(transfers.upload({ ...about, to: "10.0.0.2:6", peer: "a" }) !== known);
  const [view] = transfers.list();
  assertEquals([view.direction, view.to, view.sources], ["up", "10.0.0.1:5", 1]);
  upload.lastActive = -1e9;
  assertEquals(transfers.list()[0].state, "done");
  assert(transfers.upload(about) !== upload, "a later one is another");
});

Deno.test("transfers: what failed, or is still under way, counts in the totals", () => {
  const transfers = new Transfers();
  const failed = transfers.download("failed");
  failed.add(100);
  failed.state = "failed";
  transfers.download("active").add(10);
  transfers.upload({ name: "file", id: "1", size: 10, to: "10.0.0.1:5" }).add(3);
  assertEquals(transfers.totals, { served: 3, fetched: 110 });
});

Deno.test("transfers: the last fifty that ended are remembered, and all under way", () => {
  const transfers = new Transfers();
  const active = transfers.download("active");
  for (let n = 0; n < 200; n++) transfers.download(`${n}`).state = "done";
  transfers.download("last");
  const list = transfers.list();
  assertEquals(list.length, 52);
  assertEquals(list[0].transfer, active.transfer);
  assertEquals(list[1].name, "150");
  assertEquals(new Set(list.map(({ transfer }) => transfer)).size, list.length);
});
