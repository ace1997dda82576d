/** Signals end every process in order, with 128 + n, and leave nothing half-written. */
import { assertEquals } from "@std/assert";
import type { ListedPeer } from "../../src/peer/api/peer_api.ts";
import { wireMessage } from "../support/honest_answers.ts";
import { Scripted } from "../support/sockets.ts";
import { contentsOf, partialsOf, placedIn } from "./checks.ts";
import { Program, shoalJson } from "./program.ts";
import { Proxy } from "./proxy.ts";
import { World, writeRandom } from "./world.ts";

const CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const SIZE = 64 << 20;

Deno.test("bootstrap and peer stop in order", async () => {
  for (const [signal, code] of Object.entries(CODES)) {
    await using world = await World.create();
    const peer = await world.peer("peer");
    assertEquals(await peer.program.stop(signal as Deno.Signal), code);
    await Deno.lstat(`${peer.dir}/.shoal/control.json`).then(
      () => {
        throw new Error("the control file is still there");
      },
      () => {},
    );
    const peers = await shoalJson<ListedPeer[]>(["peer", "list-peers", ...world.options()]);
    assertEquals(peers, [], "it said goodbye");
    assertEquals(await world.bootstrapProgram.stop(signal as Deno.Signal), code);
    assertEquals(world.bootstrapProgram.stderr.includes("rror"), false);
  }
});

Deno.test("a get under way stops in order, by itself and through a running peer", async () => {
  await using world = await World.create();
  await writeRandom(`${world.root}/big`, SIZE);
  for (const [signal, code] of Object.entries(CODES)) {
    for (const running of [false, true]) {
      await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
      const source = await world.peer(`source ${code} ${running}`, { proxy });
      await world.json(source.dir, ["share", `${world.root}/big`]);
      const name = `getter ${code} ${running}`;
      const dir = running ? (await world.peer(name)).dir : await world.folder(name);
      const get: Program = world.start(dir, ["get", "big"]);
      await get.meanwhile(proxy.paused);
      assertEquals(contentsOf(dir).length, 1, "the partial, and nothing under the final name");
      assertEquals(await get.stop(signal as Deno.Signal), code);
      const next = "next: run it again to resume\n";
      assertEquals([get.stdout, get.stderr], ["", `shoal: interrupted\n${next}`]);
      if (running) {
        const status = () => world.json<{ transfers: { state: string }[] }>(dir, ["status"]);
        while ((await status()).transfers[0].state === "active");
        assertEquals((await status()).transfers[0].state, "cancelled");
      }
      assertEquals([placedIn(dir), partialsOf(dir).length], [[], 1], "kept for the next time");
      await source.program.stop();
    }
  }
});

Deno.test("what waits for a bootstrap that says nothing stops at once", async () => {
  await using world = await World.create();
  const verbs = [["get", "x"], ["get", "x", "--output", "-"], ["list-peers"], ["list-files"]];
  for (const [signal, code] of Object.entries(CODES)) {
    await Promise.all([false, true].flatMap((greets) =>
      verbs.map(async (verb) => {
        const asked = Promise.withResolvers<void>();
        await using silent = new Scripted(async (end) => {
          const hello = await end.line();
          if (greets) {
            const about = { agent: "silent/1", observed: "127.0.0.1:1", nonce: "00".repeat(32) };
            await end.send(wireMessage({ ...hello, ...about }));
            await end.line();
          }
          asked.resolve();
          await end.closed();
        });
        const dir = await world.folder(`${code} ${greets} ${verb.join(" ")}`);
        const where = ["--dir", dir, "--bootstrap", `127.0.0.1:${silent.address.port}`];
        const program = new Program(["peer", ...verb, ...where]);
        await asked.promise;
        // Had it waited, the bootstrap would be what failed.
        assertEquals(await program.stop(signal as Deno.Signal), code);
        const next = "next: run it again to resume\n";
        assertEquals([program.stdout, program.stderr], ["", `shoal: interrupted\n${next}`]);
        assertEquals(contentsOf(dir), []);
      })
    ));
  }
});

Deno.test("what waits for more names stops at once", async () => {
  await using world = await World.create();
  for (const [signal, code] of Object.entries(CODES)) {
    const dir = await world.folder(signal);
    const get = world.start(dir, ["get", "--from-file", "-"], { stdin: "open" });
    await get.type("nothing");
    await get.sees(/Cannot get "nothing": no peer in the swarm has it/);
    assertEquals(await get.stop(signal as Deno.Signal), code);
    assertEquals(contentsOf(dir), []);
  }
});

Deno.test("a peer that stops ends the downloads that it was asked for", async () => {
  await using world = await World.create();
  await writeRandom(`${world.root}/big`, SIZE);
  await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
  const source = await world.peer("source", { proxy });
  await world.json(source.dir, ["share", `${world.root}/big`]);
  const getter = await world.peer("getter");
  const get = world.start(getter.dir, ["get", "big"]);
  await get.meanwhile(proxy.paused);
  assertEquals(await getter.program.stop(), 143);
  assertEquals(await get.ended(), 4);
  assertEquals(get.stderr.split("\n").length, 3, get.stderr);
  assertEquals([placedIn(getter.dir), partialsOf(getter.dir).length], [[], 1]);
});

Deno.test("a second signal ends it at once", async () => {
  await using world = await World.create();
  await writeRandom(`${world.root}/big`, SIZE);
  await using proxy = new Proxy({ pauseAfter: SIZE / 4 });
  const source = await world.peer("source", { proxy });
  await world.json(source.dir, ["share", `${world.root}/big`]);
  const dir = await world.folder("getter");
  const get = world.start(dir, ["get", "big"]);
  await get.meanwhile(proxy.paused);
  get.signal("SIGINT");
  get.signal("SIGINT");
  assertEquals(await get.ended(), 130);
});
