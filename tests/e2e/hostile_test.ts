/** Bootstraps and peers that are not what they should be: no harm, the right code, in bounded time. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, type Bytes, patterned } from "../support/bytes.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { closedPort, type RawEnd, Scripted } from "../support/sockets.ts";
import { assertRefused, contentsOf, placedIn } from "./checks.ts";
import { HostilePeer, type Lie, offerOf, serving } from "./hostile_peer.ts";
import { shoal } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { World } from "./world.ts";
import { TempFolder } from "../support/temp_folder.ts";

const MIB = 1 << 20;
const SIZE = 3 * MIB + 7;

/** A lie about one kind of request; the rest is answered right. */
const about = (action: string, lie: Lie): Lie => (request, honest) =>
  request.action === action ? lie(request, honest) : honest;

/** An answer with its header kept and its payload changed. */
const altered = (change: (payload: Bytes) => Uint8Array): Lie => ({ action, id }, honest) => {
  const payload = honest.slice(honest.indexOf(10) + 1);
  const kind = action === "get_chunks" ? "chunks" : "digests";
  return wireMessage({ action: kind, id }, change(payload));
};

const flip = (payload: Bytes) => payload.with(payload.length - 1, payload.at(-1)! ^ 1);
const half = (bytes: Bytes) => bytes.subarray(0, bytes.length / 2);
const text = (line: string) => new TextEncoder().encode(line);

Deno.test("what listens where a bootstrap should be", async () => {
  const garbage = patterned(200_000);
  using web = listenHttp();
  const scripts: Record<string, (end: RawEnd) => Promise<unknown>> = {
    "closes": () => Promise.resolve(),
    "garbage": (end) => end.send(garbage).then(() => end.closed()),
    "greets": (end) => end.send("220 mail.example ESMTP\r\n").then(() => end.closed()),
    "half": async (end) => {
      await end.line();
      await end.send('{"action":"hello","id":1,');
    },
  };
  const check = async (address: string, message: RegExp) => {
    await using folder = await TempFolder.create();
    const verbs = [["list-peers"], ["list-files"], ["get", "x"]];
    await Promise.all(verbs.map(async (words, index) => {
      const dir = `${folder.path}/${index}`;
      await Deno.mkdir(dir);
      const args = ["peer", ...words, "--dir", dir, "--bootstrap", address];
      assertRefused(await shoal(args), { code: 4, text: message });
      assertEquals(placedIn(dir), []);
    }));
  };
  const nobody = `127.0.0.1:${closedPort()}`;
  const checks = [
    check(nobody, new RegExp(`Cannot reach bootstrap ${nobody}: connection refused`)),
    check(`127.0.0.1:${web.port}`, /127\.0\.0\.1:\d+ is not a Shoal bootstrap: /),
    check("nowhere.invalid:8000", /Cannot reach bootstrap nowhere\.invalid:8000: /),
  ];
  for (const script of Object.values(scripts)) {
    checks.push((async () => {
      await using server = new Scripted(script);
      const other = /127\.0\.0\.1:\d+ is not a Shoal bootstrap: /;
      await check(`127.0.0.1:${server.address.port}`, other);
    })());
  }
  const done = await Promise.allSettled(checks);
  for (const one of done) if (one.status === "rejected") throw one.reason;
});

Deno.test("a running peer outlives a bootstrap that is none, and says so", async () => {
  using web = listenHttp();
  await using world = await World.create();
  const dir = await world.folder("dir");
  const addresses = `${world.bootstrap},127.0.0.1:${web.port}`;
  const args = ["0", "--host", "127.0.0.1", "--bootstrap", addresses];
  const peer = world.start(dir, args);
  await peer.sees(/registered with/);
  await peer.sees(/\[warning\].* is not a Shoal bootstrap: .*; it is asked again until it answers/);
  await Deno.writeTextFile(`${dir}/data`, "data");
  await world.json(dir, ["share", "data"]);
  const status = await world.run(dir, ["status"]);
  assertMatch(status.stdout, /127\.0\.0\.1:\d+ +registered/);
  assertMatch(status.stdout, /127\.0\.0\.1:\d+ +(connecting|away)/);
  assertEquals((await world.run(dir, ["list-files", "data"])).code, 0);
  assertEquals(await peer.stop(), 143);
});

/** Each case has its own name and content, so that all of them can be fetched at the same time. */
const LIARS: Record<string, { lie: Lie; code: number; text?: string | RegExp }> = {
  "closes at hello": { lie: () => ({ then: "close" }), code: 4 },
  "garbage for hello": { lie: about("hello", () => text("\0\xff garbage\n")), code: 4 },
  "another program's hello": { lie: about("hello", () => text("HTTP/1.1 400\r\n\r\n")), code: 4 },
  "closes half-way": {
    lie: about(
      "get_chunks",
      ({ first }, honest) => first < 16 ? honest : { send: half(honest), then: "close" },
    ),
    code: 4,
    text: "every source was lost",
  },
  "garbage for chunks": { lie: about("get_chunks", () => patterned(70_000, 7)), code: 4 },
  "endless line": { lie: about("get_chunks", () => text("{" + " ".repeat(70_000))), code: 4 },
  "wrong digest page": {
    lie: about("get_digests", altered(flip)),
    code: 5,
    text: "wrong block of digests",
  },
  "short digest page": {
    lie: about("get_digests", altered((page) => page.subarray(32))),
    code: 5,
  },
  "long digest page": {
    lie: about("get_digests", altered(() => new Uint8Array(MIB))),
    code: 5,
  },
  "wrong chunks": { lie: about("get_chunks", altered(flip)), code: 5, text: "sent a wrong chunk" },
  "too little": {
    lie: about("get_chunks", altered(half)),
    code: 5,
    text: /sent \d+ bytes in place/,
  },
  "too much": {
    lie: about("get_chunks", altered(() => new Uint8Array(MIB).fill(7))),
    code: 5,
  },
  "more than the cap": {
    lie: about(
      "get_chunks",
      ({ id }) => text(`{"action":"chunks","id":${id},"payload":1048577}\n`),
    ),
    code: 4,
  },
  "negative payload": {
    lie: about("get_chunks", ({ id }) => text(`{"action":"chunks","id":${id},"payload":-1}\n`)),
    code: 4,
  },
  "another's reply": {
    lie: about("get_chunks", (_, honest) => {
      const line = new TextDecoder().decode(honest.subarray(0, honest.indexOf(10) + 1));
      return text(line.replace(/"id":\d+/, '"id":999999'));
    }),
    code: 4,
    text: "out of order",
  },
  "refuses": {
    lie: about(
      "get_chunks",
      ({ id }) => wireMessage({ action: "error", id, code: "not_shared", message: "no\x1b[31m" }),
    ),
    code: 4,
    text: "refused: no\ufffd[31m",
  },
};

Deno.test("a peer that lies or fails is given up, and nothing of it is left", async (t) => {
  await using world = await World.create();
  await Promise.all(
    Object.entries(LIARS).map(async ([name, { lie, code, text }], index) => {
      const content = patterned(SIZE, index + 1);
      const script = serving(content, lie);
      await using _liar = await HostilePeer.create(world.bootstrap, offerOf(name, content), script);
      const dir = await world.folder(name);
      const toDisk = await world.run(dir, ["get", name]);
      const streamed = await world.run(dir, ["get", name, "-o", "-"]);
      await t.step({
        name,
        sanitizeOps: false,
        sanitizeResources: false,
        sanitizeExit: false,
        fn() {
          assertRefused(toDisk, { code, text: text ?? `Cannot get "${name}": ` });
          assertEquals(streamed.code, code);
          assertEquals(placedIn(dir), []);
        },
      });
    }),
  );
});

Deno.test("what is announced must fit what is sent", async () => {
  await using world = await World.create();
  const offers: [string, number, number][] = [
    ["a shorter file", SIZE - 1, 5],
    ["a longer file", SIZE + 1, 5],
    ["an empty file", 0, 5],
    ["more than any disk", Number.MAX_SAFE_INTEGER, 7],
  ];
  await Promise.all(offers.map(async ([name, size, code], index) => {
    const content = patterned(SIZE, index + 1);
    const offer = { ...offerOf(name, content), size };
    await using _liar = await HostilePeer.create(world.bootstrap, offer, serving(content));
    const dir = await world.folder(name);
    assertRefused(await world.run(dir, ["get", name]), { code });
    assertEquals(placedIn(dir), []);
  }));
});

Deno.test("a liar beside an honest peer is dropped and named, and the file is right", async () => {
  await using world = await World.create();
  const lies: Record<string, Lie> = {
    "sent a wrong chunk": about("get_chunks", altered(flip)),
    "sent a malformed": about("get_chunks", () => patterned(70_000, 7)),
    "closed the connection": about("get_chunks", () => ({ then: "close" })),
    "": about("get_digests", altered(flip)),
  };
  await Promise.all(
    Object.entries(lies).map(async ([why, lie], index) => {
      const name = `data ${index}`;
      const content = patterned(16 * MIB, index + 1);
      // The honest one waits until the liar has lied: it could be done before that.
      await using proxy = new Proxy({ pauseAfter: 2 * MIB });
      const source = await world.peer(`source ${index}`, { proxy });
      await Deno.writeFile(`${source.dir}/${name}`, content);
      await world.json(source.dir, ["share", name]);
      const script = serving(content, (request, honest) => {
        if (request.action === "get_chunks") proxy.resume();
        return lie(request, honest);
      });
      await using liar = await HostilePeer.create(world.bootstrap, offerOf(name, content), script);
      const dir = await world.folder(name);
      const receipt = await world.json<Receipt>(dir, ["get", name]);
      assertSameBytes(await Deno.readFile(`${dir}/${name}`), content);
      assertEquals(contentsOf(dir), [name]);
      const named = receipt.sources.find(({ address }) => address === liar.address);
      if (named?.dropped) assert(named.dropped.includes(why), named.dropped);
      if (why === "sent a wrong chunk") {
        // The right ones among its chunks were taken.
        assert(named?.dropped && named.bad_chunks > 0, JSON.stringify(receipt));
      } else if (why) {
        assertEquals(named?.bytes ?? 0, 0);
      }
    }),
  );
});

/** A web server. */
function listenHttp(): { port: number } & Disposable {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("It works!"),
  );
  server.unref();
  return { port: server.addr.port, [Symbol.dispose]: () => void server.shutdown() };
}
