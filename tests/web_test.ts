import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import fc from "fast-check";
import { Fault, type FaultKind } from "../src/fault.ts";
import { PeerNode } from "../src/peer/node.ts";
import type { Candidate, PeerApi } from "../src/peer/peer_api.ts";
import { fromApiError, statusOf, toApiError } from "../src/web/api_error.ts";
import { controlApi } from "../src/web/control_api.ts";
import { ControlClient } from "../src/web/control_client.ts";
import { type ControlFile, readControlFile, writeControlFile } from "../src/web/control_file.ts";
import { ControlServer } from "../src/web/control_server.ts";
import { jsonLines, readJsonLines } from "../src/web/json_lines.ts";
import { faultOf } from "./support/faults.ts";
import { RECEIPT, RECORD, ScriptedPeer, SHARED, STATUS } from "./support/scripted_peer.ts";
import { closedPort } from "./support/sockets.ts";
import { TempFolder } from "./support/temp_folder.ts";

const TOKEN = "0123456789abcdef".repeat(4);
const ID = "1a2b3c4d".repeat(8);

interface Asking {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** A peer's control API, asked without a socket. */
function control(api: PeerApi) {
  const app = controlApi(api, { token: TOKEN });
  return async (method: string, route: string, { body, headers, signal }: Asking = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const length = text === undefined ? undefined : new TextEncoder().encode(text).length;
    return await app.fetch(
      new Request(`http://127.0.0.1:1${route}`, {
        ...{ method, body: text, signal },
        headers: {
          host: "127.0.0.1:1",
          authorization: `Bearer ${TOKEN}`,
          ...(length !== undefined && { "content-length": `${length}` }),
          ...headers,
        },
      }),
    );
  };
}

async function linesOf(response: Response): Promise<unknown[]> {
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("content-type"), "application/jsonl");
  return await Array.fromAsync(readJsonLines(response.body!));
}

// Who may ask

Deno.test("control: without the token nothing is answered, and nothing done", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const wrong = [
    "",
    "Bearer ",
    TOKEN,
    `bearer ${TOKEN}`,
    `Basic ${TOKEN}`,
    `Bearer ${TOKEN.slice(1)}`,
    `Bearer ${TOKEN}0`,
    `Bearer ${TOKEN.toUpperCase()}`,
    `Bearer ${TOKEN}, Bearer ${TOKEN}`,
  ];
  for (const authorization of wrong) {
    for (const route of ["/api/status", "/api/nothing", "/"]) {
      const response = await ask("GET", route, { headers: { authorization } });
      assertEquals(response.status, 401, authorization);
      assertEquals(await response.json(), { error: { message: "a valid token is needed" } });
    }
    const response = await ask("DELETE", "/api/shares?name=a", { headers: { authorization } });
    assertEquals(response.status, 401);
    await response.body?.cancel();
  }
  assertEquals(peer.asked, []);
});

Deno.test("control: only loopback's own names are served, even with the token", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const foreign = [
    ...["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example"],
    ...[
      "evil127.0.0.1",
      "127.0.0.1:80@evil.example",
      "10.0.0.1",
      "0.0.0.0",
      "[::2]",
      "",
      "LOCALHOST ",
    ],
    ...["127.0.0.1:123456", "127.0.0.1:x"],
  ];
  for (const host of foreign) {
    const response = await ask("GET", "/api/status", { headers: { host } });
    assertEquals(response.status, 421, host);
    await response.body?.cancel();
  }
  assertEquals(peer.asked, []);
  for (const host of ["127.0.0.1", "127.0.0.1:65535", "localhost", "localhost:1", "[::1]:8"]) {
    const response = await ask("GET", "/api/status", { headers: { host } });
    assertEquals(await response.json(), JSON.parse(JSON.stringify(STATUS)));
  }
});

Deno.test("control: there is nothing but the documented routes", async () => {
  const ask = control(new ScriptedPeer());
  const routes = [["GET", "/"], ["GET", "/api"], ["PUT", "/api/shares"], ["GET", "/api/shares"]];
  for (const [method, route] of [...routes, ["POST", "/api/status"], ["GET", "/api/streams/"]]) {
    const response = await ask(method, route);
    assertEquals(response.status, 404, `${method} ${route}`);
    assertEquals(await response.json(), { error: { message: "there is no such route" } });
  }
});

// What can be asked

Deno.test("control: status, peers, and files one a line", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  assertEquals((await (await ask("GET", "/api/status")).json()).peer, STATUS.peer);
  assertEquals((await (await ask("GET", "/api/peers")).json()).length, 1);
  const all = await linesOf(await ask("GET", "/api/files"));
  assertEquals(all, ["a", "b"].map((name) => ({ result: { ...RECORD, name } })));
  await linesOf(await ask("GET", `/api/files?pattern=${encodeURIComponent("é*/[a&b]?")}`));
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
  assertEquals(await linesOf(await ask("GET", "/api/files")), [
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
  const reader = (await ask("GET", "/api/files")).body!.getReader();
  await reader.read();
  await reader.cancel();
  await ended.promise;
});

Deno.test("control: sharing tells its progress, then its result", async () => {
  const peer = new ScriptedPeer();
  const body = { file: "a b/é", cwd: "/home" };
  assertEquals(await linesOf(await control(peer)("POST", "/api/shares", { body })), [
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
    assertEquals(await linesOf(await ask("POST", "/api/downloads", { body })), [
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
    assertEquals(await linesOf(await ask("POST", "/api/downloads", { body: { name: "file" } })), [
      { error },
    ]);
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
  const response = await ask("POST", "/api/downloads", { body: { name: "file" } });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals((await stopped.promise as DOMException).name, "AbortError");
});

Deno.test("control: a stream's bytes are at a path of their own, in order, once", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const response = await ask("POST", "/api/streams", { body: { name: "file", id: ID } });
  const lines = readJsonLines(response.body!);
  const { content } = (await lines.next()).value as { content: string };
  const bytes = await ask("GET", content);
  assertEquals(bytes.headers.get("content-type"), "application/octet-stream");
  assertEquals(await bytes.text(), "one two three");
  const { path: _path, ...receipt } = RECEIPT;
  assertEquals((await lines.next()).value, { result: receipt });
  assert((await lines.next()).done);
  assertEquals((await ask("GET", content)).status, 404);
  assertEquals((await ask("GET", "/api/streams/other")).status, 404);
  assertEquals(peer.asked, [["stream", { name: "file", id: ID }]]);
});

Deno.test("control: a stream that ended unread is forgotten", async () => {
  const failing = new ScriptedPeer({
    stream: () => Promise.reject(new Fault("not_found", "gone")),
  });
  const ask = control(failing);
  const lines = await linesOf(await ask("POST", "/api/streams", { body: { name: "file" } }));
  assertEquals(lines[1], { error: { kind: "not_found", message: "gone" } });
  assertEquals((await ask("GET", (lines[0] as { content: string }).content)).status, 404);
});

Deno.test("control: unsharing takes any name as it is", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  for (const name of ["a b", "é/ü", "a&b=c?d#e", "100%", "+"]) {
    const response = await ask("DELETE", `/api/shares?name=${encodeURIComponent(name)}`);
    assertEquals(await response.json(), JSON.parse(JSON.stringify(SHARED)));
    assertEquals(peer.asked.pop(), ["unshare", name]);
  }
});

Deno.test("control: each kind of failure has its status", async () => {
  const table: Record<FaultKind, number> = {
    ...{ usage: 400, not_found: 404, destination: 409, ambiguous: 409, held: 423 },
    ...{ network: 502, integrity: 502, deadline: 504, disk: 507 },
  };
  for (const [kind, status] of Object.entries(table) as [FaultKind, number][]) {
    const peer = new ScriptedPeer({ unshare: () => Promise.reject(new Fault(kind, "why")) });
    const response = await control(peer)("DELETE", "/api/shares?name=a");
    assertEquals(response.status, status, kind);
    assertEquals(await response.json(), { error: { kind, message: "why" } });
  }
  const peer = new ScriptedPeer({ status: () => Promise.reject(new TypeError("a bug")) });
  const response = await control(peer)("GET", "/api/status");
  assertEquals([response.status, await response.json()], [500, { error: { message: "a bug" } }]);
});

Deno.test("control: a body that makes no sense is refused before anything is done", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const bad: Record<string, unknown[]> = {
    "/api/shares": [
      ...["", "x", "null", "[]", "{}", '{"file":"a"', { file: "a" }, { cwd: "/" }],
      ...[{ file: 1, cwd: "/" }, { file: "x".repeat(5_000), cwd: "/" }],
    ],
    "/api/downloads": [
      ...["", {}, { name: 1 }, { name: "x".repeat(5_000) }, { name: "a", id: "xyz" }],
      ...[{ name: "a", id: "1a2b3c" }, { name: "a", id: ID + "0" }, {
        name: "a",
        id: ID.toUpperCase(),
      }],
      ...[{ name: "a", output: 1 }, { name: "a", overwrite: "yes" }],
    ],
    "/api/streams": ["", {}, { name: null }, { name: "a", id: "" }],
  };
  for (const [route, bodies] of Object.entries(bad)) {
    for (const body of bodies) {
      const response = await ask("POST", route, { body });
      assertEquals(response.status, 400, `${route} ${JSON.stringify(body).slice(0, 60)}`);
      const { error } = await response.json();
      assertEquals(error.kind, "usage");
      assert(error.message.startsWith("Cannot read the request's body: "), error.message);
    }
  }
  assertEquals(peer.asked, []);
});

Deno.test("control: a body that is too large, or of no known length, is not read", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const body = { file: "a", cwd: "/" };
  for (const length of ["65537", "99999999999", "x", "NaN"]) {
    const headers = { "content-length": length };
    const response = await ask("POST", "/api/shares", { body, headers });
    assertEquals(response.status, 400, length);
    assert((await response.text()).includes("at most 65536 bytes"));
  }
  const app = controlApi(peer, { token: TOKEN });
  const headers = { host: "localhost", authorization: `Bearer ${TOKEN}` };
  const chunked = new Request("http://localhost/api/shares", {
    ...{ method: "POST", headers, body: ReadableStream.from([new Uint8Array(10)]) },
  });
  assertEquals((await app.fetch(chunked)).status, 400);
  assertEquals(peer.asked, []);
});

// Errors and lines

Deno.test("api error: what travels comes back as it was", () => {
  const cause: Candidate[] = [];
  const there = (error: unknown) => fromApiError(JSON.parse(JSON.stringify(toApiError(error))));
  const fault = there(new Fault("ambiguous", "choose", { cause })) as Fault;
  assertEquals([fault.kind, fault.message, fault.cause], ["ambiguous", "choose", cause]);
  assertEquals((there(new Fault("disk", "full", { cause: "secret" })) as Fault).cause, undefined);
  const other = there(new TypeError("bug"));
  assert(!(other instanceof Fault));
  assertEquals([other.message, statusOf(other)], ["bug", 500]);
});

Deno.test("json lines: values come back however their bytes are cut", async () => {
  const values = fc.array(fc.jsonValue(), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 40 }), async (written, step) => {
      const text = written.map((value) => JSON.stringify(value) + "\n").join("");
      const bytes = new TextEncoder().encode(text);
      const cuts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step) cuts.push(bytes.subarray(at, at + step));
      const read = await Array.fromAsync(readJsonLines(ReadableStream.from(cuts)));
      assertEquals(JSON.stringify(read), JSON.stringify(written));
    }),
  );
});

Deno.test("json lines: a cut, a broken or an endless line is an error", async () => {
  const read = (text: string, cap?: number) =>
    Array.fromAsync(readJsonLines(ReadableStream.from([new TextEncoder().encode(text)]), cap));
  await assertRejects(() => read('{"a":1}\n{"b"'), SyntaxError, "cut off");
  await assertRejects(() => read("{}"), SyntaxError, "cut off");
  await assertRejects(() => read("{\n"), SyntaxError);
  await assertRejects(() => read("x".repeat(11), 10), RangeError, "over 10 characters");
  assertEquals(await read(""), []);
});

Deno.test("json lines: a slow reader misses progress, but never the end", async () => {
  const response = jsonLines((emit) => {
    for (let n = 0; n < 1_000; n++) emit({ n });
    return Promise.resolve({ result: "done" });
  });
  const lines = await linesOf(response);
  assert(lines.length > 1 && lines.length < 100, `${lines.length} lines`);
  assertEquals(lines[0], { n: 0 });
  assertEquals(lines.at(-1), { result: "done" });
});

Deno.test("json lines: work that throws ends with its message", async () => {
  const response = jsonLines(() => Promise.reject(new Error("a bug")));
  assertEquals(await linesOf(response), [{ error: { message: "a bug" } }]);
});

Deno.test("json lines: when nobody reads any more, the work is told, and its end is not missed", async () => {
  const finish = Promise.withResolvers<void>();
  let told: AbortSignal | undefined;
  const response = jsonLines(async (emit, signal) => {
    told = signal;
    emit({ n: 1 });
    await finish.promise;
    emit({ n: 2 });
    return { result: 1 };
  });
  await response.body!.cancel();
  assert(told?.aborted);
  finish.resolve();
  await finish.promise;
});

// The control file

Deno.test("control file: written whole, for its owner alone, and read back", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("control.json");
  const first: ControlFile = { url: "http://127.0.0.1:1", token: TOKEN, pid: 1 };
  const second: ControlFile = { ...first, url: "http://127.0.0.1:65535" };
  for (const written of [first, second]) {
    await writeControlFile(path, written);
    assertEquals(await readControlFile(path), written);
  }
  assertEquals(folder.list(), ["control.json"]);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
});

Deno.test("control file: what leads elsewhere, or makes no sense, is no control file", async () => {
  await using folder = await TempFolder.create();
  const good = { url: "http://127.0.0.1:1", token: TOKEN, pid: 1 };
  const bad = [
    ...["", "x", "null", '{"url"'],
    ...[{}, { ...good, url: "http://evil.example:1" }, { ...good, url: "http://127.0.0.1:1/x" }],
    ...[{ ...good, url: "http://127.0.0.1:1@evil.example" }, { ...good, token: "short" }],
  ];
  for (const content of bad) {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const path = await folder.write("control.json", text);
    assertEquals(await readControlFile(path), undefined, text);
  }
  assertEquals(await readControlFile(folder.at("missing")), undefined);
});

// Both ends, over HTTP

async function served(api: PeerApi) {
  const folder = await TempFolder.create();
  const path = folder.at("control.json");
  const server = await ControlServer.start(api, path);
  const client = new ControlClient((await readControlFile(path))!);
  return {
    ...{ folder, server, client },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      assertEquals(folder.list(), [], "the control file is gone with the server");
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("control client: it does all that a peer does", async () => {
  const peer = new ScriptedPeer();
  await using world = await served(peer);
  const { client } = world;
  assertEquals(await client.status(), STATUS);
  assertEquals((await client.listPeers())[0].port, 10_000);
  assertEquals((await Array.fromAsync(client.listFiles("*"))).map(({ name }) => name), ["a", "b"]);
  assertEquals(await client.unshare("é & b"), SHARED);
  const hashed: number[] = [];
  const shared = await client.share({ file: "file", cwd: "/" }, {
    onProgress: (bytes) => hashed.push(bytes),
  });
  assertEquals([shared.hashed, ...hashed], [true, 1, 3]);
  const phases: string[] = [];
  const receipt = await client.get({ name: "file" }, {
    onProgress: ({ phase }) => phases.push(phase),
  });
  assertEquals([receipt, phases], [RECEIPT, ["fetching"]]);
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const [streamed, text] = await Promise.all([
    client.stream({ name: "file" }, writable),
    new Response(readable).text(),
  ]);
  assertEquals([streamed.bytes, text], [3, "one two three"]);
});

Deno.test("control client: a peer's faults are its own", async () => {
  const cause: unknown[] = [{ name: "file", id: ID }];
  const ambiguous = () => Promise.reject(new Fault("ambiguous", "choose", { cause }));
  await using world = await served(
    new ScriptedPeer({
      get: ambiguous,
      stream: ambiguous,
      unshare: () => Promise.reject(new Fault("not_found", "it is not shared here")),
      status: () => Promise.reject(new TypeError("a bug")),
    }),
  );
  const { client } = world;
  assertEquals((await faultOf("ambiguous", client.get({ name: "file" }), "choose")).cause, cause);
  const output = new WritableStream<Uint8Array>();
  await faultOf("ambiguous", client.stream({ name: "file" }, output), "choose");
  await faultOf("not_found", client.unshare("x"), "it is not shared here");
  const bug = await client.status().catch((error) => error);
  assertInstanceOf(bug, Error);
  assertEquals([bug instanceof Fault, bug.message], [false, "a bug"]);
});

Deno.test("control client: stopped, it ends with the reason, and the peer stops too", async () => {
  const stopped = Promise.withResolvers<void>();
  const abort = new AbortController();
  const reason = new Fault("deadline", "too late");
  await using world = await served(
    new ScriptedPeer({
      get: (_request, { signal } = {}) => {
        abort.abort(reason);
        return new Promise((_, reject) =>
          signal!.addEventListener("abort", () => {
            stopped.resolve();
            reject(signal!.reason);
          })
        );
      },
    }),
  );
  const getting = world.client.get({ name: "file" }, { signal: abort.signal });
  assertStrictEquals(await faultOf("deadline", getting), reason);
  await stopped.promise;
});

Deno.test("control client: a peer that is gone, or another's token, is a fault", async () => {
  const gone = new ControlClient({ url: `http://127.0.0.1:${closedPort()}`, token: TOKEN, pid: 1 });
  await faultOf("network", gone.status(), "Cannot ask the running peer: ");
  await using world = await served(new ScriptedPeer());
  const { url } = (await readControlFile(world.folder.at("control.json")))!;
  const other = new ControlClient({ url, token: TOKEN, pid: 1 });
  await assertRejects(() => other.status(), Error, "a valid token is needed");
});

Deno.test("control: a real peer shares, shows and unshares", async () => {
  await using folder = await TempFolder.create();
  const dir = await folder.mkdir("dir");
  await folder.write("dir/sub/file", "content");
  const node = await PeerNode.open({ dir, bootstraps: [], host: "127.0.0.1", port: 0 });
  try {
    const ask = control(node);
    const share = async (file: string) =>
      (await linesOf(await ask("POST", "/api/shares", { body: { file, cwd: folder.path } }))).at(
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
    const status = await (await ask("GET", "/api/status")).json();
    assertEquals(status.shares.map(({ name }: { name: string }) => name), ["sub/file"]);
    assertEquals((await ask("DELETE", "/api/shares?name=sub/file")).status, 200);
    assertEquals((await ask("DELETE", "/api/shares?name=sub/file")).status, 404);
    assertEquals((await ask("DELETE", "/api/shares")).status, 404);
    assertEquals((await ask("GET", "/api/peers")).status, 502, "it has no bootstrap");
    assertEquals(await Deno.readTextFile(folder.at("dir/sub/file")), "content");
  } finally {
    await node.close();
  }
});
