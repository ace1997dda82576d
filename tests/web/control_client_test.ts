import { assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import type { UiApi } from "../../src/peer/api/ui_api.ts";
import { ControlClient } from "../../src/web/control_client.ts";
import { type ControlFile, readControlFile, writeControlFile } from "../../src/web/control_file.ts";
import { ControlServer } from "../../src/web/control_server.ts";
import { TOKEN } from "../support/control.ts";
import { faultOf } from "../support/faults.ts";
import { RECEIPT, ScriptedPeer, SHARED, STATUS } from "../support/scripted_peer.ts";
import { closedPort } from "../support/sockets.ts";
import { TempFolder } from "../support/temp_folder.ts";

const ID = "1a2b3c4d".repeat(8);

// The control file

Deno.test("control file: written whole, for its owner alone, and read back", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("control.json");
  const first: ControlFile = { url: "http://127.0.0.1:1", token: TOKEN, pid: 1 };
  const second: ControlFile = { ...first, url: "http://127.0.0.1:65535" };
  for (const written of [first, second]) {
    writeControlFile(path, written);
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

async function served(api: UiApi) {
  const folder = await TempFolder.create();
  const path = folder.at("control.json");
  const server = ControlServer.start(api, path);
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
  await faultOf("network", other.status(), "without knowing the token");
});
