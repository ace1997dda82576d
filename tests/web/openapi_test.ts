/** docs/openapi.json: every route of the program, and what a real peer answers there. */
import { assert, assertEquals } from "@std/assert";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { Bootstrap, Peer } from "../../mod.ts";
import document from "../../docs/openapi.json" with { type: "json" };
import { openApi, programRoutes } from "../../scripts/openapi.ts";
import { controlApi } from "../../src/web/control_api.ts";
import { OwnOrigins } from "../../src/web/own_origins.ts";
import { ROUTES } from "../../src/web/routes/route_table.ts";
import { Sessions } from "../../src/web/sessions.ts";
import { SlowDown } from "../../src/web/slow_down.ts";
import { uiApp } from "../../src/web/ui_app.ts";
import { patterned } from "../support/bytes.ts";
import { TempFolder } from "../support/temp_folder.ts";

const TOKEN = "ab".repeat(32);
const MIB = 1 << 20;

interface Operation {
  responses: Record<string, { content?: Record<string, { schema?: object }> }>;
}

Deno.test("openapi: docs/openapi.json is as `deno task docs` writes it", () => {
  assertEquals(JSON.parse(JSON.stringify(openApi())), document);
});

Deno.test("openapi: the table of routes names each route of the program, and no other", () => {
  assertEquals(Object.keys(ROUTES).toSorted(), [...programRoutes().keys()].toSorted());
});

/** The document with its schemas closed: a field that they don't name is an error. */
function validators() {
  const closed = JSON.parse(JSON.stringify(document), (_key, value) => {
    const isClosed = value?.type === "object" && value.properties &&
      value.additionalProperties === undefined;
    return isClosed ? { ...value, additionalProperties: false } : value;
  });
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  ajv.addSchema(closed, "shoal");
  const pointer = (text: string) => text.replaceAll("~", "~0").replaceAll("/", "~1");
  return (method: string, path: string, status: number, type: string): ValidateFunction => {
    const operation = (document.paths as unknown as Record<string, Record<string, Operation>>)[path]
      ?.[method];
    assert(operation, `${method} ${path} is not documented`);
    const key = String(status) in operation.responses ? String(status) : "default";
    const found = operation.responses[key].content?.[type];
    assert(found?.schema, `${method} ${path}: ${status} as ${type} is not documented`);
    const at = ["paths", path, method, "responses", key, "content", type, "schema"].map(pointer);
    return ajv.compile({ $ref: `shoal#/${at.map(encodeURIComponent).join("/")}` });
  };
}

Deno.test("openapi: a real peer answers every route as the document says", async () => {
  await using folder = await TempFolder.create();
  await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
  const swarm = { bootstrap: bootstrap.address, host: "127.0.0.1", createDir: true };
  await using source = await Peer.open({ ...swarm, dir: folder.at("source"), limitUp: 4 * MIB });
  await using peer = await Peer.open({ ...swarm, dir: folder.at("peer") });
  await folder.write("source/big.bin", patterned(12 * MIB));
  await folder.write("source/small.txt", "hello");
  await folder.write("source/docs/a.txt", "a");
  await folder.write("peer/own.txt", "own");
  for (const name of ["big.bin", "small.txt", "docs"]) await source.share(name);

  const sessions = new Sessions();
  const { app, close } = uiApp(peer.node, {
    ...{ sessions, slowDown: new SlowDown(), assets: new Map() },
    origins: new OwnOrigins({ host: "127.0.0.1" }),
    isVerb: (token) => token === TOKEN,
  });
  const ui = { openUi: () => Promise.resolve({ address: "a", link: "b", dir: "c" }) };
  const control = controlApi(peer.node, { token: TOKEN, ui });
  const validatorOf = validators();
  const visited = new Set<string>();

  /** Asks, checks the answer against the document, and returns its last value. */
  // deno-lint-ignore no-explicit-any
  async function ask(key: string, wanted: Asked = {}): Promise<any> {
    const [method, path] = key.split(" ");
    visited.add(key);
    const { at = path, body, status = 200, raw } = wanted;
    const url = `http://127.0.0.1${at}`;
    const headers: Record<string, string> = {
      host: "127.0.0.1",
      authorization: `Bearer ${TOKEN}`,
      ...(body !== undefined && { "content-type": "application/json" }),
    };
    const sent = body === undefined ? raw : JSON.stringify(body);
    if (sent !== undefined) headers["content-length"] = `${sent.length}`;
    const request = new Request(url, { method, headers, body: sent });
    const response = ROUTES[key].only === "control"
      ? await control.fetch(request)
      : await app.fetch(request, { remote: "127.0.0.1" });
    const type = (response.headers.get("content-type") ?? "").split(";")[0];
    if (response.status === 204) return assertEquals(status, 204, key);
    if (type === "text/event-stream") return await response.body?.cancel();
    if (!/json/.test(type)) {
      assertEquals(response.status, status, key);
      return await response.text();
    }
    const text = await response.text();
    assertEquals(response.status, status, `${key}: ${text.slice(0, 500)}`);
    if (key === "GET /api/openapi.json") return assertEquals(JSON.parse(text), document);
    const validate = validatorOf(method.toLowerCase(), path, status, type);
    const values = type === "application/jsonl"
      ? text.trim().split("\n").map((line) => JSON.parse(line))
      : [JSON.parse(text)];
    for (const value of values) {
      assert(
        validate(value),
        `${key}: ${JSON.stringify(validate.errors?.slice(0, 5))} in ${JSON.stringify(value)}`,
      );
    }
    return values.at(-1);
  }

  await ask("GET /healthz");
  await ask("GET /api/openapi.json");
  await ask("GET /api/v1/hello", { at: `/api/v1/hello?nonce=${"1".repeat(64)}` });
  await ask("POST /api/v1/ui");
  await ask("POST /sign-in", { body: { ticket: sessions.ticket() } });
  await ask("POST /sign-in", { body: { ticket: "0".repeat(64) }, status: 400 });
  await ask("DELETE /sign-in", { status: 204 });
  await ask("GET /api/v1/peers");
  await ask("GET /api/v1/sources", { at: "/api/v1/sources?name=x" });
  await ask("GET /api/v1/history");
  await ask("GET /api/v1/events");
  await ask("GET /api/v1/settings");
  await ask("PATCH /api/v1/settings", { body: { limit_up: 1_000_000 } });
  await ask("PATCH /api/v1/settings", { body: { limit_up: "x" }, status: 400 });
  await ask("GET /api/v1/doctor");

  const shared = await ask("POST /api/v1/shares", {
    body: { file: "own.txt", cwd: folder.at("peer") },
  });
  assertEquals(shared.result.name, "own.txt");
  const missing = await ask("POST /api/v1/shares", {
    body: { file: "none", cwd: folder.at("peer") },
  });
  assertEquals(missing.error.kind, "usage");
  const listed = await ask("GET /api/v1/files", { at: "/api/v1/files?pattern=*.txt" });
  assertEquals(listed.result.name, "small.txt");
  await ask("GET /api/v1/versions", { at: "/api/v1/versions?name=small.txt" });
  await ask("GET /api/v1/folder", { at: "/api/v1/folder?name=docs" });
  await ask("POST /api/v1/downloads/plan", { body: { name: "small.txt" } });
  const got = await ask("POST /api/v1/downloads", { body: { name: "small.txt" } });
  assertEquals(got.result.size, 5);
  await ask("POST /api/v1/downloads", { body: { name: "docs" } });
  const none = await ask("POST /api/v1/downloads", { body: { name: "none" } });
  assertEquals(none.error.kind, "not_found");
  assertEquals(await ask("GET /files/{name}", { at: "/files/small.txt" }), "hello");
  await ask("GET /files/{name}", { at: "/files/none", status: 404 });
  const link = await ask("POST /api/v1/links", { body: { path: "/files/small.txt" } });
  assert(link.path.includes("key="));

  // A download that takes a while, to look at.
  const job = await ask("POST /api/v1/jobs", { body: { get: { name: "big.bin" } }, status: 202 });
  for await (const { transfers } of statusesOf(peer)) {
    if (transfers.some(({ name, bytes }) => name === "big.bin" && bytes > 0)) break;
  }
  const status = await ask("GET /api/v1/status");
  const { id } = status.partials[0];
  await ask("GET /api/v1/downloads/map", { at: `/api/v1/downloads/map?id=${id}` });
  await ask("GET /api/v1/downloads/map", { at: "/api/v1/downloads/map?id=0", status: 404 });
  await ask("GET /api/v1/downloads/maps", { at: `/api/v1/downloads/maps?ids=${id},0` });
  await ask("POST /api/v1/downloads/pause", { body: { name: "big.bin" } });
  await ask("POST /api/v1/downloads/resume", { body: { name: "big.bin" } });
  await ask("DELETE /api/v1/downloads", { at: "/api/v1/downloads?name=big.bin" });
  await ask("DELETE /api/v1/downloads", { at: "/api/v1/downloads?name=big.bin", status: 404 });
  await ask("DELETE /api/v1/jobs/{id}", { at: `/api/v1/jobs/${job.job}`, status: 204 });

  const streaming = app.fetch(
    new Request("http://127.0.0.1/api/v1/streams", {
      method: "POST",
      headers: {
        host: "127.0.0.1",
        authorization: `Bearer ${TOKEN}`,
        "content-length": "20",
      },
      body: '{"name":"small.txt"}',
    }),
    { remote: "127.0.0.1" },
  );
  visited.add("POST /api/v1/streams");
  const lines = (await streaming).body!.pipeThrough(new TextDecoderStream()).getReader();
  const validate = validatorOf("post", "/api/v1/streams", 200, "application/jsonl");
  const first = JSON.parse((await lines.read()).value!.split("\n")[0]);
  assert(validate(first), JSON.stringify(validate.errors));
  assertEquals(await ask("GET /api/v1/streams/{key}", { at: first.content }), "hello");
  for (let one = await lines.read(); !one.done; one = await lines.read()) {
    for (const line of one.value.trim().split("\n")) {
      assert(validate(JSON.parse(line)), `${line}: ${JSON.stringify(validate.errors)}`);
    }
  }

  const files = [{ name: "up.txt", size: 3 }, { name: "own.txt" }];
  const checked = await ask("POST /api/v1/uploads/check", { body: { files } });
  assertEquals(checked.length, 2);
  const sent = await ask("PUT /api/v1/uploads", { at: "/api/v1/uploads?name=up.txt", raw: "new" });
  assertEquals(sent.result.size, 3);
  await ask("GET /api/v1/trust");
  await ask("DELETE /api/v1/trust", { at: "/api/v1/trust?name=small.txt" });
  await ask("POST /api/v1/trust", { body: { name: "small.txt" } });
  await ask("DELETE /api/v1/shares", { at: "/api/v1/shares?name=own.txt" });
  await ask("DELETE /api/v1/shares", { at: "/api/v1/shares?name=own.txt", status: 404 });
  await ask("POST /api/v1/tokens", { body: { label: "ci", rights: ["read"] } });
  await ask("POST /api/v1/tokens", { body: { label: "ci", rights: ["read"] }, status: 400 });
  await ask("GET /api/v1/tokens");
  await ask("DELETE /api/v1/tokens", { at: "/api/v1/tokens?label=ci" });
  await ask("DELETE /api/v1/tokens", { at: "/api/v1/tokens?label=ci", status: 404 });
  // This peer has no config file: the failure is documented as well.
  await ask("GET /api/v1/config", { status: 400 });
  await ask("PATCH /api/v1/config", { body: { theme: "dark" }, status: 400 });
  close();
  assertEquals(Object.keys(ROUTES).filter((key) => !visited.has(key)), []);
});

interface Asked {
  /** The path and query that are asked, where they are not those of the key. */
  at?: string;
  body?: unknown;
  raw?: string;
  status?: number;
}

/** The status of a peer, again and again. */
async function* statusesOf(peer: Peer) {
  for (let tries = 0; tries < 2_000; tries++) {
    yield await peer.status();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
