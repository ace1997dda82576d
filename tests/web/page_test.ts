import { assert, assertEquals, assertMatch } from "@std/assert";
import { isOwnHost } from "../../src/web/own_host.ts";
import { assets, batchOf, HOST, statusOf } from "../support/page.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";

// Other sites

Deno.test("ui: a rebound host is refused, whatever else it has", async () => {
  const { ask, signIn } = batchOf();
  const cookie = await signIn();
  for (
    const host of ["evil.example", "evil.example:10100", "127.0.0.1.evil.example", "", "10.0.0.1"]
  ) {
    for (const route of ["/", "/healthz", "/api/status", "/sign-in"]) {
      const response = ask("GET", route, { headers: { host, cookie } });
      assertEquals(await statusOf(response), 421, `${host} ${route}`);
    }
  }
});

Deno.test("own host: addresses can't be rebound, names can", () => {
  const open = (host: string) => isOwnHost(host, "0.0.0.0");
  assert(
    ["10.0.0.1:10100", "[2001:db8::1]:10100", "localhost:1", "127.0.0.1"].every(open),
  );
  assert(!["evil.example", "10.0.0.1.evil.example", "1.2.3", "", "[::1", "a b"].some(open));
  assert(isOwnHost("Machine.example:10100", "machine.example"));
  assert(!isOwnHost("other.example:10100", "machine.example"));
  assert(!isOwnHost("192.0.2.1:10100", "127.0.0.1"));
});

Deno.test("ui: requests of other origins are refused", async () => {
  const peer = new ScriptedPeer();
  const { ask, signIn } = batchOf({ api: peer });
  const cookie = await signIn();
  const body = { name: "x" };
  const origins = ["https://evil.example", "null", `https://${HOST}`, "http://127.0.0.1:10101"];
  for (const origin of origins) {
    const posted = ask("POST", "/api/downloads", { body, headers: { cookie, origin } });
    assertEquals(await statusOf(posted), 403, origin);
    assertEquals(await statusOf(ask("GET", "/api/status", { headers: { cookie, origin } })), 403);
  }
  const site = { cookie, "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" };
  assertEquals(await statusOf(ask("GET", "/api/status", { headers: site })), 403);
  assertEquals(peer.asked, []);
  const followed = { cookie, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
  assertEquals(await statusOf(ask("GET", "/", { headers: followed })), 200, "links may lead here");
  const own = { cookie, origin: `http://${HOST}`, "sec-fetch-site": "same-origin" };
  assertEquals(await statusOf(ask("POST", "/api/downloads", { body, headers: own })), 200);
});

Deno.test("ui: what changes something needs a header that no form can send", async () => {
  const peer = new ScriptedPeer();
  const { ask, signIn } = batchOf({ api: peer });
  const headers = { cookie: await signIn() };
  const asking = { headers, bare: true, body: { name: "x" } };
  for (
    const [method, route] of [
      ["POST", "/api/downloads"],
      ["POST", "/api/shares"],
      ["PATCH", "/api/settings"],
      ["DELETE", "/api/shares?name=x"],
      ["PUT", "/api/uploads?name=x"],
      ["POST", "/sign-in"],
      ["DELETE", "/sign-in"],
    ]
  ) assertEquals(await statusOf(ask(method, route, asking)), 403, `${method} ${route}`);
  assertEquals(peer.asked, []);
});

Deno.test("ui: every response says what a browser may do with it", async () => {
  const { ask, signIn } = batchOf();
  const cookie = await signIn();
  for (
    const route of ["/", "/sign-in", "/app.js", "/api/status", "/healthz", "/nothing", "/files/x"]
  ) {
    for (const [cookies, host] of [[cookie, HOST], ["", HOST], [cookie, "evil.example"]]) {
      const headers = { cookie: cookies, host };
      const response = await ask("GET", route, { headers });
      await response.body?.cancel();
      const policy = response.headers.get("content-security-policy")!;
      assertMatch(policy, /default-src 'none'/);
      assertMatch(policy, /frame-ancestors 'none'/);
      assert(!/unsafe|https?:|\*/.test(policy), policy);
      assertEquals(policy.includes("sandbox"), route.startsWith("/files/"), route);
      assertEquals(response.headers.get("x-content-type-options"), "nosniff");
      assertEquals(response.headers.get("referrer-policy"), "no-referrer");
      assert(response.headers.has("cache-control"));
      assertEquals(response.headers.get("access-control-allow-origin"), null);
    }
  }
});

// What the browser loads

Deno.test("ui: it has no inline script or style, asks nobody else, and is light", () => {
  let weight = 0;
  const imports = /(?:from|import)\s*"([^"\s]+)"/g;
  for (const [path, { body, type }] of assets) {
    weight += body.length;
    const text = new TextDecoder().decode(body);
    assert(
      !/\b(?:https?:)?\/\/[a-z0-9-]+\.[a-z]/i.test(
        text.replaceAll(/http:\/\/www\.w3\.org\/\S+/g, ""),
      ),
      path,
    );
    if (type.startsWith("text/html")) {
      assert(!/<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=/i.test(text), path);
    }
    if (!type.startsWith("text/javascript")) continue;
    for (const [, name] of text.matchAll(imports)) {
      const target = new URL(name, `http://page${path}`).pathname;
      assert(name.startsWith(".") || name.startsWith("/"), `${path} imports ${name}`);
      assert(assets.has(target), `${path} imports ${name}`);
    }
  }
  assert(weight < 150 * 1024, `the page weighs ${weight} bytes`);
});

Deno.test("ui: an asset that the browser has is not sent again", async () => {
  const { ask, signIn } = batchOf();
  const cookie = await signIn();
  const first = await ask("GET", "/app.js", { headers: { cookie } });
  await first.body?.cancel();
  const known = { cookie, "if-none-match": first.headers.get("etag")! };
  const again = await ask("GET", "/app.js", { headers: known });
  assertEquals([again.status, await again.text()], [304, ""]);
});
