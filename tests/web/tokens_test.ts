/** Tokens of scripts, at the page's address. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { programRoutes } from "../../scripts/openapi.ts";
import { Fault } from "../../src/fault.ts";
import { StateDatabase } from "../../src/store/state/state_database.ts";
import { TokenStore } from "../../src/store/state/token_store.ts";
import { OwnOrigins } from "../../src/web/own_origins.ts";
import { ROUTES } from "../../src/web/routes/route_table.ts";
import { Sessions } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { uiApp } from "../../src/web/ui_app.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";
import { TempFolder } from "../support/temp_folder.ts";

/** A page and the tokens of a peer. */
async function page() {
  const folder = await TempFolder.create();
  const db = StateDatabase.open(folder.at("state.db"));
  const tokens = new TokenStore(db);
  const peer = new ScriptedPeer();
  const { app, close } = uiApp(peer, {
    ...{ sessions: new Sessions(), slowDown: new SlowDown(), assets: new Map() },
    origins: new OwnOrigins({ host: "127.0.0.1" }),
    isVerb: () => false,
    rightsOf: (secret) => tokens.rightsOf(secret),
  });
  return {
    ...{ folder, tokens, peer },
    async status(token: string, method: string, path: string): Promise<number> {
      const headers = { host: "127.0.0.1", authorization: `Bearer ${token}` };
      const request = new Request(`http://127.0.0.1${path}`, { method, headers });
      const response = await app.fetch(request, { remote: "127.0.0.1" });
      await response.body?.cancel();
      return response.status;
    },
    async [Symbol.asyncDispose]() {
      close();
      db.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("tokens: each opens the routes of its rights, and no other", async () => {
  await using at = await page();
  for (const rights of [["read"], ["get"], ["share"], ["read", "get"], ["read", "get", "share"]]) {
    const { token } = at.tokens.create({ label: rights.join("-"), rights });
    for (const key of programRoutes().keys()) {
      const entry = ROUTES[key];
      if (entry.open || entry.only === "control") continue;
      const [method, path] = key.split(" ");
      const opens = entry.rights?.every((right) => rights.includes(right)) === true;
      const status = await at.status(token, method, path.replace(/\{\w+\}/g, "1"));
      assertEquals(status !== 403, opens, `${rights} at ${key}: ${status}`);
    }
    assertEquals(await at.status(token, "GET", "/api/v1/nothing"), 403);
    assertEquals(await at.status(token, "PUT", "/api/v1/status"), 403);
  }
});

Deno.test("tokens: one that was revoked, altered or never made opens nothing", async () => {
  await using at = await page();
  const { token } = at.tokens.create({ label: "ci", rights: ["read"] });
  assertEquals(await at.status(token, "GET", "/api/v1/status"), 200);
  const wrong = [
    "",
    "shoal_",
    token.slice(1),
    `${token}0`,
    token.toUpperCase(),
    token.slice(0, -1),
  ];
  for (const one of wrong) {
    assert([400, 401].includes(await at.status(one, "GET", "/api/v1/status")), one);
  }
  at.tokens.revoke("ci");
  assertEquals(await at.status(token, "GET", "/api/v1/status"), 401);
  assertEquals(at.tokens.list(), []);
});

Deno.test("tokens: no secret is on disk, a label is one token's, and there are at most 100", async () => {
  await using at = await page();
  const { token } = at.tokens.create({ label: "ci", rights: ["get", "share"] });
  for (const name of at.folder.list()) {
    const bytes = await Deno.readFile(at.folder.at(name));
    const text = new TextDecoder("latin1").decode(bytes);
    assert(!text.includes(token.slice(6)), `${name} has the secret`);
  }
  const taken = assertThrows(() => at.tokens.create({ label: "ci", rights: ["read"] }), Fault);
  assertEquals(taken.kind, "usage");
  for (const label of ["", " ", "a b", "-x", "a/b", "x".repeat(65), "ä"]) {
    assertThrows(() => at.tokens.create({ label, rights: ["read"] }), Fault, "a label has");
  }
  for (let n = 1; n < 100; n++) at.tokens.create({ label: `t${n}`, rights: ["read"] });
  assertThrows(() => at.tokens.create({ label: "more", rights: ["read"] }), Fault, "100 tokens");
  assertThrows(() => at.tokens.revoke("none"), Fault, "there is none");
});
