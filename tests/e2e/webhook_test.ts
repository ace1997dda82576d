/** Webhooks of the real program. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createHmac } from "node:crypto";
import { shoal } from "./program.ts";
import { until } from "../support/until.ts";
import { World } from "./world.ts";

Deno.test("webhook: downloads that end and new versions are told, signed by the key in DIR", async () => {
  await using world = await World.create();
  const calls: { event: string; body: string; signature: string }[] = [];
  await using _server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (it) => {
      const [event, signature] = ["event", "signature"].map((name) =>
        it.headers.get(`x-shoal-${name}`)!
      );
      calls.push({ event, signature, body: await it.text() });
      return new Response("ok");
    },
  );
  const url = `http://127.0.0.1:${_server.addr.port}/`;
  const source = await world.peer("source");
  await Deno.writeTextFile(`${source.dir}/a.txt`, "hello");
  await world.run(source.dir, ["share", "a.txt"]);
  const peer = await world.peer("peer", { args: ["--webhook", url] });
  assertEquals((await world.run(peer.dir, ["get", "a.txt"])).code, 0);
  assertEquals((await world.run(peer.dir, ["get", "a.txt"])).code, 0);
  assertEquals((await world.run(peer.dir, ["get", "none"])).code, 3);
  await Deno.writeTextFile(`${source.dir}/a.txt`, "second");
  await world.run(source.dir, ["share", "a.txt"]);
  assertEquals((await world.run(peer.dir, ["get", "a.txt", "--update"])).code, 0);
  await until(() => calls.length === 4);
  assertEquals(calls.map(({ event }) => event), [
    "download_done",
    "download_failed",
    "new_version",
    "download_done",
  ]);
  const key = (await Deno.readTextFile(`${peer.dir}/.shoal/webhook.key`)).trim();
  for (const { body, signature } of calls) {
    const [, time, v1] = /^t=(\d+),v1=(.*)$/.exec(signature)!;
    const hmac = createHmac("sha256", Uint8Array.fromHex(key));
    assertEquals(hmac.update(`${time}.${body}`).digest("hex"), v1);
  }
  assertEquals(JSON.parse(calls[0].body).receipt.name, "a.txt");
  await peer.program.stop();
  assert(!peer.program.stderr.includes("[error]"), peer.program.stderr);
});

Deno.test("webhook: what is no address is refused before anything is opened", async () => {
  const result = await shoal(["peer", "--webhook", "ftp://x", "--dir", "/nonexistent"]);
  assertEquals(result.code, 2);
  assertMatch(result.stderr, /"ftp:\/\/x" is not a webhook: it must be http:/);
});
