/**
 * Sources that die, getters that are killed, files that are cut off and liars, each in the middle of
 * a transfer. A proxy between getter and source makes of "the middle" an event.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, partialsOf, placedIn } from "../e2e/checks.ts";
import type { Proxy, ProxyOptions } from "../e2e/proxy.ts";
import { lastLine, sameFiles } from "../e2e/world.ts";
import { assertBounded, SIZE, sourceBehind, worldWithData } from "./setting.ts";

Deno.test("the only source is killed half-way", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  assertEquals(contentsOf(dir).length, 1, "a partial, and nothing under the final name");
  await assertBounded(get, source.peer.program);
  await source.peer.program.stop("SIGKILL");
  const killed = performance.now();
  source.proxy.cut();
  const code = await get.ended();
  assertRefused({ code, stdout: get.stdout, stderr: get.stderr }, {
    code: 4,
    text: 'Cannot get "data": every source was lost',
  });
  assert(performance.now() - killed < 90_000, "in bounded time");
  assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
});

Deno.test("the only source goes away for a moment", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data", "--json"]);
  await get.meanwhile(source.proxy.paused);
  source.proxy.resume();
  source.proxy.cut();
  assertEquals(await get.ended(), 0, get.stderr);
  const receipt = JSON.parse(lastLine(get.stdout)) as Receipt;
  assertEquals([receipt.bytes, receipt.sources.length], [SIZE, 1]);
  assert(receipt.sources[0].retries > 0);
  assert(await sameFiles(source.file, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("the getter is killed half-way", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  await get.stop("SIGKILL");
  assertEquals(contentsOf(dir).filter((name) => !name.startsWith("partial ")), []);
  source.proxy.resume();
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  assert(await sameFiles(source.file, `${dir}/data`));
  assertEquals(receipt.up_to_date, false);
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("a running getter is killed half-way, and its peer starts again", async () => {
  await using world = await worldWithData();
  await using source = await sourceBehind(world, "source", { pauseAfter: SIZE / 2 });
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "data"]);
  await get.meanwhile(source.proxy.paused);
  await assertBounded(getter.program);
  await getter.program.stop("SIGKILL");
  assertEquals(await get.ended(), 4, get.stderr);
  assertMatch(get.stderr, /^shoal: Cannot ask the running peer: .*\nnext: .*\n$/);
  source.proxy.resume();
  await world.peer("getter");
  await world.json(getter.dir, ["get", "data"]);
  assert(await sameFiles(source.file, `${getter.dir}/data`));
});

Deno.test("one of two sources is killed at 30 %", async () => {
  await using world = await worldWithData();
  await using doomed = await sourceBehind(world, "doomed", { pauseAfter: SIZE * 0.15 });
  await using steady = await sourceBehind(world, "steady", { pauseAfter: SIZE * 0.15 });
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "data", "--json"]);
  await get.meanwhile(Promise.all([doomed.proxy.paused, steady.proxy.paused]));
  await assertBounded(get, doomed.peer.program, steady.peer.program);
  await doomed.peer.program.stop("SIGKILL");
  doomed.proxy.cut();
  steady.proxy.resume();
  assertEquals(await get.ended(), 0, get.stderr);
  const receipt = JSON.parse(lastLine(get.stdout)) as Receipt;
  const bytesOf = (proxy: Proxy) =>
    receipt.sources.find(({ address }) => address === proxy.address)?.bytes ?? 0;
  assert(bytesOf(doomed.proxy) > 0 && bytesOf(steady.proxy) > bytesOf(doomed.proxy));
  assertEquals(bytesOf(doomed.proxy) + bytesOf(steady.proxy), SIZE);
  assert(await sameFiles(`${world.root}/data`, `${dir}/data`));
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("the shared file is cut off, changed or replaced half-way", async () => {
  await using world = await worldWithData();
  const changes: Record<string, (file: string) => Promise<void>> = {
    truncated: (file) => Deno.truncate(file, SIZE * 0.75),
    written: (file) =>
      Deno.open(file, { write: true }).then(async (opened) => {
        await opened.seek(-10, Deno.SeekMode.End);
        await opened.write(new Uint8Array(10));
        opened.close();
      }),
    removed: (file) => Deno.remove(file),
  };
  for (const [name, change] of Object.entries(changes)) {
    await using source = await sourceBehind(world, name, { pauseAfter: SIZE / 2 });
    const dir = await world.folder(`getter ${name}`);
    const get = world.start(dir, ["get", "data"]);
    await get.meanwhile(source.proxy.paused);
    await assertBounded(get);
    await change(source.file);
    source.proxy.resume();
    const code = await get.ended();
    const finished = { code, stdout: get.stdout, stderr: get.stderr };
    assertRefused(finished, { code: 4, text: "changed since it was shared" });
    assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
    await source.peer.program.stop();
  }
});

Deno.test("a source that corrupts every fifth piece, beside an honest one", async () => {
  await using world = await worldWithData();
  await using honest = await sourceBehind(world, "honest", { pauseAfter: SIZE / 8 });
  let runs = 0;
  const corrupt: ProxyOptions["onPayload"] = (payload, { action }) => {
    if (action !== "chunks" || ++runs % 5 !== 0) return;
    payload[payload.length >> 1] ^= 0x10;
    // The honest one waits until then: it could be done before that.
    honest.proxy.resume();
  };
  await using liar = await sourceBehind(world, "liar", { onPayload: corrupt });
  const dir = await world.folder("getter");
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  assert(await sameFiles(`${world.root}/data`, `${dir}/data`));
  const named = receipt.sources.find(({ address }) => address === liar.proxy.address);
  assertMatch(named?.dropped ?? "", /sent a wrong chunk/);
  assert(named!.bad_chunks > 0);
  const kept = receipt.sources.find(({ address }) => address === honest.proxy.address);
  assertEquals([kept?.dropped, kept?.bad_chunks], [undefined, 0]);
  assertEquals(receipt.chunks.refetched, named!.bad_chunks);
  assertEquals(contentsOf(dir), ["data"]);
});

Deno.test("a corrupting source alone: exact bytes or none", async () => {
  await using world = await worldWithData();
  let runs = 0;
  const corrupt: ProxyOptions["onPayload"] = (payload, { action }) => {
    if (action === "chunks" && ++runs % 5 === 0) payload[0] ^= 1;
  };
  await using _liar = await sourceBehind(world, "liar", { onPayload: corrupt });
  const dir = await world.folder("getter");
  const refused = await world.run(dir, ["get", "data"]);
  assertRefused(refused, { code: 5, text: "sent a wrong chunk" });
  assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1]);
});
