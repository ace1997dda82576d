/** The control endpoint of a running peer, by which verbs ask it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { RawEnd } from "../support/sockets.ts";
import { assertRefused, contentsOf } from "./checks.ts";
import { type Peer, World, writeRandom } from "./world.ts";

interface Control {
  url: string;
  token: string;
  pid: number;
}

async function controlOf({ dir }: Peer): Promise<Control> {
  return JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
}

Deno.test("the control file is for its owner alone", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const { mode } = await Deno.stat(`${peer.dir}/.shoal/control.json`);
  assertEquals((mode ?? 0) & 0o777, 0o600);
  assertEquals(((await Deno.stat(`${peer.dir}/.shoal`)).mode ?? 0) & 0o777, 0o700);
  const control = await controlOf(peer);
  assertMatch(control.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assertMatch(control.token, /^[0-9a-f]{64}$/);
  assertEquals(control.pid, peer.program.pid);
  const others = await world.peer("other");
  assert((await controlOf(others)).token !== control.token);
});

Deno.test("who lacks the token or comes under another host is refused", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const { url, token } = await controlOf(peer);
  const { port } = new URL(url);
  /** Speaks HTTP by hand: fetch sets Host itself. */
  const ask = async (host: string, authorization?: string, method = "GET"): Promise<number> => {
    using end = await RawEnd.connect({ host: "127.0.0.1", port: Number(port) });
    const lines = [
      `${method} /api/v1/status HTTP/1.1`,
      `Host: ${host}`,
      ...authorization ? [`Authorization: ${authorization}`] : [],
      "Connection: close",
    ];
    await end.send(lines.join("\r\n") + "\r\n\r\n");
    const answer = new TextDecoder().decode(await end.bytes(1 << 20));
    assert(
      !answer.slice(answer.indexOf("\r\n\r\n")).includes(`"shares"`) || answer.includes(" 200 "),
    );
    return Number(answer.split(" ")[1]);
  };
  const right = `Bearer ${token}`;
  assertEquals(await ask(`127.0.0.1:${port}`, right), 200);
  assertEquals(await ask(`localhost:${port}`, right), 200);
  assertEquals(await ask(`127.0.0.1:${port}`), 401);
  assertEquals(await ask(`127.0.0.1:${port}`, `Bearer ${"0".repeat(64)}`), 401);
  assertEquals(await ask(`127.0.0.1:${port}`, `Bearer ${token.slice(1)}`), 401);
  assertEquals(await ask(`127.0.0.1:${port}`, `Basic ${token}`), 401);
  assertEquals(await ask(`rebound.example:${port}`, right), 421);
  assertEquals(await ask("127.0.0.1.rebound.example", right), 421);
  assertEquals(await ask(`rebound.example:${port}`), 421);

  const post = (body: BodyInit, route = "/api/v1/downloads") =>
    fetch(url + route, { method: "POST", headers: { authorization: right }, body });
  for (
    const body of ["", "no json", "{}", '{"name":7}', JSON.stringify({ name: "x".repeat(70_000) })]
  ) {
    const response = await post(body);
    assertEquals(response.status, 400);
    // Or the next request would be made on a connection that ends.
    if (body !== "") assertEquals(response.headers.get("connection"), "close");
    assertEquals((await response.json()).error.kind, "usage");
  }
  const missing = await post("{}", "/api/nothing");
  assertEquals(missing.status, 404);
  await missing.body?.cancel();
  assertEquals(peer.program.stderr.includes("rror"), false, peer.program.stderr);
});

Deno.test("a verb asks the running peer, and what it does appears there", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 500_000);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  const away = ["--bootstrap", "127.0.0.1:1"];
  // The running peer's bootstrap counts, not the verb's.
  const receipt = await world.json<Receipt>(peer.dir, ["get", "data", ...away]);
  assertEquals(receipt.path, `${peer.dir}/data`);
  const status = await world.json<PeerStatus>(peer.dir, ["status"]);
  assertEquals(status.listening, peer.address);
  assertEquals(status.bootstraps[0].state, "registered");
  const [down] = status.transfers;
  assertEquals(
    [down.name, down.direction, down.state, down.percent, down.bytes],
    ["data", "down", "done", 100, 500_000],
  );
  assertEquals(status.totals, { served: 0, fetched: 500_000 });
  const served = await world.json<PeerStatus>(source.dir, ["status"]);
  assertEquals([served.totals.served, served.shares[0].served], [500_000, 500_000]);
  const [up] = served.transfers;
  assertEquals([up.name, up.direction, up.bytes, up.percent], ["data", "up", 500_000, 100]);

  // Faults come through with their kinds.
  assertRefused(await world.run(peer.dir, ["get", "nothing"]), { code: 3 });
  assertRefused(await world.run(peer.dir, ["share", "nothing"]), { code: 2, text: "no such file" });
  assertRefused(await world.run(peer.dir, ["unshare", "nothing"]), { code: 3 });
  await Deno.writeTextFile(`${world.root}/other`, "other");
  const differs = await world.run(peer.dir, ["get", "data", "-o", `${world.root}/other`]);
  assertRefused(differs, { code: 6 });
  // Relative paths are those of the asker, not of the peer.
  const cwd = await world.folder("cwd");
  await writeRandom(`${cwd}/here`, 10);
  await world.json(peer.dir, ["share", "./here"], { cwd });
  const copy = await world.json<Receipt>(peer.dir, ["get", "data", "-o", "copy"], { cwd });
  assertEquals(copy.path, `${cwd}/copy`);
});

Deno.test("what a killed peer left behind is in nobody's way", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/data`, 500_000);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  await peer.program.stop("SIGKILL");
  assert((await Deno.stat(`${peer.dir}/.shoal/control.json`)).isFile);
  const receipt = await world.json<Receipt>(peer.dir, ["get", "data"]);
  assertEquals(receipt.bytes, 500_000);
  const status = await world.json<PeerStatus>(peer.dir, ["status"]);
  assertEquals([status.listening, status.shares.length], [undefined, 1]);
  assertEquals((await world.peer("peer")).dir, peer.dir);
  assertEquals(contentsOf(peer.dir), ["data"]);

  // Somebody else may have got the port since: what answers there is not asked for anything.
  await world.peer("third").then(async (third) => {
    const control = { ...await controlOf(source), token: "0".repeat(64) };
    await third.program.stop("SIGKILL");
    await Deno.writeTextFile(`${third.dir}/.shoal/control.json`, JSON.stringify(control));
    assertEquals((await world.json<PeerStatus>(third.dir, ["status"])).dir, third.dir);
    await Deno.writeTextFile(`${third.dir}/.shoal/control.json`, "nonsense");
    assertEquals((await world.json<PeerStatus>(third.dir, ["status"])).dir, third.dir);
  });
});

Deno.test("a folder belongs to one peer at a time", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const second = await world.run(peer.dir, ["0", "--host", "127.0.0.1"]);
  assertRefused(second, { code: 10, text: "a peer runs for it already" });
  assertMatch(second.stderr, /^next: ask that one: shoal peer --dir \S+ .*status$/m);
  await Deno.symlink(peer.dir, `${world.root}/link`);
  assertRefused(await world.run(`${world.root}/link`, ["0"]), { code: 10 });
  const status = await world.json<PeerStatus>(`${world.root}/link`, ["status"]);
  assertEquals(status.listening, peer.address);
  assertEquals(await peer.program.stop(), 143);
  await world.peer("peer");
});
