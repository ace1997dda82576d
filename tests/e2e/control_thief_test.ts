/**
 * Attacks by a program that got the control port of a killed peer, and the behaviour of verbs when
 * the running peer says nothing.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertRefused } from "./checks.ts";
import { type Peer, World } from "./world.ts";

interface Control {
  url: string;
  token: string;
  pid: number;
}

async function controlOf({ dir }: Peer): Promise<Control> {
  return JSON.parse(await Deno.readTextFile(`${dir}/.shoal/control.json`));
}

/** A source that shares `data`, and a peer that knows it and then is killed. */
async function killedPeer(world: World) {
  const source = await world.peer("source");
  const data = "what was shared\n".repeat(10_000);
  await Deno.writeTextFile(`${source.dir}/data`, data);
  await world.json(source.dir, ["share", "data"]);
  const peer = await world.peer("peer");
  const control = await controlOf(peer);
  const nonce = "ab".repeat(32);
  const hello = await (await fetch(`${control.url}/api/v1/hello?nonce=${nonce}`)).json();
  await peer.program.stop("SIGKILL");
  return { peer, control, hello, data, port: Number(new URL(control.url).port) };
}

Deno.test("control: who gets the port of a killed peer is asked for nothing, and believed nothing", async () => {
  await using world = await World.create();
  const { peer, control, hello, data, port } = await killedPeer(world);
  const seen: string[] = [];
  // It says whatever makes it look like a peer: what the real one said once, too.
  const answers: unknown[] = [hello, {}, { ...hello, proof: "0".repeat(64) }, "x".repeat(5_000)];
  await using _thief = Deno.serve(
    { hostname: "127.0.0.1", port, onListen() {} },
    async (request) => {
      const headers = [...request.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      const { pathname } = new URL(request.url);
      seen.push(`${request.method} ${pathname}\n${headers}\n${await request.text()}`);
      if (pathname === "/api/v1/hello") return Response.json(answers[seen.length % answers.length]);
      const line = JSON.stringify({ result: { name: "data", path: "/stolen", up_to_date: false } });
      return new Response(`{"content":"/api/v1/streams/x"}\n${line}\n`);
    },
  );
  for (let i = 0; i < answers.length; i++) {
    const streamed = await world.run(peer.dir, ["get", "data", "-o", "-"]);
    assertEquals([streamed.code, streamed.stdout], [0, data], streamed.stderr);
  }
  const done = `${world.root}/done`;
  const hooked = await world.run(peer.dir, ["get", "data", "--on-done", `tee ${done}`]);
  assertEquals(hooked.code, 0, hooked.stderr);
  assert(!(await Deno.readTextFile(done)).includes("stolen"));
  assertRefused(await world.run(peer.dir, ["ui"]), { code: 4, text: "no peer runs" });
  assertEquals((await world.run(peer.dir, ["doctor"])).stdout.includes("stolen"), false);
  assert(seen.length >= answers.length + 3, `${seen.length}`);
  for (const request of seen) {
    assertMatch(request, /^GET \/api\/v1\/hello\n/);
    assert(!request.includes(control.token) && !/authorization/i.test(request), request);
  }
});

Deno.test("control: a port that says nothing holds nobody up where no peer runs", async () => {
  await using world = await World.create();
  const { peer, data, port } = await killedPeer(world);
  using silent = Deno.listen({ hostname: "127.0.0.1", port });
  const conns: Deno.Conn[] = [];
  const taking = (async () => {
    for await (const conn of silent) conns.push(conn);
  })();
  const streamed = await world.run(peer.dir, ["get", "data", "-o", "-"]);
  assertEquals([streamed.code, streamed.stdout], [0, data], streamed.stderr);
  silent.close();
  await taking;
  for (const conn of conns) conn.close();
});

Deno.test("control: a proof is good once, and for one request", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const { url, token } = await controlOf(peer);
  const { newNonce, proofOf } = await import("../../src/web/control_proof.ts");
  const nonce = newNonce();
  const hello = await (await fetch(`${url}/api/v1/hello?nonce=${nonce}`)).json();
  assertEquals(hello.proof, proofOf(token, "hello", nonce, hello.nonce));
  const proof = proofOf(token, "request", nonce, hello.nonce, "GET", "/api/v1/peers");
  const ask = async (route: string, authorization: string) => {
    const response = await fetch(url + route, { headers: { authorization } });
    await response.body?.cancel();
    return { status: response.status, proof: response.headers.get("x-shoal-proof") };
  };
  const right = `Shoal ${nonce} ${hello.nonce} ${proof}`;
  const own = hello.nonce.replace(/.$/, (last: string) => last === "0" ? "1" : "0");
  for (const wrong of [right.replace(/.$/, "x"), `Shoal ${nonce} ${own} ${proof}`, "Shoal"]) {
    assertEquals((await ask("/api/v1/peers", wrong)).status, 401, wrong);
  }
  assertEquals((await ask("/api/v1/status", right)).status, 401, "another route");
  const answer = proofOf(token, "answer", nonce, hello.nonce);
  assertEquals(await ask("/api/v1/peers", right), { status: 200, proof: answer });
  assertEquals(await ask("/api/v1/peers", right), { status: 401, proof: null }, "used up");
});

Deno.test("control: a running peer that hangs holds no verb up, and the doctor names it", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const { pid } = await controlOf(peer);
  Deno.kill(pid, "SIGSTOP");
  try {
    const named = new RegExp(`running peer \\(pid ${pid}\\): it does not answer`);
    for (const words of [["status"], ["get", "x"], ["ui"], ["share", "x"]]) {
      const began = performance.now();
      const { code, stderr } = await world.run(peer.dir, words);
      assertEquals(code, 4, stderr);
      assertMatch(stderr, named);
      assert(performance.now() - began < 15_000);
    }
    assertEquals((await world.run(peer.dir, ["list-peers"])).code, 0, "the swarm answers");
    const began = performance.now();
    const late = await world.run(peer.dir, ["get", "x", "--deadline", "1s"]);
    assertEquals(late.code, 9, late.stderr);
    assert(performance.now() - began < 4_000);
    const { stdout } = await world.run(peer.dir, ["doctor", "--json"]);
    assertMatch(stdout, named);
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
  assertEquals((await world.run(peer.dir, ["status"])).code, 0);
});
