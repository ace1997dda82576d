import { gzipSync } from "node:zlib";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { parseOrigin } from "../../src/web/parse_origin.ts";
import { isOwnHost } from "../../src/web/own_host.ts";
import { assets, batchOf, HOST, statusOf } from "../support/page.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";

// Other sites

Deno.test("ui: a rebound host is refused, whatever else it has", async () => {
  const { ask, signIn } = batchOf();
  const signed = await signIn();
  for (
    const host of ["evil.example", "evil.example:10100", "127.0.0.1.evil.example", "", "10.0.0.1"]
  ) {
    for (const route of ["/", "/healthz", "/api/v1/status", "/sign-in"]) {
      const response = ask("GET", route, { headers: { host, ...signed } });
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
  const signed = await signIn();
  const body = { name: "x" };
  const origins = ["https://evil.example", "null", `https://${HOST}`, "http://127.0.0.1:10101"];
  for (const origin of origins) {
    const posted = ask("POST", "/api/v1/downloads", { body, headers: { ...signed, origin } });
    assertEquals(await statusOf(posted), 403, origin);
    assertEquals(
      await statusOf(ask("GET", "/api/v1/status", { headers: { ...signed, origin } })),
      403,
    );
  }
  assertEquals(peer.asked, []);
  const own = { ...signed, origin: `http://${HOST}` };
  assertEquals(await statusOf(ask("POST", "/api/v1/downloads", { body, headers: own })), 200);
});

Deno.test("ui: a name and a proxy are served once they are named, and a refusal says how", async () => {
  const host = "files.example";
  const messageOf = async (response: Promise<Response>) =>
    (await (await response).json()).error.message;
  const strange = batchOf();
  const https = { host, "x-forwarded-proto": "https" };
  assertMatch(
    await messageOf(strange.ask("GET", "/healthz", { headers: https })),
    /not served as "files\.example"\..* --ui-origin https:\/\/files\.example, or set ui_origin in /,
  );
  assertMatch(
    await messageOf(strange.ask("GET", "/healthz", { headers: { host: "nas.local:10100" } })),
    /--ui-origin http:\/\/nas\.local:10100,/,
  );
  assertMatch(
    await messageOf(
      strange.ask("GET", "/healthz", { headers: { origin: "https://files.example" } }),
    ),
    /Requests of "https:\/\/files\.example" .* --ui-origin https:\/\/files\.example,/,
  );
  const { ask, signIn } = batchOf({ origins: ["https://files.example", "http://nas.local:10100"] });
  const signed = await signIn();
  const asks = (headers: Record<string, string>) =>
    statusOf(
      ask("POST", "/api/v1/downloads", { body: { name: "x" }, headers: { ...signed, ...headers } }),
    );
  assertEquals(await asks({ host, origin: `https://${host}` }), 200);
  assertEquals(
    await asks({ origin: `https://${host}` }),
    200,
    "also where a proxy changes the host",
  );
  assertEquals(await asks({ host: "NAS.local:10100", origin: "http://nas.local:10100" }), 200);
  assertEquals(await asks({ host, origin: "https://evil.example" }), 403);
  assertEquals(await asks({ host: "nas.local" }), 421);
});

Deno.test("own origins: only a scheme and a host are an origin", () => {
  assertEquals(parseOrigin("https://Files.example/"), "https://files.example");
  assertEquals(parseOrigin("http://[2001:db8::1]:8080"), "http://[2001:db8::1]:8080");
  for (
    const text of ["files.example", "ftp://x", "https://x/path", "https://", "https://a:b@c", "*"]
  ) {
    assertThrows(() => parseOrigin(text), Fault, "is not an origin");
  }
});

Deno.test("ui: every response says what a browser may do with it", async () => {
  const { ask, signIn } = batchOf();
  for (
    const route of [
      "/",
      "/sign-in",
      "/app.js",
      "/api/v1/status",
      "/healthz",
      "/nothing",
      "/files/x",
    ]
  ) {
    for (const host of [HOST, "evil.example"]) {
      for (const signed of [await signIn(), {}]) {
        const headers = { ...signed, host };
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
        assertEquals(response.headers.get("strict-transport-security"), null);
        assertEquals(response.headers.get("access-control-allow-origin"), null);
      }
    }
  }
});

// What the browser loads

Deno.test("ui: it has no inline script or style, asks nobody else, and is light", () => {
  let weight = 0;
  const imports = /(?:from|import)\s*"([^"\s]+)"/g;
  for (const [path, { body, type }] of assets) {
    if (!path.startsWith("/lib/")) weight += gzipSync(body).length;
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
  assert(weight < 60 * 1024, `the page's own code has ${weight} bytes, compressed`);
});

Deno.test("ui: an asset that the browser has is not sent again", async () => {
  const { ask, signIn } = batchOf();
  const signed = await signIn();
  const first = await ask("GET", "/app.js", { headers: signed });
  await first.body?.cancel();
  const known = { ...signed, "if-none-match": first.headers.get("etag")! };
  const again = await ask("GET", "/app.js", { headers: known });
  assertEquals([again.status, await again.text()], [304, ""]);
});
