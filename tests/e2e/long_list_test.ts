/** Lists of many files: where they end, and how they are paged. */
import { assert, assertEquals } from "@std/assert";
import { MemoryRegistry } from "../../src/bootstrap/memory_registry.ts";
import { formatAddress } from "../../src/wire/connection.ts";
import { startBootstrap } from "../bootstrap/bench.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { programWords, shoal } from "./program.ts";

/** A bootstrap where one peer holds so many names. */
async function crowded(count: number) {
  const registry = new MemoryRegistry();
  const peer = "1".repeat(64);
  await registry.register({ peer, address: "127.0.0.1", port: 1 });
  const of = (n: number) => ({
    ...{ name: `${n}`.padStart(6, "0"), id: "a".repeat(64), size: 1, mtime: 1, time: 1 },
    ...{ publisher: peer, signature: "0".repeat(128) },
  });
  await registry.announce(peer, Array.from({ length: count }, (_, n) => of(n)));
  const server = startBootstrap({ registry });
  const alive = setInterval(() => registry.heartbeat(peer), 10_000);
  return {
    bootstrap: formatAddress(server.address),
    async [Symbol.asyncDispose]() {
      clearInterval(alive);
      await server.stop();
    },
  };
}

Deno.test("a long list in a pipe ends at 10,000 files and says how to have all", async () => {
  await using swarm = await crowded(10_050);
  const list = (...more: string[]) => {
    return shoal(["peer", "list-files", "--bootstrap", swarm.bootstrap, ...more]);
  };
  const hint = "list fewer with a PATTERN, or all with --all";
  const table = await list();
  assertEquals([table.code, table.stdout.split("\n").length], [0, 10_002]);
  assert(table.stderr.includes(hint), table.stderr);
  const json = await list("--json");
  assertEquals(JSON.parse(json.stdout).length, 10_000);
  assert(json.stderr.includes(hint), json.stderr);
  const all = await list("--all");
  assertEquals([all.stdout.split("\n").length, all.stderr], [10_052, ""]);
  const some = await list("00999?");
  assertEquals([some.stdout.split("\n").length, some.stderr], [12, ""]);
});

testUnless(lacking("script", "sed"), "a list on a terminal goes through the pager", async () => {
  await using swarm = await crowded(1_050);
  const words = [...programWords(), "peer", "list-files", "--bootstrap", swarm.bootstrap];
  const onScreen = async (PAGER: string) => (await onTerminal(words, { env: { PAGER } })).shown;
  const paged = await onScreen("sed 's/^/paged /'");
  assertEquals(paged.split("paged ").length - 1, 1_051);
  const closed = await onScreen("head -n 2");
  assertEquals(closed.trim().split("\n").length, 2, "a pager that is closed ends the list");
  const plain = await onScreen("");
  assertEquals(plain.trim().split("\n").length, 1_001 + 2);
  assert(plain.includes("--all"), "without a pager it ends at 1,000");
});
