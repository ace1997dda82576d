/** Peers over real sockets. */
import { assert, assertEquals } from "@std/assert";
import { Downloader } from "../../src/peer/download/downloader.ts";
import { Listener } from "../../src/peer/serve/listener.ts";
import { LegacySource } from "../../src/peer/download/legacy_source.ts";
import { PeerSource } from "../../src/peer/download/peer_source.ts";
import { Uploader } from "../../src/peer/serve/uploader.ts";
import type { Refusal } from "../../src/wire/caller.ts";
import { assertSameBytes, type Bytes, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { MemorySink } from "../support/memory_sink.ts";
import { newState } from "../support/new_state.ts";
import { closedPort, RawEnd, Scripted } from "../support/sockets.ts";
import { State } from "../support/state.ts";
import { TempFolder } from "../support/temp_folder.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

const FILE = { id: "ab".repeat(32), size: 3 * MIB };
const SELF = { agent: "test/1", peer: "cd".repeat(32) };

/** A peer that does nothing but serve one file. */
async function servingPeer(content: Bytes) {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const path = await folder.write("shared/file", content);
  const share = await state.share(path, "a/file");
  const served: number[] = [];
  const changed: string[] = [];
  const uploader = new Uploader({
    prove: () => Promise.resolve("00".repeat(64)),
    ...{ self: { agent: "served/1", peer: "ab".repeat(32) }, digests: state.digests },
    ...{ library: state.library, reader: state.reader },
    onServed: (_share, bytes) => served.push(bytes),
    onChanged: (it) => {
      it.available = false;
      changed.push(it.announcement.name);
    },
  });
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    (connection) => uploader.serve(connection),
  );
  const { address } = listener;
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= listener.stop();
  return {
    ...{ folder, state, path, share, served, changed, address, stop },
    id: share.announcement.id,
    source: () =>
      new PeerSource({ id: share.announcement.id, size: content.length }, address, SELF),
    [Symbol.asyncDispose]: async () => {
      await stop();
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const never = new AbortController().signal;

Deno.test("peer to peer: a file comes over, from two peers at a time", async () => {
  const content = patterned(6 * MIB + 1);
  await using one = await servingPeer(content);
  await using two = await servingPeer(content);
  await using state = await newState();
  const sink = new MemorySink(content.length);
  const sources = [one.source(), two.source()];
  await new Downloader({
    ...{ id: one.id, size: content.length, sink, digests: state.digests, sources },
  }).run();
  assertSameBytes(sink.content, content);
  const bytes = (served: number[]) => served.reduce((a, b) => a + b, 0);
  assert(bytes(one.served) + bytes(two.served) >= content.length);
  const counted = sources.reduce((sum, { receipt }) => sum + receipt.bytes, 0);
  assertEquals(counted, content.length);
  for (const { receipt } of sources) {
    assertEquals([receipt.bad_chunks, receipt.dropped], [0, undefined]);
    if (receipt.bytes > 0) assertEquals(receipt.peer, "ab".repeat(32));
  }
});

Deno.test("peer to peer: a peer that is gone while it serves leaves the rest to the other", async () => {
  const content = patterned(8 * MIB);
  await using one = await servingPeer(content);
  await using two = await servingPeer(content);
  await using state = await newState();
  const sink = new MemorySink(content.length);
  await new Downloader({
    ...{ id: one.id, size: content.length, sink, digests: state.digests },
    sources: [one.source(), two.source()],
    onBytes: () => void one.stop(),
    backoff: { first: 1, longest: 2 },
  }).run();
  assertSameBytes(sink.content, content);
});

Deno.test("peer source: pieces and blocks, and again after it was closed", async () => {
  const content = patterned(3 * CHUNK + 7);
  await using peer = await servingPeer(content);
  const source = peer.source();
  const into = new Uint8Array(4 * CHUNK);
  for (let round = 0; round < 2; round++) {
    await source.connect(never);
    assertSameBytes(await source.chunks({ first: 0, count: 4 }, into, never), content);
    assertSameBytes(
      await source.chunks({ first: 3, count: 1 }, into, never),
      content.subarray(3 * CHUNK),
    );
    assertEquals((await source.digests(0, 0)).length, 4 * 32);
    source.close();
    await faultOf("network", source.chunks({ first: 0, count: 1 }, into, never), "closed");
  }
  assertEquals(peer.served, [content.length, 7, content.length, 7]);
});

Deno.test("peer source: refusals have a code, and the connection lives on", async () => {
  await using peer = await servingPeer(patterned(3 * CHUNK));
  const other = new PeerSource({ id: "ef".repeat(32), size: CHUNK }, peer.address, SELF);
  const source = peer.source();
  await other.connect(never);
  await source.connect(never);
  const into = new Uint8Array(MIB);
  const refused: [Promise<unknown>, string][] = [
    [other.digests(0, 0), "not_shared"],
    [other.chunks({ first: 0, count: 1 }, into, never), "not_shared"],
    [source.chunks({ first: 3, count: 1 }, into, never), "out_of_range"],
    [source.chunks({ first: 2, count: 2 }, into, never), "out_of_range"],
    [source.digests(0, 1), "out_of_range"],
    [source.digests(1, 0), "out_of_range"],
  ];
  const failures = await Promise.all(
    refused.map(([asked]) => faultOf("network", asked, "refused")),
  );
  for (const [index, [, code]] of refused.entries()) {
    assertEquals((failures[index] as Refusal).code, code);
  }
  assertEquals((await source.chunks({ first: 2, count: 1 }, into, never)).length, CHUNK);
  source.close();
  other.close();
});

Deno.test("peer source: a file that changed is not served, and is withdrawn once", async () => {
  await using peer = await servingPeer(patterned(3 * CHUNK));
  const source = peer.source();
  await source.connect(never);
  const into = new Uint8Array(MIB);
  await source.chunks({ first: 0, count: 1 }, into, never);
  await Deno.writeFile(peer.path, patterned(3 * CHUNK + 1, 2));
  const first = await faultOf("network", source.chunks({ first: 0, count: 1 }, into, never));
  const second = await faultOf("network", source.chunks({ first: 0, count: 1 }, into, never));
  assertEquals([(first as Refusal).code, (second as Refusal).code], ["changed", "not_shared"]);
  assertEquals(peer.changed, ["a/file"]);
  assertEquals(peer.served, [CHUNK]);
  source.close();
});

Deno.test("peer source: blocks that the store has lost are refused, not made up", async () => {
  await using peer = await servingPeer(patterned(CHUNK));
  peer.state.db.run("DELETE FROM digest_pages");
  const source = peer.source();
  await source.connect(never);
  const refused = await faultOf("network", source.digests(0, 0));
  assertEquals((refused as Refusal).code, "unreadable");
  source.close();
});

Deno.test("peer source: a piece larger than was asked for is refused before it is read", async () => {
  await using callee = new Scripted(async (end) => {
    const { id } = await end.line();
    await end.send({ action: "hello", id, protocol: 1, agent: "x", peer: "ab".repeat(32) });
    const request = await end.line();
    await end.send({ action: "chunks", id: request.id, payload: MIB });
    await end.closed();
  });
  const source = new PeerSource(FILE, callee.address, SELF);
  await source.connect(never);
  const asked = source.chunks({ first: 0, count: 1 }, new Uint8Array(CHUNK), never);
  await faultOf("integrity", asked, "sent 1048576 bytes where at most 65536 were asked for");
});

Deno.test("peer source: connecting where nobody is, or no peer, is a fault of the network", async () => {
  const nobody = new PeerSource(FILE, { host: "127.0.0.1", port: closedPort() }, SELF);
  await faultOf("network", nobody.connect(never), "connection refused");
  await using web = new Scripted((end) => end.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
  await faultOf("network", new PeerSource(FILE, web.address, SELF).connect(never));
});

Deno.test("uploader: by hand, as documented", async () => {
  const content = patterned(CHUNK + 10);
  await using peer = await servingPeer(content);
  using end = await RawEnd.connect(peer.address);
  await end.send({ action: "hello", id: 1, protocol: 1, agent: "hand" });
  assertEquals(await end.line(), {
    ...{ action: "hello", id: 1, protocol: 1, agent: "served/1", peer: "ab".repeat(32) },
  });
  await end.send(
    { action: "get_digests", id: 2, file: peer.id, level: 0, page: 0 },
    { action: "get_chunks", id: 3, file: peer.id, first: 0, count: 2 },
  );
  assertEquals(await end.line(), { action: "digests", id: 2, payload: 64 });
  assertEquals((await end.bytes(64)).length, 64);
  assertEquals(await end.line(), { action: "chunks", id: 3, payload: content.length });
  assertSameBytes(await end.bytes(content.length), content);
});

Deno.test("uploader: the legacy dialect, by hand", async () => {
  const content = patterned(CHUNK + 10);
  await using peer = await servingPeer(content);
  using end = await RawEnd.connect(peer.address);
  await end.send({ action: "file_request", filename: "a/file" });
  const info = await end.line();
  assertEquals([info.chunk_size, info.num_chunks], [CHUNK, 2]);
  assertEquals(info.chunk_hashes.length, 2);
  await end.send({ action: "get_chunk", filename: "a/file", chunk_index: 1 });
  const { data, ...rest } = await end.line();
  assertEquals(rest, { action: "chunk_data", filename: "a/file", chunk_index: 1 });
  assertSameBytes(Uint8Array.fromBase64(data), content.subarray(CHUNK));
  const missing: [object, string][] = [
    [{ action: "file_request", filename: "other" }, "File not found"],
    [{ action: "file_request", filename: "../file" }, "File not found"],
    [{ action: "get_chunk", filename: "a/file", chunk_index: 2 }, "Invalid chunk index"],
    [{ action: "get_chunk", filename: "a/file", chunk_index: -1 }, "Unknown action"],
    [{ action: "dance" }, "Unknown action"],
  ];
  for (const [request, message] of missing) {
    await end.send(request);
    assertEquals(await end.line(), { action: "error", message });
  }
});

Deno.test("legacy source: a file known by its name alone, at every boundary", async () => {
  for (const size of [0, 1, 65_535, 65_536, 65_537, 3 * CHUNK + 1]) {
    const content = patterned(size, size + 1);
    await using peer = await servingPeer(content);
    await using state = await newState();
    const source = new LegacySource(peer.address, "a/file");
    assertEquals(await source.describe(state.digests), { id: peer.id, size });
    const sink = new MemorySink(size);
    await new Downloader({
      ...{ id: peer.id, size, sink, digests: state.digests, sources: [source] },
    }).run();
    assertSameBytes(sink.content, content);
    assertEquals(await new LegacySource(peer.address, "x").describe(state.digests), undefined);
  }
});

Deno.test("legacy source: wrong data is a lie, and no block of a broken list is kept", async () => {
  const hash = "ab".repeat(32);
  const info = { action: "file_info", filename: "f", chunk_size: CHUNK };
  const replies: [object, object, "integrity" | "network"][] = [
    [{ ...info, num_chunks: 1, chunk_hashes: [hash] }, { data: "" }, "integrity"],
    [{ ...info, num_chunks: 1, chunk_hashes: [hash] }, { data: "!!!" }, "integrity"],
    [{ ...info, num_chunks: 1, chunk_hashes: ["zz"] }, { data: "AAAA" }, "network"],
    [{ ...info, num_chunks: 5, chunk_hashes: [hash] }, { data: "AAAA" }, "network"],
  ];
  for (const [listing, chunk, kind] of replies) {
    await using state = await newState();
    await using seed = new Scripted(async (end) => {
      const { action, filename, chunk_index } = await end.line();
      if (action === "file_request") await end.send(listing);
      else await end.send({ action: "chunk_data", filename, chunk_index, ...chunk });
    });
    await faultOf(kind, new LegacySource(seed.address, "f").describe(state.digests));
    assertEquals(state.keptFor(), []);
  }
});

Deno.test("listener: a port in use is named, and stopping frees it", async () => {
  const listener = new Listener({ host: "127.0.0.1", port: 0 }, () => Promise.resolve());
  const { port } = listener.address;
  const again = () => new Listener({ host: "127.0.0.1", port }, () => Promise.resolve());
  await faultOf("network", again, `Cannot listen on 127.0.0.1:${port}: the port is in use`);
  await listener.stop();
  await again().stop();
});

Deno.test("listener: one that breaks the rules disturbs nobody else", async () => {
  await using peer = await servingPeer(patterned(CHUNK));
  using garbage = await RawEnd.connect(peer.address);
  using silent = await RawEnd.connect(peer.address);
  await garbage.send("[".repeat(70_000)).catch(() => {});
  await garbage.closed();
  const source = peer.source();
  await source.connect(never);
  assertEquals(
    (await source.chunks({ first: 0, count: 1 }, new Uint8Array(CHUNK), never)).length,
    CHUNK,
  );
  source.close();
  silent.close();
});
