import { assert, assertEquals } from "@std/assert";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { contentsOf, eventually } from "./checks.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { askOf, linesOf } from "./ask.ts";

const MIB = 1 << 20;

Deno.test("what is sent lies in DIR once it is whole, and is shared", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const path = `${world.root}/local`;
  await writeRandom(path, 9 * MIB + 1);
  const send = async (name: string, body: BodyInit, headers: HeadersInit = {}) => {
    const route = `/api/v1/uploads?name=${encodeURIComponent(name)}`;
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
  const sending = ask("/api/v1/uploads?name=half", { method: "PUT", body, signal: abort.signal })
    .then((response) => response.text()).catch(() => {});
  await begun.promise;
  const files = () => {
    try {
      return [...Deno.readDirSync(uploads)].length;
    } catch {
      return 0;
    }
  };
  await eventually("the file is there", () => files() === 1);
  abort.abort();
  await sending;
  await eventually("it ends", () => files() === 0);
  assertEquals(contentsOf(peer.dir), []);
  assertEquals((await world.json<PeerStatus>(peer.dir, ["status"])).shares, []);
});

Deno.test("an upload replaces a file only where that is said, and what is in the way is told first", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const ask = await askOf(peer);
  const check = async (...files: unknown[]) => {
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ files });
    const response = await ask("/api/v1/uploads/check", { method: "POST", headers, body });
    const faults: ({ details?: Record<string, unknown> } | null)[] = await response.json();
    return faults.map((fault) => fault === null ? null : fault.details?.reason ?? fault);
  };
  const send = async (name: string, body: string, more = "") => {
    const response = await ask(`/api/v1/uploads?name=${name}${more}`, { method: "PUT", body });
    return (await linesOf(response)).at(-1);
  };
  await Deno.mkdir(`${peer.dir}/folder`);
  await Deno.writeTextFile(`${peer.dir}/a`, "the first one");
  assertEquals(
    await check(
      { name: "a", size: 5 },
      { name: "a", size: 5, replace: true },
      { name: "folder", size: 5, replace: true },
      { name: "b", size: 2 ** 50 },
      { name: "b", size: 5 },
    ),
    ["exists", null, "exists", "space", null],
  );
  assertEquals((await send("a", "second")).error.details, { reason: "exists" });
  assertEquals(await Deno.readTextFile(`${peer.dir}/a`), "the first one");
  assertEquals((await send("a", "second", "&replace=1")).result.name, "a");
  assertEquals(await Deno.readTextFile(`${peer.dir}/a`), "second");
  assertEquals((await send("folder", "x", "&replace=1")).error.kind, "destination");
  assertEquals((await send("folder/inner", "x", "&share=0")).result.size, 1);
  const { shares } = await world.json<{ shares: { name: string }[] }>(peer.dir, ["status"]);
  assertEquals(shares.map(({ name }) => name), ["a"]);
  assertEquals([...Deno.readDirSync(`${peer.dir}/.shoal/uploads`)], []);
});
