import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { UiHost } from "../../src/web/ui_host.ts";
import { SESSION_MS, TICKET_MS } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { faultOf } from "../support/faults.ts";
import { batchOf, PASSWORD, password, statusOf, TOKEN } from "../support/page.ts";
import { ScriptedPeer, STATUS } from "../support/scripted_peer.ts";

Deno.test("ui: a link signs in once, by a cookie that scripts and other sites never get", async () => {
  const { ask, sessions } = batchOf();
  const ticket = sessions.ticket();
  const first = await ask("POST", "/sign-in", { body: { ticket } });
  assertEquals(first.status, 204);
  const cookie = first.headers.get("set-cookie")!;
  assertMatch(
    cookie,
    /^shoal-10100=[0-9a-f]{64}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  assert(!cookie.includes(ticket), "the session is another secret than the ticket");
  const again = await ask("POST", "/sign-in", { body: { ticket } });
  assertEquals(again.status, 400);
  assertMatch((await again.json()).error.message, /used already, or is too old/);
  const session = cookie.split(";")[0];
  const asked = await ask("GET", "/api/status", { headers: { cookie: session } });
  assertEquals((await asked.json()).peer, STATUS.peer);
});

Deno.test("ui: a link is too old after ten minutes, a session after a week of silence", async () => {
  const { ask, clock, sessions, signIn } = batchOf();
  const ticket = sessions.ticket();
  await clock.pass(TICKET_MS);
  assertEquals(await statusOf(ask("POST", "/sign-in", { body: { ticket } })), 400);
  const cookie = await signIn();
  const asks = () => statusOf(ask("GET", "/api/status", { headers: { cookie } }));
  for (let day = 0; day < 10; day++) {
    await clock.pass(SESSION_MS - 1);
    assertEquals(await asks(), 200);
  }
  await clock.pass(SESSION_MS);
  assertEquals(await asks(), 401);
});

Deno.test("ui: who signs out is out", async () => {
  const { ask, signIn } = batchOf();
  const [cookie, other] = [await signIn(), await signIn()];
  assertNotEquals(cookie, other);
  const out = await ask("DELETE", "/sign-in", { headers: { cookie } });
  assertMatch(out.headers.get("set-cookie")!, /^shoal-10100=; Max-Age=0;/);
  assertEquals(await statusOf(ask("GET", "/api/status", { headers: { cookie } })), 401);
  assertEquals(await statusOf(ask("GET", "/api/status", { headers: { cookie: other } })), 200);
});

Deno.test("ui: who signs out hears nothing more", async () => {
  const { ask, clock, signIn, close } = batchOf();
  const [cookie, other] = [await signIn(), await signIn()];
  const listen = async (cookie: string) => {
    const { body } = await ask("GET", "/api/events", { headers: { cookie } });
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    assertMatch((await reader.read()).value!, /^retry: /);
    assertMatch((await reader.read()).value!, /event: change/);
    return reader;
  };
  const [out, still] = [await listen(cookie), await listen(other)];
  await ask("DELETE", "/sign-in", { headers: { cookie } });
  const [last, next] = [out.read(), still.read()];
  await clock.pass(15_000);
  assertEquals((await last).done, true);
  assertEquals((await next).value, ": still here\n\n");
  await still.cancel();
  close();
});

Deno.test("ui: the cookie lasts anew whenever the page is opened", async () => {
  const { ask, signIn } = batchOf();
  const cookie = await signIn();
  const renewed = async (route: string) => {
    const { headers, body } = await ask("GET", route, { headers: { cookie } });
    await body?.cancel();
    return headers.get("set-cookie");
  };
  assertEquals((await renewed("/"))!.split("; ").slice(0, 2), [cookie, "Max-Age=604800"]);
  assertEquals(await renewed("/api/status"), null);
  assertEquals((await ask("GET", "/")).headers.get("set-cookie"), null);
});

Deno.test("ui: without a session there is the sign-in and nothing else", async () => {
  const peer = new ScriptedPeer();
  const { ask } = batchOf({ api: peer });
  const root = await ask("GET", "/");
  assertEquals([root.status, root.headers.get("location")], [303, "/sign-in"]);
  for (const route of ["/sign-in", "/sign_in.js", "/style.css", "/theme.js", "/icon.svg"]) {
    assertEquals(await statusOf(ask("GET", route)), 200, route);
  }
  const closed = [
    "/app.js",
    "/lib/preact.js",
    "/api/status",
    "/api/events",
    "/files/x",
    "/nothing",
  ];
  const cookies = ["", "shoal-10100=", `shoal-10100=${TOKEN}`, "shoal-10101=x"];
  for (const cookie of cookies) {
    for (const route of closed) {
      assertEquals(await statusOf(ask("GET", route, { headers: { cookie } })), 401, route);
    }
  }
  assertEquals(peer.asked, []);
});

Deno.test("ui: the token of the verbs does without a session", async () => {
  const { ask } = batchOf();
  const asks = (authorization: string) =>
    statusOf(ask("GET", "/api/status", { headers: { authorization } }));
  assertEquals(await asks(`Bearer ${TOKEN}`), 200);
  assertEquals(await asks(`Bearer ${TOKEN.slice(1)}`), 401);
  assertEquals(await asks(""), 401);
});

Deno.test("ui: healthz says ok to everybody, and nothing else", async () => {
  const peer = new ScriptedPeer();
  const response = await batchOf({ api: peer }).ask("GET", "/healthz", { bare: true });
  assertEquals([response.status, await response.text()], [200, "ok\n"]);
  assertEquals(peer.asked, []);
});

// Guessing

Deno.test("ui: guesses of the password wait longer and longer, each address for itself", async () => {
  const { ask, clock } = batchOf({ password, host: "0.0.0.0" });
  const guess = async (text: string, remote: string) => {
    const response = await ask("POST", "/sign-in", { body: { password: text }, remote });
    await response.body?.cancel();
    return { status: response.status, wait: Number(response.headers.get("retry-after")) };
  };
  for (let i = 0; i < 3; i++) assertEquals((await guess("wrong password", "10.0.0.1")).status, 400);
  assertEquals(await guess("wrong password", "10.0.0.1"), { status: 429, wait: 1 });
  assertEquals((await guess(PASSWORD, "10.0.0.1")).status, 429, "not even the right one");
  assertEquals((await guess(PASSWORD, "10.0.0.2")).status, 204, "others are let in");
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    await clock.pass((waits.at(-1) ?? 1) * 1_000);
    assertEquals((await guess("wrong password", "10.0.0.1")).status, 400);
    waits.push((await guess(PASSWORD, "10.0.0.1")).wait);
  }
  assertEquals(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  await clock.pass(300_000);
  assertEquals((await guess(PASSWORD, "10.0.0.1")).status, 204);
  assertEquals((await guess("wrong password", "10.0.0.1")).status, 400, "all is forgiven");
});

Deno.test("ui: guesses at once count one after the other", async () => {
  const { ask } = batchOf({ password, host: "0.0.0.0" });
  const guesses = Array.from(
    { length: 6 },
    () => statusOf(ask("POST", "/sign-in", { body: { password: "guess" }, remote: "10.0.0.9" })),
  );
  await Promise.all(guesses);
  const right = ask("POST", "/sign-in", { body: { password: PASSWORD }, remote: "10.0.0.9" });
  assertEquals(await statusOf(right), 429);
});

Deno.test("ui: tickets can't be guessed at will either", async () => {
  const { ask } = batchOf();
  const guess = () => statusOf(ask("POST", "/sign-in", { body: { ticket: TOKEN } }));
  assertEquals([await guess(), await guess(), await guess(), await guess()], [400, 400, 400, 429]);
});

Deno.test("slow down: the addresses of one network wait together", () => {
  let now = 0;
  const slowDown = new SlowDown({ now: () => now });
  for (const host of ["2001:db8::1", "2001:db8:0:0:1::2", "2001:db8::ffff%eth0"]) {
    slowDown.failed(host);
  }
  assertEquals(slowDown.wait("2001:db8::77"), 1_000);
  assertEquals(slowDown.wait("2001:db8:0:1::1"), 0);
  for (let i = 0; i < 3; i++) slowDown.failed("::ffff:10.0.0.1");
  assertEquals(slowDown.wait("10.0.0.1"), 1_000);
  now = 31 * 60_000;
  slowDown.failed("10.0.0.1");
  assertEquals(slowDown.wait("10.0.0.1"), 0, "long ago is forgotten");
  for (let i = 0; i < 5_000; i++) slowDown.failed(`10.1.${i >> 8}.${i & 255}`);
  assertEquals(slowDown.wait("2001:db8::77"), 0, "memory is bounded");
});

Deno.test("ui: others may only come with a password, and never with a short one", async () => {
  const host = (settings: { host?: string; password?: string }) =>
    new UiHost(new ScriptedPeer(), { ...settings, port: 0, token: TOKEN });
  for (const name of ["0.0.0.0", "::", "192.0.2.1", "machine.example"]) {
    const fault = await faultOf("usage", host({ host: name }).openUi());
    assertMatch(fault.message, /without a password: set \$SHOAL_UI_PASSWORD/);
  }
  await faultOf("usage", host({ host: "0.0.0.0", password: "1234567" }).openUi(), "8 to 1024");
  const page = host({ host: "0.0.0.0", password: PASSWORD });
  const { address, link } = await page.openUi();
  assertMatch(link, /^http:\/\/127\.0\.0\.1:\d+\/sign-in#[0-9a-f]{64}$/);
  const response = await fetch(`${address}healthz`);
  assertEquals(await response.text(), "ok\n");
  await page.stop();
});
