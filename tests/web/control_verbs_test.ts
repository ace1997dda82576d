import { assert, assertEquals } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { PeerNode } from "../../src/peer/node.ts";
import type { Candidate } from "../../src/peer/api/peer_api.ts";
import { readJsonLines } from "../../src/web/http/json_lines.ts";
import { control, linesOf } from "../support/control.ts";
import { RECEIPT, RECORD, ScriptedPeer, SHARED, STATUS } from "../support/scripted_peer.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ID = "1a2b3c4d".repeat(8);

Deno.test("control: status, peers, and files one a line", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  assertEquals((await (await ask("GET", "/api/v1/status")).json()).peer, STATUS.peer);
  assertEquals((await (await ask("GET", "/api/v1/peers")).json()).length, 1);
  const all = await linesOf(await ask("GET", "/api/v1/files"));
  assertEquals(all, ["a", "b"].map((name) => ({ result: { ...RECORD, name } })));
  await linesOf(await ask("GET", `/api/v1/files?pattern=${encodeURIComponent("é*/[a&b]?")}`));
  const listed = peer.asked.filter(([what]) => what === "listFiles").map(([, pattern]) => pattern);
  assertEquals(listed, [undefined, "é*/[a&b]?"]);
});

Deno.test("control: a list that breaks off says why in its last line", async () => {
  const ask = control(
    new ScriptedPeer({
      async *listFiles() {
        yield await Promise.resolve(RECORD);
        throw new Fault("network", "the bootstrap is gone");
      },
    }),
  );
  assertEquals(await linesOf(await ask("GET", "/api/v1/files")), [
    { result: RECORD },
    { error: { kind: "network", message: "the bootstrap is gone" } },
  ]);
});

Deno.test("control: a list that nobody reads on ends at its source", async () => {
  const ended = Promise.withResolvers<void>();
  const ask = control(
    new ScriptedPeer({
      async *listFiles() {
        try {
          for (;;) yield await Promise.resolve(RECORD);
        } finally {
          ended.resolve();
        }
      },
    }),
  );
  const reader = (await ask("GET", "/api/v1/files")).body!.getReader();
  await reader.read();
  await reader.cancel();
  await ended.promise;
});

Deno.test("control: sharing tells its progress, then its result", async () => {
  const peer = new ScriptedPeer();
  const body = { file: "a b/é", cwd: "/home" };
  assertEquals(await linesOf(await control(peer)("POST", "/api/v1/shares", { body })), [
    { progress: { hashed: 1, size: 3 } },
    { progress: { hashed: 3, size: 3 } },
    { result: { ...SHARED, hashed: true, seconds: 0.1 } },
  ]);
  assertEquals(peer.asked, [["share", body]]);
});

Deno.test("control: a download is asked for with all that it may be told", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const bodies = [
    { name: "file" },
    { name: "file", id: ID.slice(0, 8), output: "/elsewhere/x", overwrite: true },
    { name: "file", id: ID, overwrite: false },
  ];
  for (const body of bodies) {
    assertEquals(await linesOf(await ask("POST", "/api/v1/downloads", { body })), [
      { progress: { phase: "fetching", bytes: 1, size: 3, rate: 1, sources: 1 } },
      { result: RECEIPT },
    ]);
  }
  assertEquals(peer.asked, bodies.map((body) => ["get", body]));
});

Deno.test("control: a download that fails says so in its last line", async () => {
  const candidates: Candidate[] = [
    { name: "file", id: ID, size: 3, publisher: "ab".repeat(32), time: 1, sources: 2 },
  ];
  const failures: [unknown, object][] = [
    [new Fault("not_found", "nobody has it"), { kind: "not_found", message: "nobody has it" }],
    [
      new Fault("ambiguous", "choose", { cause: candidates }),
      { kind: "ambiguous", message: "choose", candidates },
    ],
    [new TypeError("two\nlines"), { message: "two lines" }],
    ["a string", { message: "a string" }],
  ];
  for (const [failure, error] of failures) {
    const ask = control(new ScriptedPeer({ get: () => Promise.reject(failure) }));
    assertEquals(
      await linesOf(await ask("POST", "/api/v1/downloads", { body: { name: "file" } })),
      [
        { error },
      ],
    );
  }
});

Deno.test("control: a client that goes away stops its download", async () => {
  const stopped = Promise.withResolvers<unknown>();
  const ask = control(
    new ScriptedPeer({
      get: (_request, { signal, onProgress } = {}) => {
        onProgress?.({ phase: "finding", bytes: 0, rate: 0, sources: 0 });
        return new Promise((_, reject) =>
          signal!.addEventListener("abort", () => {
            stopped.resolve(signal!.reason);
            reject(signal!.reason);
          })
        );
      },
    }),
  );
  const response = await ask("POST", "/api/v1/downloads", { body: { name: "file" } });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals((await stopped.promise as DOMException).name, "AbortError");
});

Deno.test("control: a stream's bytes are at a path of their own, in order, once", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const response = await ask("POST", "/api/v1/streams", { body: { name: "file", id: ID } });
  const lines = readJsonLines(response.body!);
  const { content } = (await lines.next()).value as { content: string };
  const bytes = await ask("GET", content);
  assertEquals(bytes.headers.get("content-type"), "application/octet-stream");
  assertEquals(await bytes.text(), "one two three");
  const { path: _path, ...receipt } = RECEIPT;
  assertEquals((await lines.next()).value, { result: receipt });
  assert((await lines.next()).done);
  assertEquals((await ask("GET", content)).status, 404);
  assertEquals((await ask("GET", "/api/v1/streams/other")).status, 404);
  assertEquals(peer.asked, [["stream", { name: "file", id: ID }]]);
});

Deno.test("control: a stream that ended unread is forgotten", async () => {
  const failing = new ScriptedPeer({
    stream: () => Promise.reject(new Fault("not_found", "gone")),
  });
  const ask = control(failing);
  const lines = await linesOf(await ask("POST", "/api/v1/streams", { body: { name: "file" } }));
  assertEquals(lines[1], { error: { kind: "not_found", message: "gone" } });
  assertEquals((await ask("GET", (lines[0] as { content: string }).content)).status, 404);
});

Deno.test("control: a real peer shares, shows and unshares", async () => {
  await using folder = await TempFolder.create();
  const dir = await folder.mkdir("dir");
  await folder.write("dir/sub/file", "content");
  const node = await PeerNode.open({ dir, bootstraps: [], host: "127.0.0.1", port: 0 });
  try {
    const ask = control(node);
    const share = async (file: string) =>
      (await linesOf(await ask("POST", "/api/v1/shares", { body: { file, cwd: folder.path } }))).at(
        -1,
      );
    // deno-lint-ignore no-explicit-any
    const { result } = await share("sub/file") as any;
    assertEquals([result.name, result.size, result.hashed], ["sub/file", 7, true]);
    // deno-lint-ignore no-explicit-any
    const again = await share("sub/file") as any;
    assertEquals([again.result.id, again.result.hashed], [result.id, false]);
    // deno-lint-ignore no-explicit-any
    const missing = await share("missing") as any;
    assertEquals(missing.error.kind, "usage");
    const status = await (await ask("GET", "/api/v1/status")).json();
    assertEquals(status.shares.map(({ name }: { name: string }) => name), ["sub/file"]);
    assertEquals((await ask("DELETE", "/api/v1/shares?name=sub/file")).status, 200);
    assertEquals((await ask("DELETE", "/api/v1/shares?name=sub/file")).status, 404);
    assertEquals((await ask("DELETE", "/api/v1/shares")).status, 404);
    assertEquals((await ask("GET", "/api/v1/peers")).status, 502, "it has no bootstrap");
    assertEquals(await Deno.readTextFile(folder.at("dir/sub/file")), "content");
  } finally {
    await node.close();
  }
});
