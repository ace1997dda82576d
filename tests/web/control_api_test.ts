import { assert, assertEquals } from "@std/assert";
import { Fault, type FaultKind } from "../../src/fault.ts";
import { controlApi } from "../../src/web/control_api.ts";
import { control, TOKEN } from "../support/control.ts";
import { ScriptedPeer, SHARED, STATUS } from "../support/scripted_peer.ts";

const ID = "1a2b3c4d".repeat(8);

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
    for (const route of ["/api/v1/status", "/api/nothing", "/"]) {
      const response = await ask("GET", route, { headers: { authorization } });
      assertEquals(response.status, 401, authorization);
      assertEquals(await response.json(), { error: { message: "a valid token is needed" } });
    }
    const response = await ask("DELETE", "/api/v1/shares?name=a", { headers: { authorization } });
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
    const response = await ask("GET", "/api/v1/status", { headers: { host } });
    assertEquals(response.status, 421, host);
    await response.body?.cancel();
  }
  assertEquals(peer.asked, []);
  for (const host of ["127.0.0.1", "127.0.0.1:65535", "localhost", "localhost:1", "[::1]:8"]) {
    const response = await ask("GET", "/api/v1/status", { headers: { host } });
    assertEquals(await response.json(), JSON.parse(JSON.stringify(STATUS)));
  }
});

Deno.test("control: there is nothing but the documented routes", async () => {
  const ask = control(new ScriptedPeer());
  const routes = [["GET", "/"], ["GET", "/api"], ["PUT", "/api/v1/shares"], [
    "GET",
    "/api/v1/shares",
  ]];
  for (
    const [method, route] of [...routes, ["POST", "/api/v1/status"], ["GET", "/api/v1/streams/"]]
  ) {
    const response = await ask(method, route);
    assertEquals(response.status, 404, `${method} ${route}`);
    assertEquals(await response.json(), { error: { message: "there is no such route" } });
  }
});

Deno.test("control: unsharing takes any name as it is", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  for (const name of ["a b", "é/ü", "a&b=c?d#e", "100%", "+"]) {
    const response = await ask("DELETE", `/api/v1/shares?name=${encodeURIComponent(name)}`);
    assertEquals(await response.json(), JSON.parse(JSON.stringify(SHARED)));
    assertEquals(peer.asked.pop(), ["unshare", name]);
  }
});

Deno.test("control: each kind of failure has its status", async () => {
  const table: Record<FaultKind, number> = {
    ...{ usage: 400, not_found: 404, destination: 409, ambiguous: 409, held: 423 },
    ...{ network: 502, integrity: 502, deadline: 504, disk: 507, hook: 500 },
  };
  for (const [kind, status] of Object.entries(table) as [FaultKind, number][]) {
    const peer = new ScriptedPeer({ unshare: () => Promise.reject(new Fault(kind, "why")) });
    const response = await control(peer)("DELETE", "/api/v1/shares?name=a");
    assertEquals(response.status, status, kind);
    assertEquals(await response.json(), { error: { kind, message: "why" } });
  }
  const peer = new ScriptedPeer({ status: () => Promise.reject(new TypeError("a bug")) });
  const response = await control(peer)("GET", "/api/v1/status");
  assertEquals([response.status, await response.json()], [500, { error: { message: "a bug" } }]);
});

Deno.test("control: a body that makes no sense is refused before anything is done", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const bad: Record<string, unknown[]> = {
    "/api/v1/shares": [
      ...["", "x", "null", "[]", "{}", '{"file":"a"', { file: "a" }, { cwd: "/" }],
      ...[{ file: 1, cwd: "/" }, { file: "x".repeat(5_000), cwd: "/" }],
    ],
    "/api/v1/downloads": [
      ...["", {}, { name: 1 }, { name: "x".repeat(5_000) }, { name: "a", id: "xyz" }],
      ...[{ name: "a", id: "1a2b3c" }, { name: "a", id: ID + "0" }, {
        name: "a",
        id: ID.toUpperCase(),
      }],
      ...[{ name: "a", output: 1 }, { name: "a", overwrite: "yes" }],
    ],
    "/api/v1/streams": ["", {}, { name: null }, { name: "a", id: "" }],
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
    const response = await ask("POST", "/api/v1/shares", { body, headers });
    assertEquals(response.status, 400, length);
    assert((await response.text()).includes("at most 65536 bytes"));
  }
  const app = controlApi(peer, { token: TOKEN });
  const headers = { host: "localhost", authorization: `Bearer ${TOKEN}` };
  const chunked = new Request("http://localhost/api/v1/shares", {
    ...{ method: "POST", headers, body: ReadableStream.from([new Uint8Array(10)]) },
  });
  assertEquals((await app.fetch(chunked)).status, 400);
  assertEquals(peer.asked, []);
});
