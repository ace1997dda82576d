/** Fetching from a legacy peer, and being one, over real sockets. */
import { assertEquals, assertLess } from "@std/assert";
import { askLegacyPeers } from "../../src/legacy/ask_legacy_peers.ts";
import { LegacySource } from "../../src/legacy/legacy_source.ts";
import { Downloader } from "../../src/peer/download/downloader.ts";
import type { Address } from "../../src/wire/connection.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { MemorySink } from "../support/memory_sink.ts";
import { newState } from "../support/new_state.ts";
import { servingPeer } from "../support/serving_peer.ts";
import { RawEnd, Scripted } from "../support/sockets.ts";

const CHUNK = 65_536;

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
    await using legacy = new Scripted(async (end) => {
      const { action, filename, chunk_index } = await end.line();
      if (action === "file_request") await end.send(listing);
      else await end.send({ action: "chunk_data", filename, chunk_index, ...chunk });
    });
    await faultOf(kind, new LegacySource(legacy.address, "f").describe(state.digests));
    assertEquals(state.keptFor(), []);
  }
});

Deno.test("legacy peers: all together get a time; who has answered by then counts", async () => {
  const content = patterned(CHUNK + 1);
  await using peer = await servingPeer(content);
  await using state = await newState();
  await using silent = new Scripted((end) => end.closed());
  // Long replies come one at a time, so each has to wait for those before.
  await using long = new Scripted(async (end) => {
    await end.send("x".repeat(300_000));
    await end.closed();
  });
  const at = ({ host, port }: Address, count: number) =>
    Array.from({ length: count }, () => ({ address: host, port }));
  const peers = [...at(peer.address, 1), ...at(long.address, 50), ...at(silent.address, 100)];
  const options = { digests: state.digests, totalMs: 1_000 };
  const began = performance.now();
  const [found, ...others] = await askLegacyPeers({ name: "a/file" }, peers, options);
  assertLess(performance.now() - began, 5_000);
  assertEquals([found.id, found.sources.length, others], [peer.id, 1, []]);
  // No more are asked than there was time for.
  assertLess(silent.accepted + long.accepted, 60);
});
