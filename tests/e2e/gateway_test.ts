/** A running peer as a gateway: what a browser or curl reads from it, and sends to it. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { pieceCount } from "../../src/content/piece_map.ts";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { contentsOf, eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { askOf, linesOf } from "./ask.ts";

const MIB = 1 << 20;

async function part(path: string, from: number, end: number): Promise<Uint8Array> {
  return (await Deno.readFile(path)).subarray(from, end);
}

Deno.test("the gateway serves shares and the swarm alike, whole and in ranges", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  const size = 5 * MIB + 12_345;
  await writeRandom(`${source.dir}/data.bin`, size);
  await Deno.writeTextFile(`${source.dir}/empty`, "");
  await world.json(source.dir, ["share", "data.bin", "empty"]);
  const peer = await world.peer("peer");
  for (const [asked, from] of [[source, "share"], [peer, "swarm"]] as const) {
    const ask = await askOf(asked);
    const whole = await ask("/files/data.bin");
    assertEquals(whole.headers.get("content-length"), String(size), from);
    await Deno.writeFile(`${world.root}/${from}`, whole.body!);
    assert(await sameFiles(`${world.root}/${from}`, `${source.dir}/data.bin`), from);
    for (
      const [a, b] of [[0, 1], [65_535, 65_537], [MIB - 1, 2 * MIB + 1], [size - 1, size], [
        7,
        7_000,
      ]]
    ) {
      const response = await ask("/files/data.bin", { headers: { range: `bytes=${a}-${b - 1}` } });
      assertEquals(response.status, 206);
      assertEquals(response.headers.get("content-range"), `bytes ${a}-${b - 1}/${size}`);
      assertEquals(await response.bytes(), await part(`${source.dir}/data.bin`, a, b));
    }
    const suffix = await ask("/files/data.bin", { headers: { range: "bytes=-100" } });
    assertEquals(await suffix.bytes(), await part(`${source.dir}/data.bin`, size - 100, size));
    const head = await ask("/files/data.bin", { method: "HEAD" });
    assertEquals([head.status, head.headers.get("content-length")], [200, String(size)]);
    await head.body?.cancel();
    const empty = await ask("/files/empty");
    assertEquals([empty.status, (await empty.bytes()).length], [200, 0]);
    const missing = await ask("/files/nothing");
    assertEquals([missing.status, (await missing.json()).error.kind], [404, "not_found"]);
    const upwards = await ask("/files/..%2Fx");
    assertEquals([upwards.status, (await upwards.json()).error.kind], [400, "usage"]);
  }
  // Reading through the gateway puts nothing on disk.
  assertEquals(contentsOf(peer.dir), []);
});

Deno.test("a file in a shared folder is read by its path, here and from the swarm", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.mkdir(`${source.dir}/tree/sub`, { recursive: true });
  const size = 3 * MIB + 17;
  const path = `${source.dir}/tree/sub/data`;
  await writeRandom(path, size);
  await Deno.writeTextFile(`${source.dir}/tree/empty`, "");
  await Deno.writeTextFile(`${source.dir}/tree/small`, "small");
  await world.json(source.dir, ["share", "tree"]);
  const peer = await world.peer("peer");
  for (const asked of [source, peer]) {
    const ask = await askOf(asked);
    const whole = await ask("/files/tree/sub/data");
    assertEquals([whole.status, whole.headers.get("content-length")], [200, String(size)]);
    const id = whole.headers.get("etag")!.slice(1, -1);
    assertMatch(whole.headers.get("content-disposition")!, /filename="data"/);
    await Deno.writeFile(`${world.root}/copy`, whole.body!);
    assert(await sameFiles(`${world.root}/copy`, path));
    for (const [a, b] of [[0, 1], [MIB - 1, 2 * MIB + 1], [size - 1, size]]) {
      const headers = { range: `bytes=${a}-${b - 1}` };
      const response = await ask(`/files/tree/sub/data?id=${id}`, { headers });
      assertEquals(response.status, 206);
      assertEquals(await response.bytes(), await part(path, a, b));
    }
    assertEquals(await (await ask("/files/tree/small")).text(), "small");
    assertEquals((await (await ask("/files/tree/empty")).bytes()).length, 0);
    const refused: [string, number, RegExp][] = [
      ["/files/tree", 400, /it is a folder/],
      ["/files/tree/sub", 400, /it is a folder/],
      ["/files/tree/nothing", 404, /./],
      [`/files/tree/small?id=${"0".repeat(64)}`, 404, /./],
    ];
    for (const [route, status, why] of refused) {
      const response = await ask(route);
      const { error } = await response.json();
      assertEquals(response.status, status, `${route}: ${error.message}`);
      assertMatch(error.message, why);
    }
  }
  assertEquals(contentsOf(peer.dir), []);
});

Deno.test("a folder is looked into, which costs its manifest once, and nothing on disk", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "8M"] });
  const tree = `${source.dir}/tree`;
  await Deno.mkdir(`${tree}/sub`, { recursive: true });
  const sizes = { "big": 20 * MIB, "other": MIB + 1, "sub/data": 2 * MIB + 17 };
  for (const [path, size] of Object.entries(sizes)) await writeRandom(`${tree}/${path}`, size);
  await Deno.symlink("other", `${tree}/latest`);
  await world.json(source.dir, ["share", "tree"]);
  const peer = await world.peer("peer");
  const [{ id, size: manifest }] = await world.json<{ id: string; size: number }[]>(
    peer.dir,
    ["list-files"],
  );
  const served = async () => (await world.json<PeerStatus>(source.dir, ["status"])).totals.served;
  const ask = await askOf(peer);
  const before = await served();
  // Both at a time, before anybody knows the folder.
  const [data, other] = await Promise.all(
    ["sub/data", "other"].map((path) => ask(`/files/tree/${path}`).then((one) => one.bytes())),
  );
  assertEquals(data, await Deno.readFile(`${tree}/sub/data`));
  assertEquals(other, await Deno.readFile(`${tree}/other`));
  const cost = await served() - before - data.length - other.length;
  assert(cost === manifest || cost === 2 * manifest, `${cost} bytes for a manifest of ${manifest}`);
  const known = await served();
  const latest = await ask("/files/tree/latest");
  assertEquals(await latest.bytes(), other);
  assertEquals(await served() - known, other.length, "the manifest was known");

  for (const [asked, at] of [[source, "tree"], [peer, "tree"], [peer, `tree&id=${id}`]] as const) {
    const lines = await linesOf(await (await askOf(asked))(`/api/v1/folder?name=${at}`));
    assertEquals(
      lines.map(({ result: { path, type, size } }) => [path, type, size]),
      [
        ["big", "file", sizes.big],
        ["latest", "link", undefined],
        ["other", "file", sizes.other],
        ["sub", "folder", undefined],
        ["sub/data", "file", sizes["sub/data"]],
      ],
    );
  }
  const [inner] = await linesOf(await ask("/api/v1/folder?name=tree/sub"));
  assertEquals([inner.result.path, inner.result.size], ["data", sizes["sub/data"]]);
  for (
    const [query, status] of [
      ["name=tree/other", 400],
      ["name=tree/none", 404],
      ["name=nothing", 404],
      ["name=..%2Fx", 400],
      [`name=tree&id=${"0".repeat(64)}`, 404],
      ["name=tree&id=x", 400],
    ] as const
  ) {
    const response = await ask(`/api/v1/folder?${query}`);
    assertEquals(response.status, status, query);
    await response.body?.cancel();
  }
  assertEquals(contentsOf(peer.dir), []);

  // Nor does it touch what there is of a folder that is being fetched, slowly enough to be paused.
  await world.json(source.dir, ["limit", "--up", "2M"]);
  const get = world.start(peer.dir, ["get", "tree"]);
  const partials = async () => (await world.json<PeerStatus>(peer.dir, ["status"])).partials;
  await eventually(
    "some of it is there",
    async () => ((await partials())[0]?.bytes ?? 0) >= 4 * MIB,
  );
  assertEquals(await (await ask("/files/tree/other")).bytes(), other);
  await world.json(peer.dir, ["pause", "tree"]);
  await get.ended();
  await world.json(source.dir, ["limit", "--up", "8M"]);
  const [paused] = await partials();
  assertEquals(await (await ask(`/files/tree/sub/data?id=${id}`)).bytes(), data);
  assertEquals((await linesOf(await ask("/api/v1/folder?name=tree"))).length, 5);
  const [still] = await partials();
  assertEquals([still.state, still.on_request, still.bytes], ["paused", true, paused.bytes]);
  const { transfers } = await world.json<PeerStatus>(peer.dir, ["status"]);
  assertEquals(
    new Set(transfers.map(({ name }) => name)),
    new Set([
      ...["tree/sub/data", "tree/other", "tree/latest", "tree"],
    ]),
  );
});

Deno.test("a range costs its own chunks, not the file", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 64 * MIB);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const at = 33 * MIB + 65_530;
  const response = await ask("/files/data", { headers: { range: `bytes=${at}-${at + 11}` } });
  assertEquals(await response.bytes(), await part(`${source.dir}/data`, at, at + 12));
  const { totals } = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals(totals.served, 2 * 65_536);
});

Deno.test("a download that still arrives is read while it grows, its next bytes first", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "4M"] });
  const size = 24 * MIB + 5;
  await writeRandom(`${source.dir}/data`, size);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  const get = world.start(peer.dir, ["get", "data"]);
  const status = () => world.json<PeerStatus>(peer.dir, ["status"]);
  await eventually("the download begins", async () => {
    const [one] = (await status()).partials;
    return one?.state === "active" && one.bytes > 0;
  });
  const ask = await askOf(peer);
  const from = 20 * MIB + 1;
  const range = await ask("/files/data", { headers: { range: `bytes=${from}-${from + 99}` } });
  assertEquals(await range.bytes(), await part(`${source.dir}/data`, from, from + 100));
  assertEquals((await status()).partials.length, 1, "the download is still under way");
  const [{ id }] = (await status()).partials;
  const map = await (await ask(`/api/v1/downloads/map?id=${id}`)).json();
  const pieces = pieceCount(size);
  assertEquals([map.cells, map.have.length, map.sources[0]], [pieces, pieces, 1]);
  const [{ from: sources }] = (await status()).transfers.filter(({ state }) => state === "active");
  assertEquals([sources[0].address, sources[0].state], [source.address, "connected"]);
  const whole = await ask("/files/data");
  await Deno.writeFile(`${world.root}/copy`, whole.body!);
  assert(await sameFiles(`${world.root}/copy`, `${source.dir}/data`));
  assertEquals(await get.ended(), 0);
  assert(await sameFiles(`${peer.dir}/data`, `${source.dir}/data`));
  // All of it came once, however many read it.
  const { totals } = await world.json<PeerStatus>(source.dir, ["status"]);
  assert(totals.served < size + 2 * MIB, `${totals.served} bytes were served`);
  const { up, down } = await (await ask("/api/v1/history")).json();
  assertEquals([up.length, down.length], [300, 300]);
});

Deno.test("who goes away ends what is fetched for them; a source that goes breaks the reader", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "1M"] });
  await writeRandom(`${source.dir}/data`, 32 * MIB);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const active = async () =>
    (await world.json<PeerStatus>(peer.dir, ["status"])).transfers
      .some(({ state }) => state === "active");
  const first = await ask("/files/data");
  const reader = first.body!.getReader();
  await reader.read();
  assert(await active());
  await reader.cancel();
  await eventually("it ends", async () => !await active());

  // Before the first byte, too: it takes minutes to come.
  const slow = await world.peer("slow", { args: ["--limit-down", "1K"] });
  const leave = new AbortController();
  const never = (await askOf(slow))("/files/data", { signal: leave.signal });
  const slowlyActive = async () =>
    (await world.json<PeerStatus>(slow.dir, ["status"])).transfers
      .some(({ state }) => state === "active");
  await eventually("it begins", slowlyActive);
  leave.abort();
  await assertRejects(() => never, DOMException);
  await eventually("it ends", async () => !await slowlyActive());
  assertEquals(slow.program.stderr.includes("Deno.serve"), false, slow.program.stderr);

  const second = await ask("/files/data");
  const rest = second.body!.getReader();
  await rest.read();
  await source.program.stop("SIGKILL");
  await peer.program.stop();
  await assertRejects(async () => {
    while (!(await rest.read()).done);
  });
});
