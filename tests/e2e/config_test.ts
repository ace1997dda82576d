/** The config file as real processes use it: verbs, a running peer, and changes while it runs. */
import { assert, assertEquals } from "@std/assert";
import type { ConfigView } from "../../src/peer/api/config.ts";
import type { BootstrapStatus, LiveSettings, PeerStatus } from "../../src/peer/api/peer_api.ts";
import { assertRefused } from "./checks.ts";
import { Program, shoal, shoalJson } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { World } from "./world.ts";
import { noPosix, skippedIf } from "../support/tools.ts";

/** A world with a config file, which leads peers and verbs to its bootstrap and folder. */
async function configuredWorld() {
  const world = await World.create();
  const dir = await world.folder("dir");
  const path = `${world.root}/config/shoal/config.toml`;
  await world.folder("config/shoal");
  const env = { XDG_CONFIG_HOME: `${world.root}/config` };
  const write = (text: string) =>
    Deno.writeTextFile(path, `bootstrap = "${world.bootstrap}"\ndir = "${dir}"\n${text}`);
  await write("");
  const serve = async (...args: string[]) => {
    const words = ["peer", "--host", "127.0.0.1", "--port", "0", ...args];
    const peer = world.adopt(new Program(words, { env }));
    await peer.sees(/registered with/);
    return peer;
  };
  const ask = async (method: string, changes?: unknown) => {
    const { url, token } = JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
    const headers = { authorization: `Bearer ${token}` };
    const body = changes === undefined ? undefined : JSON.stringify(changes);
    return await fetch(`${url}/api/v1/config`, { method, headers, body });
  };
  const patch = async (changes: unknown) =>
    await (await ask("PATCH", changes)).json() as ConfigView;
  return {
    ...{ world, dir, path, env, write, serve, ask, patch },
    status: () => shoalJson<PeerStatus>(["peer", "status"], { env }),
    limits: () => shoalJson<LiveSettings>(["peer", "limit"], { env }),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

/** Waits until a bootstrap's state at the running peer is as it should be. */
async function untilRegistered(
  status: () => Promise<PeerStatus>,
  holds: (bootstraps: BootstrapStatus[]) => boolean,
): Promise<void> {
  for (const late = performance.now() + 60_000; !holds((await status()).bootstraps);) {
    assert(performance.now() < late, JSON.stringify((await status()).bootstraps));
  }
}

Deno.test("verbs and peers read the config file", async () => {
  await using one = await configuredWorld();
  await Deno.writeTextFile(`${one.dir}/file`, "content");
  const peer = await one.serve();
  await shoalJson(["peer", "share", "file"], { env: one.env });
  const files = await shoalJson<{ name: string }[]>(["peer", "list-files"], { env: one.env });
  assertEquals(files.map(({ name }) => name), ["file"]);
  await peer.stop();

  const show = await shoal(["peer", "config", "show", "--port", "7"], { env: one.env });
  assertEquals(show.code, 0);
  assert(/^bootstrap +file +\S+$/m.test(show.stdout), show.stdout);
  assert(/^port +flag +7$/m.test(show.stdout), show.stdout);
  const path = await shoal(["peer", "config", "path"], { env: one.env });
  assertEquals(path.stdout, `${one.path}\n`);
  const given = await shoalJson<{ path: string; exists: boolean }>(
    ["peer", "config", "show", "--config", "/nonexistent"],
    { env: one.env },
  );
  assertEquals([given.path, given.exists], ["/nonexistent", false]);

  await one.write("limit_up = 'fast'\n");
  for (const words of [["list-files"], ["status"], ["config", "show"], []]) {
    const refused = await shoal(["peer", ...words], { env: one.env });
    assertRefused(refused, { code: 2, text: `${one.path}:3: limit_up: "fast" is not a rate` });
  }
  assertEquals((await shoal(["peer", "config", "path"], { env: one.env })).code, 0);
  await one.write("[bootstrap_server]\nport = 'x'\n");
  assertRefused(await shoal(["bootstrap"], { env: one.env }), { code: 2, text: ":4: port" });
  await Deno.writeTextFile(one.path, "[bootstrap_server]\nport = 0\nhost = '127.0.0.1'\n");
  await using server = new Program(["bootstrap"], { env: one.env });
  await server.sees(/Bootstrap listening on 127\.0\.0\.1:(?!8000\b)\d+\n/);
});

Deno.test({
  ...skippedIf(noPosix, "SIGHUP: the file is read again, and a broken one changes nothing"),
  async fn() {
    await using one = await configuredWorld();
    const peer = await one.serve();
    assertEquals((await one.limits()).limit_up, null);
    await one.write("limit_up = '3M'\nupload_slots = 5\n");
    peer.signal("SIGHUP");
    await peer.sees(/config\.toml was read again/);
    assertEquals(await one.limits(), { limit_up: 3 << 20, limit_down: null, upload_slots: 5 });
    await one.write("limit_up = '9M'\nport = 'x'\n");
    peer.signal("SIGHUP");
    await peer.sees(/config\.toml:4: port: it must be a number/);
    // A verb reads the file, too: this one is not to.
    const words = ["peer", "limit", "--dir", one.dir, "--config", "/nonexistent"];
    assertEquals((await shoalJson<LiveSettings>(words)).limit_up, 3 << 20);
    assertEquals(await peer.stop(), 143);
  },
});

Deno.test("a change over the control API holds at once, and after a restart", async () => {
  await using one = await configuredWorld();
  let peer = await one.serve();
  const view = await one.patch({ limit_up: "2M", upload_slots: 3, theme: "dark" });
  assertEquals([view.values.limit_up, view.origins.limit_up, view.restart], [2 << 20, "file", []]);
  assertEquals(await one.limits(), { limit_up: 2 << 20, limit_down: null, upload_slots: 3 });
  // A flag still wins, and it is said so; what only a restart can change is named.
  const pinned = await one.patch({ port: 4_321 });
  assertEquals([pinned.origins.port, pinned.values.port], ["flag", 0]);
  assertEquals([pinned.overruled, pinned.restart], [["port"], []]);
  const other = await one.world.folder("other");
  const moved = await one.patch({ dir: other });
  assertEquals([moved.values.dir, moved.restart], [other, ["dir"]]);
  assertEquals((await one.patch({ dir: one.dir })).restart, []);

  for (const [field, value] of [["limit_up", "fast"], ["port", 1e9], ["nothing", 1]] as const) {
    const response = await one.ask("PATCH", { theme: "light", [field]: value });
    const { error } = await response.json();
    assertEquals([response.status, error.kind, error.field], [400, "usage", field]);
  }
  const text = await Deno.readTextFile(one.path);
  await peer.stop();
  peer = await one.serve();
  assertEquals(await one.limits(), { limit_up: 2 << 20, limit_down: null, upload_slots: 3 });
  const { values } = await (await one.ask("GET")).json() as ConfigView;
  assertEquals([values.theme, values.swarm_key], ["dark", false]);
  assertEquals(await Deno.readTextFile(one.path), text);
});

Deno.test("bootstraps come, go and list another address while a peer runs", async () => {
  await using one = await configuredWorld();
  await using second = await World.create();
  await Deno.writeTextFile(`${one.dir}/file`, "content");
  await one.serve();
  await shoalJson(["peer", "share", "file"], { env: one.env });
  const first = one.world.bootstrap;
  const peersOf = (bootstrap: string) =>
    shoalJson<{ address: string }[]>([
      "peer",
      "list-peers",
      "--bootstrap",
      bootstrap,
      "--dir",
      "/",
    ]);

  await one.patch({ bootstrap: [first, second.bootstrap] });
  await untilRegistered(
    one.status,
    (all) => all.length === 2 && all.every(({ state }) => state === "registered"),
  );
  const offered = ["peer", "list-files", "--bootstrap", second.bootstrap, "--dir", "/"];
  for (let files: unknown[] = []; files.length === 0;) files = await shoalJson(offered);

  // An address counts once the peer was reached there.
  const [{ listed: address }] = (await one.status()).bootstraps;
  await using proxy = new Proxy({}, address);
  await one.patch({ advertise: proxy.address });
  await proxy.listed(one.world, one.dir);
  await untilRegistered(
    one.status,
    (all) => all.every(({ listed }) => listed === proxy.address),
  );
  await one.patch({ bootstrap: [second.bootstrap], advertise: null });
  await untilRegistered(
    one.status,
    ([only, ...rest]) =>
      rest.length === 0 && only.address === second.bootstrap && only.state === "registered" &&
      only.listed !== proxy.address,
  );
  assertEquals(await peersOf(first), [], "it said goodbye");
  assertEquals((await peersOf(second.bootstrap)).length, 1);
});
