import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { formatAddress } from "../../src/wire/connection.ts";
import {
  askLegacy,
  LegacyFileInfo,
  LegacyPeers,
  LegacyRegistered,
} from "../../src/legacy/legacy_dialect.ts";
import { faultOf } from "../support/faults.ts";
import { Scripted } from "../support/sockets.ts";

const digestOf = (n: number) => n.toString(16).padStart(64, "0");

Deno.test("legacy dialect: one line out, one line back, and the connection is closed", async () => {
  const heard: unknown[] = [];
  await using legacy = new Scripted(async (end) => {
    heard.push(await end.line());
    await end.send({ status: "registered" });
    await end.closed();
  });
  const reply = await askLegacy(
    legacy.address,
    (local) => ({ action: "register", address: local.host, port: 1 }),
    LegacyRegistered,
  );
  assertEquals(reply, { status: "registered" });
  assertEquals(heard, [{ action: "register", address: "127.0.0.1", port: 1 }]);
});

Deno.test("legacy dialect: a list of digests far longer than our own lines is read", async () => {
  const hashes = Array.from({ length: 20_000 }, (_, n) => digestOf(n));
  const info = {
    ...{ action: "file_info", filename: "a", chunk_size: 65_536 },
    ...{ num_chunks: hashes.length, chunk_hashes: hashes },
  };
  await using legacy = new Scripted(async (end) => {
    await end.line();
    await end.send(info);
  });
  const reply = await askLegacy(
    legacy.address,
    { action: "file_request", filename: "a" },
    LegacyFileInfo,
  );
  assertEquals(reply.chunk_hashes.length, 20_000);
});

Deno.test("legacy dialect: what doesn't fit is a fault that names the other end", async () => {
  const info = {
    action: "file_info",
    filename: "a",
    chunk_size: 65_536,
    num_chunks: 1,
    chunk_hashes: [digestOf(1)],
  };
  const cases: [reply: string | object | null, text: string][] = [
    [null, "closed the connection without an answer"],
    ["garbage\n", "sent a malformed message"],
    ['{"cut', "in the middle of a message"],
    ["null\n", "sent a malformed payload"],
    [{ ...info, chunk_size: 1_024 }, "chunk_size"],
    [{ ...info, num_chunks: 2 }, "num_chunks"],
    [{ ...info, num_chunks: -1 }, "num_chunks"],
    [{ ...info, chunk_hashes: ["x"] }, "chunk_hashes"],
    ["x".repeat(20_000), "a line of more than 10000 bytes"],
  ];
  for (const [reply, text] of cases) {
    await using legacy = new Scripted(async (end) => {
      await end.line();
      if (reply !== null) await end.send(reply);
    });
    const asking = askLegacy(legacy.address, { action: "x" }, LegacyFileInfo, { lineCap: 10_000 });
    const fault = await faultOf("network", asking, text);
    assert(fault.message.startsWith(formatAddress(legacy.address)), fault.message);
  }
});

Deno.test("legacy dialect: entries of a peer list that are no address are left out", async () => {
  await using legacy = new Scripted(async (end) => {
    await end.line();
    await end.send({
      peers: [
        { address: "10.0.0.1", port: 10_000 },
        { address: "10.0.0.1", port: 0 },
        { address: "spaced out", port: 1 },
        { address: "10.0.0.2", port: "10000" },
        null,
        "10.0.0.3:1",
        { address: "legacy.example", port: 65_535, more: true },
      ],
    });
  });
  const { peers } = await askLegacy(legacy.address, { action: "get_peers" }, LegacyPeers);
  assertEquals(peers, [
    { address: "10.0.0.1", port: 10_000 },
    { address: "legacy.example", port: 65_535 },
  ]);
});

Deno.test("legacy dialect: the time limit is for all of it, however it drips", async () => {
  await using legacy = new Scripted(async (end) => {
    await end.line();
    for (;;) {
      await end.send("x");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
  const started = performance.now();
  const asking = askLegacy(legacy.address, { action: "x" }, LegacyPeers, { ms: 80 });
  const fault = await faultOf("network", asking);
  assert(/did not answer within 0.08 s|made no progress/.test(fault.message), fault.message);
  assertLess(performance.now() - started, 1_500);
});

Deno.test("legacy dialect: it stops when it is told to, with the reason", async () => {
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  await using legacy = new Scripted(async (end) => {
    await end.line();
    abort.abort(reason);
    await end.closed();
  });
  const asking = askLegacy(legacy.address, { action: "x" }, LegacyPeers, { signal: abort.signal });
  assertStrictEquals(await faultOf("deadline", asking), reason);
});
