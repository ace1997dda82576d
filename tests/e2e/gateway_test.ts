/** A running peer as a gateway: what a browser or curl reads from it, and sends to it. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { runCount } from "../../src/content/run_map.ts";
import type { PartialStatus, PeerStatus } from "../../src/peer/peer_api.ts";
import { contentsOf } from "./checks.ts";
import { type Peer, sameFiles, World, writeRandom } from "./world.ts";

const MIB = 1 << 20;
/** A wait that takes longer has failed, in milliseconds. */
const LATE_MS = 60_000;

type Ask = (route: string, init?: RequestInit) => Promise<Response>;

async function askOf({ dir }: Peer): Promise<Ask> {
  const { url, token } = JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
  return (route, init = {}) => {
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(url + route, { ...init, headers });
  };
}

/** Waits until something holds. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const late = performance.now() + LATE_MS; !await holds();) {
    assert(performance.now() < late, `${what} takes too long`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function linesOf(response: Response) {
  return (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
}

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
    const lines = await linesOf(await (await askOf(asked))(`/api/folder?name=${at}`));
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
  const [inner] = await linesOf(await ask("/api/folder?name=tree/sub"));
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
    const response = await ask(`/api/folder?${query}`);
    assertEquals(response.status, status, query);
    await response.body?.cancel();
  }
  assertEquals(contentsOf(peer.dir), []);

  // Nor does it touch what there is of a folder that is being fetched.
  const get = world.start(peer.dir, ["get", "tree"]);
  const partials = async () => (await world.json<PeerStatus>(peer.dir, ["status"])).partials;
  await until("some of it", async () => ((await partials())[0]?.bytes ?? 0) >= 4 * MIB);
  assertEquals(await (await ask("/files/tree/other")).bytes(), other);
  await world.json(peer.dir, ["pause", "tree"]);
  await get.ended();
  const [paused] = await partials();
  assertEquals(await (await ask(`/files/tree/sub/data?id=${id}`)).bytes(), data);
  assertEquals((await linesOf(await ask("/api/folder?name=tree"))).length, 5);
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
  await until("the download's begin", async () => {
    const [one] = (await status()).partials;
    return one?.state === "active" && one.bytes > 0;
  });
  const ask = await askOf(peer);
  const from = 20 * MIB + 1;
  const range = await ask("/files/data", { headers: { range: `bytes=${from}-${from + 99}` } });
  assertEquals(await range.bytes(), await part(`${source.dir}/data`, from, from + 100));
  assertEquals((await status()).partials.length, 1, "the download is still under way");
  const [{ id }] = (await status()).partials;
  const map = await (await ask(`/api/downloads/map?id=${id}`)).json();
  const runs = runCount(size);
  assertEquals([map.cells, map.have.length, map.sources[0]], [runs, runs, 1]);
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
  const { up, down } = await (await ask("/api/history")).json();
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
  await until("the end", async () => !await active());

  // Before the first byte, too: it takes minutes to come.
  const slow = await world.peer("slow", { args: ["--limit-down", "1K"] });
  const leave = new AbortController();
  const never = (await askOf(slow))("/files/data", { signal: leave.signal });
  const slowlyActive = async () =>
    (await world.json<PeerStatus>(slow.dir, ["status"])).transfers
      .some(({ state }) => state === "active");
  await until("the begin", slowlyActive);
  leave.abort();
  await assertRejects(() => never, DOMException);
  await until("the end", async () => !await slowlyActive());
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

Deno.test("what is sent lies in DIR once it is whole, and is shared", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const path = `${world.root}/local`;
  await writeRandom(path, 9 * MIB + 1);
  const send = async (name: string, body: BodyInit, headers: HeadersInit = {}) => {
    const route = `/api/uploads?name=${encodeURIComponent(name)}`;
    return (await linesOf(await ask(route, { method: "PUT", body, headers }))).at(-1);
  };
  const { result } = await send("sub/é.bin", await Deno.readFile(path));
  assertEquals([result.name, result.size], ["sub/é.bin", 9 * MIB + 1]);
  assert(await sameFiles(path, `${peer.dir}/sub/é.bin`));
  // Streamed, of a size that nobody said.
  const streamed = await send("streamed", (await Deno.open(path)).readable);
  assertEquals(streamed.result.id, result.id);
  // The same once more is no failure; something else is.
  assertEquals((await send("streamed", await Deno.readFile(path))).result.id, result.id);
  const other = await send("streamed", "other");
  assertEquals(other.error.kind, "destination");
  const sameSize = await send("streamed", new Uint8Array(9 * MIB + 1));
  assertEquals(sameSize.error.kind, "destination");
  assert(await sameFiles(path, `${peer.dir}/streamed`));
  for (const name of ["", "../x", "/etc/x", ".shoal/x", "a/../b", "sub"]) {
    const { error } = await send(name, "x");
    assert(["usage", "destination"].includes(error.kind), name);
  }
  await Deno.symlink(world.root, `${peer.dir}/out`);
  assertEquals((await send("out/x", "x")).error.kind, "usage");
  assertEquals((await send("empty", "")).result.size, 0);
  assertEquals(contentsOf(peer.dir), ["empty", "out", "streamed", "sub", "sub/é.bin"]);
  assertEquals([...Deno.readDirSync(`${peer.dir}/.shoal/uploads`)], []);
});

Deno.test("an upload that breaks off leaves nothing", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const uploads = `${peer.dir}/.shoal/uploads`;
  const begun = Promise.withResolvers<void>();
  const abort = new AbortController();
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
      begun.resolve();
      return new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  const sending = ask("/api/uploads?name=half", { method: "PUT", body, signal: abort.signal })
    .then((response) => response.text()).catch(() => {});
  await begun.promise;
  const files = () => {
    try {
      return [...Deno.readDirSync(uploads)].length;
    } catch {
      return 0;
    }
  };
  await until("the file", () => Promise.resolve(files() === 1));
  abort.abort();
  await sending;
  await until("the end", () => Promise.resolve(files() === 0));
  assertEquals(contentsOf(peer.dir), []);
  assertEquals((await world.json<PeerStatus>(peer.dir, ["status"])).shares, []);
});

Deno.test("a paused download stays so across a restart, until it is resumed", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "2M"] });
  const size = 16 * MIB;
  await writeRandom(`${source.dir}/data`, size);
  await world.json(source.dir, ["share", "data"]);
  let peer = await world.peer("peer");
  const get = world.start(peer.dir, ["get", "data"]);
  const partials = async () => (await world.json<PeerStatus>(peer.dir, ["status"])).partials;
  await until("the begin", async () => ((await partials())[0]?.bytes ?? 0) >= 2 * MIB);
  const [paused] = await world.json<PartialStatus[]>(peer.dir, ["pause", "data"]);
  assertEquals([paused.name, paused.state, paused.on_request], ["data", "paused", true]);
  assertEquals(await get.ended(), 2);
  const { transfers } = await world.json<PeerStatus>(peer.dir, ["status"]);
  assertEquals(transfers.map(({ state }) => state), ["paused"]);
  await peer.program.stop();

  peer = await world.peer("peer");
  const before = (await world.json<PeerStatus>(source.dir, ["status"])).totals.served;
  const [still] = await partials();
  assertEquals([still.state, still.on_request], ["paused", true]);
  assert(still.bytes >= 2 * MIB);
  assertEquals((await world.json<PeerStatus>(peer.dir, ["status"])).transfers, []);
  await world.json(peer.dir, ["resume", "data"]);
  await until("the end", async () => (await partials()).length === 0);
  assert(await sameFiles(`${peer.dir}/data`, `${source.dir}/data`));
  const { totals } = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals(totals.served - before, size - still.bytes);

  const none = await world.run(peer.dir, ["resume", "data"]);
  assertEquals(none.code, 3);
  assertEquals((await world.run(peer.dir, ["pause", "data"])).code, 3);
});

Deno.test("get of a paused download takes it up, with no peer running", async () => {
  await using world = await World.create();
  const source = await world.peer("source", { args: ["--limit-up", "2M"] });
  await writeRandom(`${source.dir}/data`, 6 * MIB);
  await world.json(source.dir, ["share", "data"]);
  const dir = await world.folder("alone");
  const get = world.start(dir, ["get", "data"]);
  await until("a run of it", async () => {
    const partials = `${dir}/.shoal/partials`;
    const [file] = await Array.fromAsync(Deno.readDir(partials)).catch(() => []);
    // One run is asked for at a time, so that two of them can't both be incomplete.
    return file !== undefined &&
      (await Deno.stat(`${partials}/${file.name}`)).blocks! * 512 > 2 * MIB;
  });
  assertEquals(await get.stop("SIGINT"), 130);
  const said = await world.run(dir, ["pause", "data"]);
  assert(said.stdout.startsWith("data  paused  "), said.stdout + said.stderr);
  const status = await world.run(dir, ["status"]);
  assert(status.stdout.includes("data: resume it to go on"), status.stdout);
  const resumed = await world.run(dir, ["resume", "data"]);
  assertEquals(resumed.stderr, "No peer runs for this folder: it goes on when one does.\n");
  await world.run(dir, ["pause", "data"]);
  assertEquals((await world.run(dir, ["get", "data"])).code, 0);
  assert(await sameFiles(`${dir}/data`, `${source.dir}/data`));
});
