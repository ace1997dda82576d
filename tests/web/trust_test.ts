/** Trust over the control API: its routes, and the client that asks them. */
import { assertEquals } from "@std/assert";
import type { UiApi } from "../../src/peer/api/ui_api.ts";
import { controlApi } from "../../src/web/control_api.ts";
import { ControlClient } from "../../src/web/control_client.ts";
import { Fault } from "../../src/fault.ts";
import { faultOf } from "../support/faults.ts";
import { ScriptedPeer, TRUST } from "../support/scripted_peer.ts";

const TOKEN = "0123456789abcdef".repeat(4);
const KEY = "ab".repeat(32);

/** A peer's control API, asked without a socket. */
function control(api: UiApi) {
  const app = controlApi(api, { token: TOKEN });
  return async (method: string, route: string, body?: string) =>
    await app.fetch(
      new Request(`http://127.0.0.1:1${route}`, {
        ...{ method, body },
        headers: {
          host: "127.0.0.1:1",
          authorization: `Bearer ${TOKEN}`,
          ...(body !== undefined && { "content-length": `${body.length}` }),
        },
      }),
    );
}

Deno.test("control: trust is listed, accepted and forgotten", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  assertEquals(await (await ask("GET", "/api/v1/trust")).json(), [TRUST]);
  const body = { name: "a/b", publisher: KEY };
  const accepted = await ask("POST", "/api/v1/trust", JSON.stringify(body));
  assertEquals(await accepted.json(), { ...TRUST, how: "accepted" });
  await (await ask("POST", "/api/v1/trust", JSON.stringify({ name: "c" }))).body?.cancel();
  const forgotten = await ask("DELETE", "/api/v1/trust?name=a%2Fb");
  assertEquals(await forgotten.json(), TRUST);
  assertEquals(peer.asked, [
    ["trust", undefined],
    ["accept", body],
    ["accept", { name: "c" }],
    ["forget", "a/b"],
  ]);
});

Deno.test("control: bodies of trust that make no sense are refused", async () => {
  const peer = new ScriptedPeer();
  const ask = control(peer);
  const wrong = [
    ...["", "null", "[]", "{}", '{"name":1}', '{"publisher":"abcdef01"}'],
    ...['{"name":"a","publisher":"abc"}', '{"name":"a","publisher":"xyzxyzxyz"}'],
    ...[`{"name":"a","publisher":"${KEY.toUpperCase()}"}`, `{"name":"a","publisher":"${KEY}0"}`],
    `{"name":"${"x".repeat(5_000)}"}`,
  ];
  for (const body of wrong) {
    assertEquals((await ask("POST", "/api/v1/trust", body)).status, 400, body.slice(0, 80));
  }
  for (const extra of ['"publisher":"abc"', '"sha256":"00"', `"sha256":"${KEY}0"`, '"sha256":1']) {
    for (const route of ["/api/v1/downloads", "/api/v1/streams"]) {
      assertEquals((await ask("POST", route, `{"name":"a",${extra}}`)).status, 400, extra);
    }
  }
  assertEquals(peer.asked, []);
});

Deno.test("control client: trust, and what comes of it", async () => {
  const peer = new ScriptedPeer({
    forget: () => Promise.reject(new Fault("not_found", "nobody is remembered")),
  });
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    controlApi(peer, { token: TOKEN }).fetch,
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}`;
    const client = new ControlClient({ url, token: TOKEN, pid: 1 });
    assertEquals(await client.trust(), [TRUST]);
    assertEquals((await client.accept({ name: "ä?&", publisher: KEY })).how, "accepted");
    assertEquals(peer.asked.at(-1), ["accept", { name: "ä?&", publisher: KEY }]);
    await faultOf("not_found", client.forget("ä?&"), "nobody is remembered");
    const get = { name: "a", publisher: KEY, sha256: "00".repeat(32) };
    await client.get(get);
    assertEquals(peer.asked.at(-1), ["get", get]);
  } finally {
    await server.shutdown();
  }
});
