/** The routes of files.ts's kind: what a browser or curl reads and sends. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import type { OpenedFile } from "../../src/peer/api/ui_api.ts";
import { parseRange } from "../../src/web/http/byte_range.ts";
import { askOf } from "../support/ask.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";

const ID = "1a2b3c4d".repeat(8);
const FILE = { name: "file", id: ID, size: 10 };

Deno.test("range: what it asks for, at every boundary", () => {
  const cases: [string | undefined, ReturnType<typeof parseRange>][] = [
    [undefined, undefined],
    ["bytes=0-0", { from: 0, end: 1 }],
    ["bytes=0-", { from: 0, end: 10 }],
    ["bytes=9-", { from: 9, end: 10 }],
    ["bytes=3-5", { from: 3, end: 6 }],
    ["bytes=3-99", { from: 3, end: 10 }],
    ["bytes=-1", { from: 9, end: 10 }],
    ["bytes=-99", { from: 0, end: 10 }],
    ["Bytes = 1 - 2", { from: 1, end: 3 }],
    ["bytes=10-", "unsatisfiable"],
    ["bytes=10-11", "unsatisfiable"],
    ["bytes=-0", "unsatisfiable"],
    ["bytes=5-3", undefined],
    ["bytes=-", undefined],
    ["bytes=0-1,3-4", undefined],
    ["lines=0-1", undefined],
    ["bytes=99999999999999999999-", undefined],
    ["bytes=1e1-2", undefined],
    ["", undefined],
  ];
  for (const [header, range] of cases) assertEquals(parseRange(header, 10), range, header);
  assertEquals(parseRange("bytes=0-", 0), "unsatisfiable");
  assertEquals(parseRange("bytes=-5", 0), "unsatisfiable");
});

Deno.test("gateway: the whole file, or a part of it", async () => {
  const peer = new ScriptedPeer();
  const ask = askOf(peer);
  const whole = await ask("GET", "/files/file");
  assertEquals([whole.status, await whole.text()], [200, "0123456789"]);
  const header = (name: string) => whole.headers.get(name);
  assertEquals(header("content-length"), "10");
  assertEquals(header("etag"), `"${ID}"`);
  assertEquals(header("accept-ranges"), "bytes");
  assertEquals(header("content-type"), "application/octet-stream");
  assertEquals(header("x-content-type-options"), "nosniff");
  const part = await ask("GET", "/files/file", { headers: { range: "bytes=2-4" } });
  assertEquals([part.status, await part.text()], [206, "234"]);
  assertEquals(part.headers.get("content-range"), "bytes 2-4/10");
  assertEquals(part.headers.get("content-length"), "3");
  const beyond = await ask("GET", "/files/file", { headers: { range: "bytes=10-" } });
  assertEquals([beyond.status, beyond.headers.get("content-range")], [416, "bytes */10"]);
  assertEquals(await beyond.text(), "");
  const several = await ask("GET", "/files/file", { headers: { range: "bytes=0-1,4-5" } });
  assertEquals([several.status, await several.text()], [200, "0123456789"]);
});

Deno.test("gateway: conditions", async () => {
  const ask = askOf(new ScriptedPeer());
  const fresh = await ask("GET", "/files/file", { headers: { "if-none-match": `"x", "${ID}"` } });
  assertEquals([fresh.status, await fresh.text()], [304, ""]);
  const weak = await ask("GET", "/files/file", { headers: { "if-none-match": `W/"${ID}"` } });
  assertEquals([weak.status, await weak.text()], [304, ""]);
  const range = { range: "bytes=0-0" };
  const same = await ask("GET", "/files/file", { headers: { ...range, "if-range": `"${ID}"` } });
  assertEquals([same.status, await same.text()], [206, "0"]);
  const other = await ask("GET", "/files/file", { headers: { ...range, "if-range": '"other"' } });
  assertEquals([other.status, await other.text()], [200, "0123456789"]);
});

Deno.test("gateway: HEAD says the same and reads nothing", async () => {
  let read = 0;
  const open = (): Promise<OpenedFile> =>
    Promise.resolve({
      ...FILE,
      // deno-lint-ignore require-yield
      async *read() {
        read++;
        await Promise.resolve();
      },
    });
  const ask = askOf(new ScriptedPeer({ open }));
  const head = await ask("HEAD", "/files/file", { headers: { range: "bytes=1-2" } });
  assertEquals([head.status, head.body, read], [200, null, 0], "a range is for GET alone");
  assertEquals(head.headers.get("content-length"), "10");
  assertEquals(head.headers.get("content-range"), null);
});

Deno.test("gateway: names are decoded once, and can't break a header", async () => {
  const peer = new ScriptedPeer();
  const ask = askOf(peer);
  for (const name of ["a/b c", "é%41", 'q"\\;\n<x>', "#?&", "日本.txt"]) {
    const response = await ask("GET", `/files/${encodeURIComponent(name)}?id=${ID.toUpperCase()}`);
    await response.body!.cancel();
    assertEquals(peer.asked.at(-1), ["open", { name, id: ID, publisher: undefined }]);
    const disposition = response.headers.get("content-disposition")!;
    const [, plain, encoded] = disposition.match(
      /^attachment; filename="([ -~]*)"; filename\*=UTF-8''(\S*)$/,
    )!;
    assert(!/["\\]/.test(plain), plain);
    assertEquals(decodeURIComponent(encoded), name.split("/").pop());
  }
  for (const route of ["/files/%ff", "/files/file?id=xyz"]) {
    const bad = await ask("GET", route);
    assertEquals([bad.status, (await bad.json()).error.kind], [400, "usage"]);
  }
});

Deno.test("gateway: what fails before the first byte has a status, after it breaks", async () => {
  const failing = (after: number): Promise<OpenedFile> =>
    Promise.resolve({
      ...FILE,
      async *read() {
        for (let n = 0; n < after; n++) yield await Promise.resolve(new Uint8Array(1));
        throw new Fault("network", "every source was lost");
      },
    });
  const before = await askOf(new ScriptedPeer({ open: () => failing(0) }))("GET", "/files/file");
  assertEquals([before.status, (await before.json()).error.message], [
    502,
    "every source was lost",
  ]);
  const after = await askOf(new ScriptedPeer({ open: () => failing(1) }))("GET", "/files/file");
  assertEquals(after.status, 200);
  await assertRejects(() => after.bytes(), Fault, "every source was lost");
  const missing = () => Promise.reject(new Fault("not_found", "nobody has it"));
  assertEquals(
    (await askOf(new ScriptedPeer({ open: missing }))("GET", "/files/file")).status,
    404,
  );
});

Deno.test("gateway: who goes away ends the reading", async () => {
  const ended = Promise.withResolvers<boolean>();
  const open = (): Promise<OpenedFile> =>
    Promise.resolve({
      ...FILE,
      async *read(_from, _end, signal) {
        try {
          for (;;) yield await Promise.resolve(new Uint8Array(1));
        } finally {
          ended.resolve(signal.aborted);
        }
      },
    });
  const response = await askOf(new ScriptedPeer({ open }))("GET", "/files/file");
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel();
  assertEquals(await ended.promise, true);
});

Deno.test("folder: a line for each entry of the manifest; a wrong id is refused", async () => {
  const peer = new ScriptedPeer();
  const ask = askOf(peer);
  const response = await ask("GET", `/api/v1/folder?name=a%20folder%2Fsub&id=${ID}`);
  assertEquals([response.status, response.headers.get("content-type")], [200, "application/jsonl"]);
  const lines = (await response.text()).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ result: { path, type } }) => [path, type]), [
    ["sub", "folder"],
    ["sub/a", "file"],
  ]);
  assertEquals(peer.asked.at(-1), ["listFolder", { name: "a folder/sub", id: ID }]);
  const before = peer.asked.length;
  const wrong = await ask("GET", "/api/v1/folder?name=x&id=nothing");
  assertEquals([wrong.status, (await wrong.json()).error.kind], [400, "usage"]);
  assertEquals(peer.asked.length, before);
});

Deno.test("uploads: the body arrives with its name and size", async () => {
  const peer = new ScriptedPeer();
  const ask = askOf(peer);
  const response = await ask("PUT", "/api/v1/uploads?name=a%2Fb", { body: "content" });
  const lines = (await response.text()).trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines[0], { progress: { received: 7, size: 7 } });
  assertEquals([lines.at(-1).result.size, lines.length], [7, 2]);
  assertEquals(peer.asked, [["upload", { name: "a/b", size: 7 }]]);
  const empty = await ask("PUT", "/api/v1/uploads?name=empty");
  assertEquals(JSON.parse((await empty.text()).trim().split("\n").at(-1)!).result.size, 0);
  const odd = await ask("PUT", "/api/v1/uploads?name=x", {
    ...{ body: ReadableStream.from([new Uint8Array(1)]), headers: { "content-length": "1.5" } },
  });
  assertEquals(odd.status, 400);
});

Deno.test("uploads: what they would end with is told before they are sent", async () => {
  const full = { details: { reason: "space", needed: 9, free: 1 } };
  const faults = [undefined, new Fault("disk", "no room", full)];
  const peer = new ScriptedPeer({ checkUploads: () => Promise.resolve(faults) });
  const ask = askOf(peer);
  const check = (files: unknown) =>
    ask("POST", "/api/v1/uploads/check", { body: JSON.stringify({ files }) });
  assertEquals(await (await check([{ name: "a", size: 1 }, { name: "b" }])).json(), [null, {
    ...{ kind: "disk", message: "no room", details: full.details },
  }]);
  for (
    const wrong of [undefined, [{}], [{ name: "a", size: -1 }], Array(101).fill({ name: "a" })]
  ) {
    assertEquals((await check(wrong)).status, 400);
  }
  const changed = await ask("PUT", "/api/v1/uploads?name=x&replace=1&share=0", { body: "y" });
  await changed.text();
  assertEquals(peer.asked, [["upload", { name: "x", size: 1, replace: true, share: false }]]);
});

Deno.test("downloads: pause, resume, map and history", async () => {
  const peer = new ScriptedPeer();
  const ask = askOf(peer);
  const body = JSON.stringify({ name: "half", id: ID });
  const paused = await (await ask("POST", "/api/v1/downloads/pause", { body })).json();
  assertEquals([paused[0].name, paused[0].on_request], ["half", true]);
  assertEquals((await (await ask("POST", "/api/v1/downloads/resume", { body })).json()).length, 1);
  assertEquals(peer.asked, [["pause", { name: "half", id: ID }], ["resume", {
    ...{ name: "half", id: ID },
  }]]);
  assertEquals((await ask("POST", "/api/v1/downloads/pause", { body: "{}" })).status, 400);
  const map = await (await ask("GET", `/api/v1/downloads/map?id=${ID}`)).json();
  assertEquals(map, { cells: 2, have: [100, 50], sources: [1, 0] });
  const maps = await (await ask("GET", `/api/v1/downloads/maps?ids=${ID},other`)).json();
  assertEquals(maps, { [ID]: map, other: map });
  const history = await (await ask("GET", "/api/v1/history")).json();
  assertEquals(history, { interval: 1, second: 7, up: [1, 2], down: [3, 4] });
});
