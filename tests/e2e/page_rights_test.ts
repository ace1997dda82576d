/** The rights of a session of the page, and its end, on the real program. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { closedPort } from "../support/sockets.ts";
import { contentsOf } from "./checks.ts";
import { type Peer, World } from "./world.ts";

const PASSWORD = "correct horse battery";

/** A session of the page, and how to ask with it. */
async function sessionOf(world: World, peer: Peer) {
  const { link } = await world.json<{ link: string }>(peer.dir, ["ui", "--no-open"]);
  const [address, ticket] = link.split("#");
  const { session } = await signIn(address!, { ticket });
  return askWith(new URL("/", address).href, session);
}

async function signIn(address: string, body: unknown): Promise<{ session: string }> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(address, { method: "POST", headers, body: JSON.stringify(body) });
  assertEquals(response.status, 200);
  return await response.json();
}

function askWith(address: string, session: string) {
  return async (method: string, route: string, body?: unknown) => {
    const response = await fetch(address + route, {
      method,
      headers: { authorization: `Bearer ${session}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };
}

Deno.test("page: a session of the page ends at DIR and what is shared", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.writeTextFile(`${source.dir}/data`, "from the swarm");
  await world.json(source.dir, ["share", "data"]);
  const args = ["--ui", "0", "--config", `${world.root}/config.toml`];
  const peer = await world.peer("peer", { args });
  const elsewhere = await world.folder("elsewhere");
  await Deno.writeTextFile(`${elsewhere}/id_ed25519`, "a private key");
  await Deno.writeTextFile(`${elsewhere}/shared`, "shared from there");
  await Deno.writeTextFile(`${peer.dir}/own`, "in DIR");
  await Deno.symlink(elsewhere, `${peer.dir}/link`);
  await world.json(peer.dir, ["share", `${elsewhere}/shared`]);
  const ask = await sessionOf(world, peer);
  const share = (file: string) => ask("POST", "api/v1/shares", { file, cwd: elsewhere });
  for (
    const file of [
      `${elsewhere}/id_ed25519`,
      "../elsewhere/id_ed25519",
      "link/id_ed25519",
      elsewhere,
    ]
  ) {
    assertMatch((await share(file)).text, /outside of the shared folder/, file);
  }
  for (const output of [`${elsewhere}/new`, "link/new", elsewhere]) {
    const { text } = await ask("POST", "api/v1/downloads", { name: "data", output });
    assertMatch(text, /outside of the shared folder/, output);
  }
  const reuse = [`${elsewhere}/id_ed25519`];
  const planned = await ask("POST", "api/v1/downloads/plan", { name: "data", reuse });
  assertEquals(planned.status, 400);
  const moved = await ask("PATCH", "api/v1/config", { dir: elsewhere });
  assertEquals([moved.status, JSON.parse(moved.text).error.field], [400, "dir"]);
  for (const key of ["ui_paths", "ui_origin", "ui_proxy", "ui_password_file"]) {
    assertEquals((await ask("PATCH", "api/v1/config", { [key]: "any" })).status, 400, key);
  }
  assertEquals([...await contentsOf(elsewhere)].sort(), ["id_ed25519", "shared"]);
  assertMatch((await share("own")).text, /"result"/);
  assertMatch((await share(`${elsewhere}/shared`)).text, /"result"/);
  assertMatch((await ask("POST", "api/v1/downloads", { name: "data" })).text, /"result"/);
  const { shares } = JSON.parse((await ask("GET", "api/v1/status")).text);
  const names = shares.map(({ name }: { name: string }) => name).sort();
  assertEquals(names, ["data", "own", "shared"]);
  await peer.program.stop();

  const wide = await world.peer("wide", { args: ["--ui", "0", "--ui-paths", "any"] });
  const widely = await sessionOf(world, wide);
  const output = `${elsewhere}/fetched`;
  const body = { name: "data", output };
  assertMatch((await widely("POST", "api/v1/downloads", body)).text, /"result"/);
  assertEquals(await Deno.readTextFile(output), "from the swarm");
});

Deno.test("page: a session outlives the peer's process, and ends with another password", async () => {
  await using world = await World.create();
  const port = `${closedPort()}`;
  const file = `${world.root}/password`;
  await Deno.writeTextFile(file, `${PASSWORD}\n`);
  const args = ["--ui", port, "--ui-password-file", file];
  const first = await world.peer("alice", { args });
  const address = `http://127.0.0.1:${port}/`;
  const { session } = await signIn(`${address}sign-in`, { password: PASSWORD });
  const ask = askWith(address, session);
  assertEquals((await ask("GET", "api/v1/settings")).status, 200);
  await first.program.stop("SIGKILL");
  const second = await world.peer("alice", { args });
  assertEquals((await ask("GET", "api/v1/settings")).status, 200);
  const state = new TextDecoder("latin1").decode(
    await Deno.readFile(`${first.dir}/.shoal/state.db`),
  );
  assert(!state.includes(session), "its secret is stored nowhere");
  await second.program.stop();
  await Deno.writeTextFile(file, `${PASSWORD} and more\n`);
  const third = await world.peer("alice", { args });
  assertEquals((await ask("GET", "api/v1/settings")).status, 401);
  await third.program.stop();
});

Deno.test("page: a name that it is not served as is refused with the option that allows it", async () => {
  await using world = await World.create();
  const port = closedPort();
  const request = async (host: string) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    const text = `GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`;
    await conn.write(new TextEncoder().encode(text));
    return await new Response(conn.readable).text();
  };
  const peer = await world.peer("alice", { args: ["--ui", `${port}`] });
  const refused = await request(`nas.local:${port}`);
  assertMatch(refused, /^HTTP\/1\.1 421 /);
  const [, option = ""] = /(--ui-origin http:\/\/nas\.local:\d+),/.exec(refused) ?? [];
  await peer.program.stop();
  await world.peer("alice", { args: ["--ui", `${port}`, ...option.split(" ")] });
  assertMatch(await request(`nas.local:${port}`), /^HTTP\/1\.1 200 .*ok/s);
  assertMatch(await request("evil.example"), /^HTTP\/1\.1 421 /);
  const dir = await world.folder("bob");
  const wrong = await world.run(dir, ["0", "--ui", "--ui-origin", "files.example"]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /"files\.example" is not an origin/);
});
