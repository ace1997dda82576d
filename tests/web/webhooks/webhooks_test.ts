import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { createHmac } from "node:crypto";
import { Fault } from "../../../src/fault.ts";
import type { PeerEvent } from "../../../src/peer/api/peer_api.ts";
import { PeerEvents } from "../../../src/peer/status/peer_events.ts";
import { webhookKey } from "../../../src/web/webhooks/webhook_key.ts";
import { parseWebhook, requireMeant } from "../../../src/web/webhooks/webhook_url.ts";
import { Webhooks } from "../../../src/web/webhooks/webhooks.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { until } from "../../support/until.ts";

const KEY = new Uint8Array(32).fill(7);

const failed = (name: string): PeerEvent => ({
  event: "download_failed",
  failure: { name, kind: "network", message: "no source" },
});

interface Call {
  path: string;
  headers: Headers;
  body: string;
}

/** A receiver whose answers are the statuses given, then 200; and a peer's events. */
function receiver(statuses: number[] = []) {
  const calls: Call[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { pathname: path } = new URL(request.url);
    calls.push({ path, headers: request.headers, body: await request.text() });
    const status = statuses.shift() ?? 200;
    const headers = { location: "/elsewhere" };
    return new Response(status === 204 ? null : "thanks", { status, headers });
  });
  const events = new PeerEvents();
  const url = `http://127.0.0.1:${server.addr.port}/hook`;
  const start = (urls = [url]) =>
    new Webhooks(({ signal }) => events.listen(signal), {
      ...{ urls, key: KEY, peer: "ab".repeat(32), firstPauseMs: 5 },
    });
  return { calls, events, url, start, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("webhooks: each call is signed, and says what happened to which peer", async () => {
  await using at = receiver();
  const hooks = at.start();
  at.events.emit({ event: "download_started", name: "not told" });
  at.events.emit(failed("a.iso"));
  await until(() => at.calls.length === 1);
  await hooks.stop();
  const [{ headers, body, path }] = at.calls;
  const told = JSON.parse(body);
  assertEquals([path, told.event, told.peer], ["/hook", "download_failed", "ab".repeat(32)]);
  assertEquals(told.failure, { name: "a.iso", kind: "network", message: "no source" });
  assertEquals(headers.get("x-shoal-event"), "download_failed");
  assertEquals(headers.get("x-shoal-delivery"), told.id);
  const [, time, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(headers.get("x-shoal-signature")!)!;
  assert(Math.abs(Number(time) - Date.now() / 1000) < 60);
  assertEquals(v1, createHmac("sha256", KEY).update(`${time}.${body}`).digest("hex"));
});

Deno.test("webhooks: what is not taken is called again, the same and in order; what is refused is not", async () => {
  await using at = receiver([503, 429, 200, 410, 204]);
  const hooks = at.start();
  for (const name of ["a", "b", "c"]) at.events.emit(failed(name));
  await until(() => at.calls.length === 5);
  await hooks.stop();
  const names = at.calls.map(({ body }) => JSON.parse(body).failure.name);
  assertEquals(names, ["a", "a", "a", "b", "c"]);
  const ids = at.calls.map(({ headers }) => headers.get("x-shoal-delivery"));
  assertEquals(new Set(ids.slice(0, 3)).size, 1);
  assertEquals(new Set(ids).size, 3);
});

Deno.test("webhooks: a redirect is not followed, and one that is away delays no other", async () => {
  await using at = receiver([302]);
  const hooks = at.start(["http://127.0.0.1:1/away", at.url]);
  at.events.emit(failed("a"));
  at.events.emit(failed("b"));
  await until(() => at.calls.length === 2);
  await hooks.stop();
  assertEquals(at.calls.map(({ path }) => path), ["/hook", "/hook"]);
});

Deno.test("webhooks: a public name that leads to a private address is not called", async () => {
  const leadsTo = (...addresses: string[]) => () => Promise.resolve(addresses);
  for (const address of ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1", "fd00::1", "0.0.0.0"]) {
    const error = await assertRejects(
      () => requireMeant("https://hooks.example.com/", leadsTo("93.184.216.34", address)),
      Fault,
    );
    assertMatch(error.message, /hooks\.example\.com leads to/);
  }
  await requireMeant("https://hooks.example.com/", leadsTo("93.184.216.34"));
  for (const meant of ["http://127.0.0.1:9/", "http://[::1]/", "http://nas/", "http://a.lan/"]) {
    await requireMeant(meant, leadsTo("10.0.0.5"));
  }
});

Deno.test("webhooks: what is no address is refused", () => {
  assertEquals(parseWebhook("https://a.example/x?y=1#z"), "https://a.example/x?y=1");
  for (const text of ["", "a.example", "ftp://a.example", "file:///etc/passwd", "http://u:p@a/"]) {
    assertThrows(() => parseWebhook(text), Fault, "is not a webhook");
  }
});

Deno.test("webhooks: the key is made once, for its owner alone, and a damaged one is not used", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("webhook.key");
  const key = webhookKey(path);
  assertEquals([key.length, webhookKey(path)], [32, key]);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  await Deno.writeTextFile(path, "short\n");
  assertThrows(() => webhookKey(path), Fault, "64 hex digits");
});
