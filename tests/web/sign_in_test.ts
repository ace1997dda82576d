import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { SessionStore } from "../../src/store/state/session_store.ts";
import { StateDatabase } from "../../src/store/state/state_database.ts";
import { Password } from "../../src/web/password.ts";
import { UiHost } from "../../src/web/ui_host.ts";
import { SESSION_MS, TICKET_MS } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { faultOf } from "../support/faults.ts";
import { batchOf, PASSWORD, password, statusOf, TOKEN } from "../support/page.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { ScriptedPeer, STATUS } from "../support/scripted_peer.ts";

Deno.test("ui: a link signs in once, and no cookie is ever set", async () => {
  const { ask, sessions } = batchOf();
  const ticket = sessions.ticket();
  const first = await ask("POST", "/sign-in", { body: { ticket } });
  assertEquals([first.status, first.headers.get("set-cookie")], [200, null]);
  const { session } = await first.json();
  assertMatch(session, /^[0-9a-f]{64}$/);
  assertNotEquals(session, ticket, "the session is another secret than the ticket");
  const again = await ask("POST", "/sign-in", { body: { ticket } });
  assertEquals(again.status, 400);
  assertMatch((await again.json()).error.message, /used already, or is too old/);
  const headers = { authorization: `Bearer ${session}` };
  const asked = await ask("GET", "/api/v1/status", { headers });
  assertEquals((await asked.json()).peer, STATUS.peer);
  for (const name of ["cookie", "x-session"]) {
    const sent = { [name]: `session=${session}; shoal-10100=${session}` };
    assertEquals(await statusOf(ask("GET", "/api/v1/status", { headers: sent })), 401, name);
  }
});

Deno.test("ui: a link is too old after ten minutes, a session after a week of silence", async () => {
  const { ask, clock, sessions, signIn } = batchOf();
  const ticket = sessions.ticket();
  await clock.pass(TICKET_MS);
  assertEquals(await statusOf(ask("POST", "/sign-in", { body: { ticket } })), 400);
  const headers = await signIn();
  const asks = () => statusOf(ask("GET", "/api/v1/status", { headers }));
  for (let day = 0; day < 10; day++) {
    await clock.pass(SESSION_MS - 1);
    assertEquals(await asks(), 200);
  }
  await clock.pass(SESSION_MS);
  assertEquals(await asks(), 401);
});

Deno.test("ui: who signs out is out, and with everywhere all are", async () => {
  const { ask, signIn } = batchOf();
  const [one, other, third] = [await signIn(), await signIn(), await signIn()];
  assertNotEquals(one, other);
  const asks = (headers: Record<string, string>) =>
    statusOf(ask("GET", "/api/v1/status", { headers }));
  assertEquals(await statusOf(ask("DELETE", "/sign-in")), 401);
  assertEquals(await statusOf(ask("DELETE", "/sign-in", { headers: one })), 204);
  assertEquals([await asks(one), await asks(other), await asks(third)], [401, 200, 200]);
  await ask("DELETE", "/sign-in?everywhere=1", { headers: other });
  assertEquals([await asks(other), await asks(third)], [401, 401]);
});

Deno.test("ui: sessions outlive the process, but not a change of the password", async () => {
  await using temp = await TempFolder.create();
  const db = StateDatabase.open(`${temp.path}/state.db`);
  try {
    const store = new SessionStore(db);
    store.changePassword("salt:hash");
    const before = batchOf({ store });
    const headers = await before.signIn();
    const after = batchOf({ store });
    assertEquals(await statusOf(after.ask("GET", "/api/v1/status", { headers })), 200);
    const secret = headers.authorization.slice("Bearer ".length);
    assert(!JSON.stringify(store.list()).includes(secret), "only its hash is stored");
    await after.clock.pass(SESSION_MS);
    assertEquals(await statusOf(after.ask("GET", "/api/v1/status", { headers })), 401);
    assertEquals(store.list(), []);
    await after.signIn();
    assertEquals([store.password, store.list().length], ["salt:hash", 1]);
    store.changePassword("salt:other");
    assertEquals([store.password, store.list()], ["salt:other", []]);
  } finally {
    db.close();
  }
});

Deno.test("password: the same one is known again by what is kept of it", async () => {
  const { kept } = await Password.of(PASSWORD);
  assertEquals((await Password.of(PASSWORD, kept)).kept, kept);
  assertNotEquals((await Password.of(`${PASSWORD}!`, kept)).kept, kept);
  assertNotEquals((await Password.of(PASSWORD)).kept, kept, "each has a salt of its own");
});

Deno.test("ui: a key in an address opens one file, for a day, while the session goes on", async () => {
  const { ask, clock, signIn } = batchOf();
  const headers = await signIn();
  const file = `/files/a%20b/%C3%BC?id=${"1a2b3c4d".repeat(8)}` +
    `&publisher=${"ab".repeat(32)}`;
  const body = { path: file };
  assertEquals(await statusOf(ask("POST", "/api/v1/links", { body })), 401);
  const { path } = await (await ask("POST", "/api/v1/links", { headers, body })).json();
  assertMatch(
    path,
    /^\/files\/a%20b\/%C3%BC\?id=[0-9a-f]{64}&publisher=(ab){32}&key=[0-9a-f]{64}$/,
  );
  const opens = (path: string) => statusOf(ask("GET", path));
  assertEquals([await opens(path), await opens(path)], [200, 200], "a download can be resumed");
  const key = path.slice(path.indexOf("key="));
  for (
    const other of [
      file,
      `/files/other?${key}`,
      `${file.slice(0, -1)}0&${key}`,
      `${file.replace(/&publisher.*/, "")}&${key}`,
      `/api/v1/status?${key}`,
    ]
  ) {
    assertEquals(await opens(other), 401, other);
  }
  for (const path of ["/api/v1/status", "/files/", "files/x", "//evil.example/files/x"]) {
    assertEquals(
      await statusOf(ask("POST", "/api/v1/links", { headers, body: { path } })),
      400,
      path,
    );
  }
  await clock.pass(24 * 3_600_000);
  assertEquals(await opens(path), 401);
  const again = await (await ask("POST", "/api/v1/links", { headers, body })).json();
  assertEquals(await opens(again.path), 200);
  await ask("DELETE", "/sign-in", { headers });
  assertEquals(await opens(again.path), 401);
});

Deno.test("ui: who signs out hears nothing more", async () => {
  const { ask, clock, signIn, close } = batchOf();
  const [headers, other] = [await signIn(), await signIn()];
  const listen = async (headers: Record<string, string>) => {
    const { body } = await ask("GET", "/api/v1/events", { headers });
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
    assertMatch((await reader.read()).value!, /^event: heartbeat/);
    assertMatch((await reader.read()).value!, /event: change/);
    return reader;
  };
  const [out, still] = [await listen(headers), await listen(other)];
  await ask("DELETE", "/sign-in", { headers });
  const [last, next] = [out.read(), still.read()];
  await clock.pass(1_000);
  assertEquals((await last).done, true);
  assertMatch((await next).value!, /^event: heartbeat/);
  await still.cancel();
  close();
});

Deno.test("ui: without a session there are the page's files, which say nothing of the peer", async () => {
  const peer = new ScriptedPeer();
  const { ask } = batchOf({ api: peer });
  for (const route of ["/", "/sign-in", "/app.js", "/style.css", "/lib/preact.js", "/icon.svg"]) {
    assertEquals(await statusOf(ask("GET", route)), 200, route);
  }
  const closed = ["/api/v1/status", "/api/v1/events", "/api/nothing", "/files/x", "/files/"];
  for (
    const authorization of ["", "Bearer", "Bearer x", `Bearer ${"0".repeat(64)}`, "Basic eDp4"]
  ) {
    for (const route of closed) {
      const status = await statusOf(ask("GET", route, { headers: { authorization } }));
      // What is no token at all is a request that makes no sense.
      assert(status === 401 || status === 400 && !/^Bearer .*\S/.test(authorization), route);
    }
  }
  assertEquals(peer.asked, []);
});

Deno.test("ui: the token of the verbs does without a session", async () => {
  const { ask } = batchOf();
  const asks = (authorization: string) =>
    statusOf(ask("GET", "/api/v1/status", { headers: { authorization } }));
  assertEquals(await asks(`Bearer ${TOKEN}`), 200);
  assertEquals(await asks(`Bearer ${TOKEN.slice(1)}`), 401);
  assertEquals(await asks(""), 401);
});

Deno.test("ui: healthz says ok to everybody, and nothing else", async () => {
  const peer = new ScriptedPeer();
  const response = await batchOf({ api: peer }).ask("GET", "/healthz");
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
  assertEquals((await guess(PASSWORD, "10.0.0.2")).status, 200, "others are let in");
  const waits: number[] = [];
  for (let i = 0; i < 10; i++) {
    await clock.pass((waits.at(-1) ?? 1) * 1_000);
    assertEquals((await guess("wrong password", "10.0.0.1")).status, 400);
    waits.push((await guess(PASSWORD, "10.0.0.1")).wait);
  }
  assertEquals(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
  await clock.pass(300_000);
  assertEquals((await guess(PASSWORD, "10.0.0.1")).status, 200);
  assertEquals((await guess("wrong password", "10.0.0.1")).status, 400, "all is forgiven");
});

Deno.test("ui: behind a proxy each client waits for itself", async () => {
  const origins = ["https://files.example"];
  const guess = async (
    { ask }: ReturnType<typeof batchOf>,
    { remote, forwarded }: { remote: string; forwarded: string },
  ) => {
    const headers = { host: "files.example", "x-forwarded-for": forwarded };
    const body = { password: "wrong password" };
    return await statusOf(ask("POST", "/sign-in", { headers, body, remote }));
  };
  const lockOut = async (
    batch: ReturnType<typeof batchOf>,
    from: { remote: string; forwarded: string },
  ) => {
    for (let i = 0; i < 3; i++) await guess(batch, from);
    assertEquals(await guess(batch, from), 429);
  };
  const here = batchOf({ password, origins });
  await lockOut(here, { remote: "127.0.0.1", forwarded: "198.51.100.7, 203.0.113.1" });
  assertEquals(await guess(here, { remote: "127.0.0.1", forwarded: "203.0.113.2" }), 400);
  const other = { remote: "127.0.0.1", forwarded: "203.0.113.2, 203.0.113.1" };
  assertEquals(await guess(here, other), 429, "only the proxy's own word counts");

  const there = batchOf({ password, origins, host: "0.0.0.0", proxies: ["10.0.0.2"] });
  await lockOut(there, { remote: "10.0.0.2", forwarded: "203.0.113.1" });
  assertEquals(await guess(there, { remote: "10.0.0.2", forwarded: "203.0.113.2" }), 400);
  await lockOut(there, { remote: "10.0.0.3", forwarded: "203.0.113.4" });
  const stranger = { remote: "10.0.0.3", forwarded: "203.0.113.5" };
  assertEquals(await guess(there, stranger), 429, "a stranger's word is nobody's");
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
