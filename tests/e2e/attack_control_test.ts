/**
 * The control endpoint, asked by others than its owner: other users, other pages, rebound names.
 */
import { assert, assertEquals } from "@std/assert";
import { RawEnd } from "../support/sockets.ts";
import { contentsOf } from "./checks.ts";
import { World } from "./world.ts";

const BODY = '{"name":"data","output":"/tmp/shoal-must-not-appear"}';

Deno.test("a wrong token, host or origin does nothing, and learns nothing", async (t) => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.writeTextFile(`${source.dir}/data`, "data");
  await world.json(source.dir, ["share", "data"]);
  const victim = await world.peer("victim");
  const control = await Deno.readTextFile(`${victim.dir}/.shoal/control.json`);
  const { url, token } = JSON.parse(control) as { url: string; token: string };
  const { port, host } = new URL(url);
  const right = `Bearer ${token}`;

  /** Speaks HTTP by hand: fetch sets Host and Origin itself. */
  const ask = async (method: string, route: string, headers: Record<string, string>) => {
    using end = await RawEnd.connect({ host: "127.0.0.1", port: Number(port) });
    const lines = [
      `${method} ${route} HTTP/1.1`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...["Connection: close", "Content-Type: application/json", `Content-Length: ${BODY.length}`],
    ];
    await end.send(lines.join("\r\n") + "\r\n\r\n" + BODY);
    const answer = new TextDecoder().decode(await end.bytes(1 << 20));
    return { status: Number(answer.split(" ")[1]), answer };
  };
  const own = { Host: host, Authorization: right };
  const cases: [string, Record<string, string>, number][] = [
    ["no token", { Host: host }, 401],
    ["a wrong token", { Host: host, Authorization: `Bearer ${"0".repeat(64)}` }, 401],
    [
      "the token, but for its last digit",
      { Host: host, Authorization: right.slice(0, -1) + "x" },
      401,
    ],
    ["the beginning of the token", { Host: host, Authorization: right.slice(0, -1) }, 401],
    ["the token and more", { Host: host, Authorization: right + "0" }, 401],
    ["the token in capitals", { Host: host, Authorization: `Bearer ${token.toUpperCase()}x` }, 401],
    ["the token, of another scheme", { Host: host, Authorization: `Basic ${token}` }, 401],
    ["the token in the address", { Host: host }, 401],
    ["a rebound name", { ...own, Host: `rebound.example:${port}` }, 421],
    ["a name that begins like loopback", { ...own, Host: "127.0.0.1.rebound.example" }, 421],
    ["a name that ends like loopback", { ...own, Host: "evil-localhost" }, 421],
    ["an address of the machine", { ...own, Host: `192.0.2.1:${port}` }, 421],
    ["another page", { ...own, Origin: "https://evil.example" }, 403],
    ["a page without origin", { ...own, Origin: "null" }, 403],
    ["a page of another server here", { ...own, Origin: "http://127.0.0.1:3000" }, 403],
    ["a page of a rebound name", { ...own, Origin: `http://rebound.example:${port}` }, 403],
    ["a page in another scheme", { ...own, Origin: `https://${host}` }, 403],
  ];
  for (const [name, headers, status] of cases) {
    await t.step(name, async () => {
      const routes = [
        "GET /api/v1/status",
        "POST /api/v1/downloads",
        "DELETE /api/v1/shares?name=data",
      ];
      for (const route of routes) {
        const [method, path] = route.split(" ");
        const asked = name.includes("address")
          ? `${path}${path.includes("?") ? "&" : "?"}token=${token}`
          : path;
        const got = await ask(method, asked, headers);
        assertEquals(got.status, status, got.answer);
        assert(!got.answer.includes(victim.dir) && !got.answer.includes(token), got.answer);
      }
    });
  }
  await t.step("a browser is not allowed to ask on behalf of a page", async () => {
    const preflight = {
      ...{ Host: host, Origin: "https://evil.example" },
      ...{
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
      },
    };
    for (const origin of ["https://evil.example", `http://${host}`]) {
      const { status, answer } = await ask("OPTIONS", "/api/v1/downloads", {
        ...preflight,
        Origin: origin,
      });
      assert(status === 403 || status === 401, answer);
      assert(!/access-control-allow/i.test(answer), answer);
    }
  });
  await t.step("what is right is answered still, from this endpoint's own page too", async () => {
    assertEquals((await ask("GET", "/api/v1/status", own)).status, 200);
    assertEquals((await ask("GET", "/api/v1/status", { ...own, Origin: url })).status, 200);
    assertEquals((await world.run(victim.dir, ["get", "data"])).code, 0);
  });
  await t.step("a path that leads out of what is served names no file", async () => {
    const paths = ["../api/v1/status", "../../data", "%2e%2e/data", "..%2f..%2fdata"];
    for (const path of paths) {
      const { status, answer } = await ask("GET", `/files/${path}`, own);
      assertEquals(status, 400, answer);
      assert(answer.includes('{"error":{"kind":"usage"'), answer);
    }
  });
  await t.step("what is uploaded stays in DIR, and replaces nothing", async () => {
    const names: [string, string][] = [
      ["../escape", "usage"],
      ["/tmp/escape", "usage"],
      [".shoal/identity.pem", "usage"],
      ["DATA", "destination"],
      ["data", "destination"],
    ];
    for (const [name, kind] of names) {
      const route = `/api/v1/uploads?name=${encodeURIComponent(name)}`;
      const { answer } = await ask("PUT", route, own);
      assert(answer.includes(`{"error":{"kind":"${kind}"`), answer);
    }
    assertEquals(await Deno.readTextFile(`${victim.dir}/data`), "data");
  });
  assertEquals(contentsOf(victim.dir), ["data"]);
  assertEquals([...Deno.readDirSync(world.root)].length, 2);
  assertEquals(await Deno.lstat("/tmp/shoal-must-not-appear").catch(() => "missing"), "missing");
  assert(!victim.program.stderr.includes(token) && !victim.program.stdout.includes(token));
});
