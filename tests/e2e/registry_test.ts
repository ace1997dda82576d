/** Several bootstraps with one registry on Redis, as processes. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BootstrapStatus } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { BootstrapClient } from "../../src/peer/discovery/bootstrap_client.ts";
import { Swarm } from "../../src/peer/discovery/swarm.ts";
import { RedisServer } from "../support/redis_server.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { eventually } from "./checks.ts";
import { Program, shoal } from "./program.ts";
import { World } from "./world.ts";

const skipped = lacking("redis-server", "redis-cli");

/** A world whose bootstrap shares its registry with a second one. */
async function sharedWorld(redis: RedisServer) {
  const registry = ["--registry", `unix:${redis.socket}`];
  const world = await World.create({ args: registry });
  const where = ["--host", "127.0.0.1", "--port", "0"];
  const second = world.adopt(new Program(["bootstrap", ...where, ...registry]));
  const [, address = ""] = await second.sees(/Bootstrap listening on ([^\s,]+).*\n/);
  return { world, second, both: `${world.bootstrap},${address}`, other: address };
}

async function statesOf(world: World, dir: string, bootstrap: string): Promise<string[]> {
  const { bootstraps } = await world.json<{ bootstraps: BootstrapStatus[] }>(dir, ["status"], {
    bootstrap,
  });
  return bootstraps.map(({ state }) => state).sort();
}

testUnless(
  skipped,
  "registry: a peer is with one bootstrap, and with the next when that is killed",
  async () => {
    await using redis = await RedisServer.start();
    const { world, second, both, other } = await sharedWorld(redis);
    await using _ = world;
    const dir = await world.folder("here");
    await Deno.writeTextFile(`${dir}/x.txt`, "hello");
    const { address } = await world.peer("here", { bootstrap: both });
    await world.json(dir, ["share", "x.txt"], { bootstrap: both });
    const states = async () => (await statesOf(world, dir, both)).join();
    await eventually("one stands by", async () => await states() === "registered,standby");

    // Who knows the other bootstrap alone finds it, too.
    for (const bootstrap of [world.bootstrap, other]) {
      const there = await world.folder(`there-${bootstrap.split(":")[1]}`);
      const { code, stderr } = await world.run(there, ["get", "x.txt", "--quiet"], { bootstrap });
      assertEquals([code, stderr], [0, ""]);
      assertEquals(await Deno.readTextFile(`${there}/x.txt`), "hello");
    }

    const { bootstraps } = await world.json<{ bootstraps: BootstrapStatus[] }>(dir, ["status"], {
      bootstrap: both,
    });
    const home = bootstraps.find(({ state }) => state === "registered")!.address;
    const [lost, left] = home === other
      ? [second, world.bootstrap]
      : [world.bootstrapProgram, other];
    const begun = performance.now();
    lost.signal("SIGKILL");
    await eventually("it fails over", async () => await states() === "away,registered");
    assert(performance.now() - begun < 5_000);
    const peers = await world.json<{ address: string; port: number }[]>(await world.folder("ask"), [
      "list-peers",
    ], { bootstrap: left });
    assertEquals(peers.map(({ address, port }) => `${address}:${port}`), [address]);
  },
);

testUnless(
  skipped,
  "registry: finds go on while Redis or a bootstrap is killed, paused or emptied",
  async () => {
    await using redis = await RedisServer.start();
    const { world, second, both } = await sharedWorld(redis);
    await using _ = world;
    for (const name of ["a", "b"]) {
      const dir = await world.folder(name);
      await Deno.writeTextFile(`${dir}/${name}.txt`, name);
      await world.peer(name, { bootstrap: both });
      await world.json(dir, ["share", `${name}.txt`], { bootstrap: both });
    }
    using clients = new DisposableStack();
    const swarm = new Swarm(
      both.split(",").map((one) => clients.use(new BootstrapClient(parseAddress(one, 1)))),
    );
    const ask = async (count: number) => {
      let longest = 0;
      for (let n = 0; n < count; n++) {
        const begun = performance.now();
        const offers = await swarm.find({ name: `${"ab"[n % 2]}.txt` });
        longest = Math.max(longest, performance.now() - begun);
        assertEquals(offers.length, 1, "nobody has it, says a bootstrap that can't know");
      }
      return longest;
    };
    await ask(2);
    const took: Record<string, number> = {};
    redis.signal("SIGSTOP");
    took.paused = await ask(50);
    redis.signal("SIGCONT");
    took.resumed = await ask(50);
    await redis.cli("FLUSHALL");
    took.emptied = await ask(100);
    await redis.kill();
    took.away = await ask(50);
    await redis.run();
    took.back = await ask(100);
    await eventually(
      "Redis is filled",
      async () => await redis.cli("ZCARD", "{sh1:main}names") === "2\n",
    );
    second.signal("SIGKILL");
    took.killed = await ask(50);
    for (const [what, ms] of Object.entries(took)) assert(ms < 2_500, `${what}: ${ms} ms`);
  },
);

testUnless(
  skipped,
  "registry: logs, health, metrics and doctor say that Redis is away",
  async () => {
    await using redis = await RedisServer.start();
    const words = ["--registry", `unix:${redis.socket}`, "--metrics", "0"];
    await using world = await World.create({ args: words });
    const bootstrap = world.bootstrapProgram;
    const [, url = ""] = await bootstrap.sees(/Metrics: (http\S+)\/metrics/);
    const get = async (path: string) => await (await fetch(url + path)).text();
    assertEquals(await get("/readyz"), "ready\n");
    assertMatch(await get("/metrics"), /^shoal_bootstrap_registry_up 1$/m);
    const dir = await world.folder("d");
    const doctor = async () => (await world.run(dir, ["doctor"])).stdout;
    assertMatch(await doctor(), /the registry \S+ that \S+ shares with others is there/);
    await redis.kill();
    await bootstrap.sees(/the registry unix:\S+ is away/);
    assertMatch(await get("/readyz"), /^not ready: the registry: /);
    assertMatch(await get("/healthz"), /^ok/);
    const down = /^shoal_bootstrap_registry_up 0$/m;
    await eventually("metrics say so", async () => down.test(await get("/metrics")));
    assertMatch(await doctor(), /is away: it knows its own peers alone/);
    await redis.run();
    await bootstrap.sees(/the registry unix:\S+ is there[^]*the registry unix:\S+ is there/);
    await eventually("it is ready", async () => await get("/readyz") === "ready\n");
  },
);

testUnless(
  skipped,
  "registry: what can't be used is an error that says why, and shows no password",
  async () => {
    await using redis = await RedisServer.start(["--requirepass", "right"]);
    const unix = `unix:${redis.socket}`;
    const file = `${redis.folder}/password`;
    await Deno.writeTextFile(file, "wrong-secret\n");
    const wrong: [string[], Record<string, string>, RegExp][] = [
      [["--registry", unix], {}, /the user or password is refused/],
      [
        ["--registry", unix, "--registry-password-file", file],
        {},
        /the user or password is refused/,
      ],
      [["--registry", unix], { SHOAL_REGISTRY_PASSWORD: "wrong-secret" }, /password is refused/],
      [["--registry", unix, "--registry-password-file", "/nonexistent"], {}, /Cannot read/],
      [["--registry", "redis://u:wrong-secret@127.0.0.1"], {}, /on a command line/],
      [["--registry", "redis://192.0.2.1"], {}, /in the clear/],
      [["--registry", "ftp://127.0.0.1"], {}, /no URL of Redis/],
      [["--registry", unix, "--registry-name", "a b"], {}, /1 to 32 letters/],
      [[], { SHOAL_REGISTRY: "redis://u:wrong-secret@192.0.2.1" }, /in the clear/],
    ];
    for (const [args, env, says] of wrong) {
      const words = ["bootstrap", "--host", "127.0.0.1", "--port", "0", ...args];
      const { code, stdout, stderr } = await shoal(words, { env });
      assertEquals([code, stdout], [2, ""], args.join(" "));
      assertMatch(stderr, says);
      assert(!stderr.includes("wrong-secret"), stderr);
    }
    await Deno.writeTextFile(file, "right\n");
    await using _ = await World.create({
      args: ["--registry", unix, "--registry-password-file", file],
    });
  },
);
