/** Metrics and health of the real program, as Prometheus asks for them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "./program.ts";
import { World, writeRandom } from "./world.ts";

/** The values of a metrics text, by name and labels. */
function valuesOf(text: string): Map<string, number> {
  const lines = text.split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => {
    const at = line.lastIndexOf(" ");
    return [line.slice(0, at), Number(line.slice(at + 1))];
  }));
}

const ask = async (url: string, init?: RequestInit) => {
  const response = await fetch(url, init);
  return { status: response.status, text: await response.text() };
};

async function urlOf(program: Program): Promise<string> {
  const [, url] = await program.sees(/Metrics: (http:\/\/127\.0\.0\.1:\d+)\/metrics/);
  return url!;
}

Deno.test("a bootstrap and a peer tell Prometheus how they are", async () => {
  await using world = await World.create({ args: ["--metrics", "0"] });
  const peer = await world.peer("sharer", { args: ["--metrics", "0"] });
  await writeRandom(`${peer.dir}/data`, 100_000);
  await world.json(peer.dir, ["share", "data"]);
  const other = await world.folder("fetcher");
  const file = `${world.root}/get.prom`;
  await world.json(other, ["get", "data", "--metrics-file", file]);

  const bootstrap = await urlOf(world.bootstrapProgram);
  assertEquals((await ask(`${bootstrap}/healthz`)).text, "ok\n");
  assertEquals((await ask(`${bootstrap}/readyz`)).text, "ready\n");
  assertEquals((await ask(`${bootstrap}/else`)).status, 404);
  assertEquals((await ask(`${bootstrap}/metrics`, { method: "POST" })).status, 405);
  const there = valuesOf((await ask(`${bootstrap}/metrics`)).text);
  assertEquals(there.get("shoal_bootstrap_peers"), 1);
  assertEquals(there.get("shoal_bootstrap_names"), 1);
  assert(there.get('shoal_bootstrap_requests_total{action="find",result="ok"}')! >= 1);
  assert(there.get('shoal_bootstrap_request_duration_seconds_count{action="hello"}')! >= 2);
  assert(there.get("process_resident_memory_bytes")! > 1e6);
  assert(there.get("process_cpu_seconds_total")! > 0);

  const serving = await urlOf(peer.program);
  assertEquals((await ask(`${serving}/readyz`)).text, "ready\n");
  const here = valuesOf((await ask(`${serving}/metrics`)).text);
  assertEquals(here.get("shoal_peer_shares"), 1);
  assertEquals(here.get("shoal_peer_registered_bootstraps"), 1);
  assertEquals(here.get('shoal_peer_transferred_bytes_total{direction="up"}'), 100_000);
  assertEquals(here.get('shoal_peer_downloads_total{state="failed"}'), 0);

  const got = valuesOf(await Deno.readTextFile(file));
  assertEquals(got.get('shoal_get_success{name="data"}'), 1);
  assertEquals(got.get('shoal_get_size_bytes{name="data"}'), 100_000);
  assertEquals(got.get('shoal_get_fetched_bytes{name="data"}'), 100_000);
  const failed = await world.run(other, ["get", "typo", "--metrics-file", file]);
  assertEquals(failed.code, 3);
  const after = valuesOf(await Deno.readTextFile(file));
  assertEquals(after.get('shoal_get_success{name="typo"}'), 0);
});

Deno.test("a peer that fetches tells how long that took, by which path, and from whom", async () => {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  await writeRandom(`${sharer.dir}/data`, 3 << 20);
  await world.json(sharer.dir, ["share", "data"]);
  const fetcher = await world.peer("fetcher", { args: ["--metrics", "0"] });
  await world.json(fetcher.dir, ["get", "data"]);
  const here = valuesOf((await ask(`${await urlOf(fetcher.program)}/metrics`)).text);
  assertEquals(here.get('shoal_peer_download_duration_seconds_count{size="64MiB"}'), 1);
  assertEquals(here.get('shoal_peer_downloaded_chunks_total{kind="fetched"}'), 48);
  assertEquals(here.get('shoal_peer_downloaded_chunks_total{kind="bad"}'), 0);
  const bytes = [...here].filter(([name]) => name.startsWith("shoal_peer_downloaded_bytes_total"));
  assertEquals(bytes.reduce((sum, [, value]) => sum + value, 0), 3 << 20);
  assert(bytes.every(([name, value]) => value === 0 || name.includes('from="publisher"')));
});

Deno.test("a peer without a bootstrap is alive and not ready", async () => {
  await using world = await World.create();
  const dir = await world.folder("alone");
  const words = ["peer", "0", "--host", "127.0.0.1", "--dir", dir, "--metrics", "0"];
  const alone = world.adopt(new Program([...words, "--bootstrap", "127.0.0.1:1"]));
  const url = await urlOf(alone);
  assertEquals((await ask(`${url}/healthz`)).status, 200);
  const { status, text } = await ask(`${url}/readyz`);
  assertEquals(status, 503);
  assertMatch(text, /^not ready: 127\.0\.0\.1:1 is (connecting|away)\n$/);
});

Deno.test("a metrics port that is in use is said, with a way out", async () => {
  await using world = await World.create({ args: ["--metrics", "0"] });
  const { port } = new URL(await urlOf(world.bootstrapProgram));
  const where = ["--host", "127.0.0.1", "--port", "0", "--metrics", port];
  const second = world.adopt(new Program(["bootstrap", ...where]));
  assertEquals(await second.ended(), 4);
  assertMatch(second.stderr, /Cannot serve metrics on 127\.0\.0\.1:\d+: the port is in use/);
  assertMatch(second.stderr, /next: choose another --metrics/);
});
