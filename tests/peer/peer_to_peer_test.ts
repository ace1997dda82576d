/** Peers over real sockets. */
import { assert, assertEquals } from "@std/assert";
import { Downloader } from "../../src/peer/download/downloader.ts";
import { Listener } from "../../src/peer/serve/listener.ts";
import { PeerSource } from "../../src/peer/download/peer_source.ts";
import type { Refusal } from "../../src/wire/caller.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { faultOf } from "../support/faults.ts";
import { MemorySink } from "../support/memory_sink.ts";
import { newState } from "../support/new_state.ts";
import { closedPort, RawEnd, Scripted } from "../support/sockets.ts";
import { helloReply, PROVER } from "../support/prover.ts";
import { SELF, servingPeer } from "../support/serving_peer.ts";

const CHUNK = 65_536;
const MIB = 1 << 20;

const FILE = { id: "ab".repeat(32), size: 3 * MIB };

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
    if (receipt.bytes > 0) assertEquals(receipt.peer, PROVER.id);
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
    await end.send(await helloReply(await end.line()));
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
    ...{ action: "hello", id: 1, protocol: 1, agent: "served/1", peer: PROVER.id },
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
