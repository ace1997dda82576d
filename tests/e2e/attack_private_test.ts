/** A private swarm: members have everything, outsiders nothing, and secrets stay where they are. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { ListedFile, ListedPeer, PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { HANDSHAKES_MOST } from "../../src/trust/tls/private_listener.ts";
import { LISTENER_NAME } from "../../src/trust/tls/certificates.ts";
import { present, SwarmAuthority } from "../../src/trust/tls/swarm_authority.ts";
import { parseSwarmKey } from "../../src/trust/swarm_key.ts";
import { deriveSwarmSecrets } from "../../src/trust/swarm_secrets.ts";
import { toHex } from "../../src/content/hex.ts";
import { curl, CURL_EMPTY, openssl } from "../support/outsider.ts";
import { RawEnd } from "../support/sockets.ts";
import { assertRefused, eventually, placedIn } from "./checks.ts";
import { shoal } from "./program.ts";
import { newKey, sameFiles, World, writeRandom } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";

const MIB = 1 << 20;
/** The answer of TLS to what is none: a fatal alert, decode_error. */
const ALERT = new Uint8Array([21, 3, 3, 0, 2, 2, 50]);

/** A private world with a peer that shares `data`, 5 MiB and a bit. */
async function privateWorld(): Promise<
  { world: World; source: Awaited<ReturnType<World["peer"]>> }
> {
  const world = await World.create({ isPrivate: true });
  const source = await world.peer("source", { args: ["--log-level", "debug"] });
  await writeRandom(`${source.dir}/data`, 5 * MIB + 7);
  await world.json(source.dir, ["share", "data"]);
  return { world, source };
}

Deno.test("members of a private swarm have all that others have", async () => {
  const { world, source } = await privateWorld();
  await using _ = world;
  const [one, two] = await Promise.all([world.folder("one"), world.folder("two")]);
  const receipt = await world.json<Receipt>(one, ["get", "data"]);
  assertEquals([receipt.bytes, receipt.sources.length], [5 * MIB + 7, 1]);
  assert(await sameFiles(`${source.dir}/data`, `${one}/data`));
  // A running member that was fetched from is a source like any other; the next one has two.
  const second = await world.peer("second", { stdin: "get data\nlist-peers\nstatus\n" });
  await second.program.sees(/data +5\.0 MiB.* from 1 source/);
  await second.program.sees(/private swarm [0-9a-f]{16}/);
  const both = await eventually("both are listed as sources", async () => {
    const files = await world.json<ListedFile[]>(two, ["list-files"]);
    return files[0]?.sources === 2 && files;
  });
  assertEquals(both.map(({ name }) => name), ["data"]);
  assertEquals((await world.json<ListedPeer[]>(two, ["list-peers"])).length, 2);
  // A verb asks the running peer, which has the key; it needs none, and doesn't look at one.
  const asked = await world.json<PeerStatus>(source.dir, ["status"], { swarmKey: null });
  assert(asked.swarm.private);
  const missing = await world.run(source.dir, ["status"], { swarmKey: `${world.root}/none` });
  assertEquals(missing.code, 0);
  const streamed = await world.run(two, ["get", "data", "-o", "-"]);
  assertEquals(streamed.code, 0, streamed.stderr);
  assertEquals(placedIn(two), []);
});

Deno.test("a download in a private swarm goes on where it was interrupted", async () => {
  const { world } = await privateWorld();
  await using _ = world;
  const { dir, program } = await world.peer("fetcher", { args: ["--limit-down", "1M"] });
  const first = world.start(dir, ["get", "data"]);
  await eventually("a part was fetched", async () => {
    const { transfers } = await world.json<PeerStatus>(dir, ["status"]);
    return transfers.some(({ bytes }) => bytes >= 2 * MIB);
  });
  await program.stop();
  await first.ended();
  const receipt = await world.json<Receipt>(dir, ["get", "data"]);
  assert(receipt.chunks.reused > 0, JSON.stringify(receipt));
  assertEquals(receipt.chunks.reused + receipt.chunks.fetched, 81);
  assert(await sameFiles(`${world.root}/source/data`, `${dir}/data`));
});

testUnless(
  lacking("openssl", "curl"),
  "outsiders see an alert, or a certificate that tells nothing, of a bootstrap and of a peer alike",
  async () => {
    const { world, source } = await privateWorld();
    await using _ = world;
    const said = [
      '{"action":"register","address":"127.0.0.1","port":10007}\n',
      '{"action":"get_peers"}\n',
      '{"action":"file_request","filename":"data"}\n',
      '{"action":"hello","id":1,"protocol":1,"agent":"x"}\n',
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "SSH-2.0-scanner\r\n",
      ...Array.from({ length: 8 }, () => noise(400)),
    ];
    for (const text of [world.bootstrap, source.address]) {
      const address = parseAddress(text, 1);
      await Promise.all(said.map(async (text) => {
        using end = await RawEnd.connect(address);
        await end.send(text);
        assertEquals(await end.bytes(1_000), ALERT, String(text));
      }));
      // Those that speak TLS, and check nothing, hear not a byte inside it.
      for (const version of ["-tls1_2", "-tls1_3"]) {
        await Promise.all(
          said.slice(0, 6).map(async (line) => {
            const words = [version, "-quiet", "-no_ign_eof"];
            assertEquals((await openssl(address, words, String(line))).stdout, "");
          }),
        );
      }
      assertMatch((await openssl(address, [])).stdout, /issuer=CN ?= ?intermediate/);
      const { code, stdout } = await curl(address, "localhost");
      assertEquals([code, stdout], [CURL_EMPTY, ""]);
    }
    assertEquals((await world.json<ListedPeer[]>(source.dir, ["list-peers"])).length, 1);
    assertEquals((await world.json<PeerStatus>(source.dir, ["status"])).totals.served, 0);
    const dir = await world.folder("fetcher");
    assertEquals((await world.run(dir, ["get", "data"])).code, 0);
  },
);

Deno.test("callers that are silent, or stop in the middle of a handshake, keep no member out", async () => {
  const { world, source } = await privateWorld();
  await using _ = world;
  const connect = async (address: string, index: number) => {
    // While the gate comes up, nobody listens for a moment.
    const end = await eventually("somebody listens", () => {
      return RawEnd.connect(parseAddress(address, 1)).catch(() => undefined);
    });
    if (index % 2 === 1) await end.send(new Uint8Array([22, 3, 1, 0, 200, 1]));
    return end;
  };
  const many = (address: string, length: number) =>
    Promise.all(Array.from({ length }, (_, index) => connect(address, index)));
  const atBootstrap = await many(world.bootstrap, 1_000);
  // They are given up after ten seconds, and then the gate comes up.
  const first = await many(source.address, HANDSHAKES_MOST + 1);
  await source.program.sees(/others come in by a gate/);
  const atPeer = await many(source.address, 500);
  const dir = await world.folder("fetcher");
  assertEquals((await world.run(dir, ["get", "data"])).code, 0);
  assert(await sameFiles(`${source.dir}/data`, `${dir}/data`));
  // All are closed on, after ten seconds, without a word.
  for (const end of [...atBootstrap, ...atPeer]) assertEquals((await end.bytes(10)).length, 0);
  for (const end of [...atBootstrap, ...atPeer, ...first]) end.close();
  for (const { pid } of [world.bootstrapProgram, source.program]) {
    await eventually("all sockets are given back", async () => {
      return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length < 100;
    });
  }
});

Deno.test("who lacks the key, or has another one, is told which", async () => {
  await using closed = await World.create({ isPrivate: true });
  await using open = await World.create();
  const other = await newKey(`${closed.root}/other.key`);
  const dir = await closed.folder("dir");
  for (const verb of [["list-peers"], ["list-files"], ["get", "data"]]) {
    assertRefused(await closed.run(dir, verb, { swarmKey: null }), {
      code: 5,
      text: `Cannot use bootstrap ${closed.bootstrap}: it wants a swarm key, and none was given`,
    });
    assertRefused(await closed.run(dir, verb, { swarmKey: other }), {
      code: 5,
      text: `Cannot use bootstrap ${closed.bootstrap}: it belongs to another swarm`,
    });
    assertRefused(await open.run(dir, verb, { swarmKey: other }), {
      code: 5,
      text: `Cannot use bootstrap ${open.bootstrap}: it is open, and this peer has a swarm key`,
    });
  }
  const { stderr } = await closed.run(dir, ["list-files"], { swarmKey: other });
  assertMatch(stderr, /\nnext: use the key of that swarm/);
  // A serving peer goes on trying, and says why it isn't registered.
  const args = ["0", "--host", "127.0.0.1"];
  for (
    const [name, world, swarmKey, why] of [
      ["open", closed, null, /it wants a swarm key/],
      ["foreign", closed, other, /it belongs to another swarm/],
      ["private", open, other, /it is open, and this peer has a swarm key/],
    ] as const
  ) {
    const folder = await closed.folder(name);
    const peer = world.start(folder, args, { swarmKey });
    await peer.sees(/listening on/);
    const [status] = await eventually("it has tried", async () => {
      const { bootstraps } = await world.json<PeerStatus>(folder, ["status"], { swarmKey: null });
      return bootstraps[0].state === "away" && bootstraps;
    });
    assertMatch(status.error!, why);
    await peer.stop();
  }
});

Deno.test("guesses at a proof, and a member's certificate without the key, get nowhere", async () => {
  const { world, source } = await privateWorld();
  await using _ = world;
  const { secret } = parseSwarmKey(await Deno.readTextFile(world.swarmKey!));
  const secrets = await deriveSwarmSecrets(secret);
  const authority = await SwarmAuthority.from(secrets.authoritySecret);
  // A caller that guesses: nothing is said to it, whatever it says.
  for (const address of [world.bootstrap, source.address]) {
    const { host, port } = parseAddress(address, 1);
    await Promise.all(Array.from({ length: 20 }, async (_, n) => {
      const tcp = await Deno.connect({ hostname: host, port });
      const hostname = LISTENER_NAME;
      const caCerts = [authority.certificate];
      using end = new RawEnd(
        await Deno.startTls(tcp, { hostname, caCerts }) as unknown as Deno.TcpConn,
      );
      const proofs = Array.from({ length: 1 + n % 9 }, guess);
      await end.send({ action: "join", nonce: guess(), proofs });
      assertEquals((await end.bytes(1)).length, 0);
    }));
  }
  // A listener with a member's certificate and its key: it hears a proof that is good for nothing else.
  const stolen = await present([authority]);
  using thief = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...stolen });
  const heard: unknown[] = [];
  const serving = (async () => {
    using end = new RawEnd(await thief.accept() as unknown as Deno.TcpConn);
    heard.push(Object.keys(await end.line()));
    await end.send({ action: "member", nonce: guess(), proof: guess() });
    heard.push(await end.line().catch(() => null));
  })();
  const dir = await world.folder("caller");
  const bootstrap = `127.0.0.1:${(thief.addr as Deno.NetAddr).port}`;
  assertRefused(await world.run(dir, ["list-peers"], { bootstrap }), {
    code: 5,
    text: "its certificate is the swarm's, but it could not prove that it has the swarm key",
  });
  await serving;
  assertEquals(heard, [["action", "nonce", "proofs"], null]);
  assertEquals((await world.run(dir, ["get", "data"])).code, 0);
});

Deno.test("a key file that can't be used ends every command with 2, and nothing is begun", async () => {
  await using world = await World.create();
  const readable = await newKey(`${world.root}/readable.key`);
  await Deno.chmod(readable, 0o644);
  const wrong = `${world.root}/wrong.key`;
  await Deno.writeTextFile(wrong, "-----BEGIN PRIVATE KEY-----\n", { mode: 0o600 });
  const dir = await world.folder("dir");
  const table: [string, RegExp][] = [
    [`${world.root}/none.key`, /Cannot use swarm key ".*none\.key": no such file/],
    [dir, /it is a folder/],
    [wrong, /it is not a swarm key/],
    [readable, /others can read or change it \(mode 0644\); run chmod 600/],
  ];
  await Promise.all(table.map(async ([swarmKey, text]) => {
    const key = ["--swarm-key", swarmKey];
    assertRefused(await shoal(["bootstrap", "--port", "0", ...key]), { code: 2, text });
    assertRefused(await world.run(dir, ["list-peers"], { swarmKey }), { code: 2, text });
    assertRefused(await world.run(dir, ["get", "data"], { swarmKey }), { code: 2, text });
    assertRefused(await world.run(dir, ["0"], { swarmKey }), { code: 2, text });
    const env = { SHOAL_SWARM_KEY_FILE: swarmKey };
    assertRefused(await shoal(["bootstrap", "--port", "0"], { env }), { code: 2, text });
    const rotate = ["bootstrap", "new-key", `${dir}/new.key`, "--rotate", swarmKey];
    assertRefused(await shoal(rotate), { code: 2, text });
  }));
  assertEquals(placedIn(dir), []);
  const taken = await shoal(["bootstrap", "new-key", readable]);
  assertRefused(taken, { code: 6, text: /never replaced/ });
  assertMatch(taken.stderr, /\nnext: name a file that is not there yet/);
  const lone = await shoal(["bootstrap", "new-key", `${dir}/new.key`, "--for", "1d"]);
  assertRefused(lone, { code: 2, text: "--rotate" });
  assertEquals(placedIn(dir), []);
});

Deno.test("a swarm goes over to another key, member by member", async () => {
  const { world, source } = await privateWorld();
  await using _ = world;
  const rotate = ["--rotate", world.swarmKey!];
  const after = await newKey(`${world.root}/after.key`, [...rotate, "--for", "1h"]);
  // A member with the new key, a bootstrap and a source with the old one.
  const early = await world.peer("early", { swarmKey: after });
  assertEquals((await world.run(early.dir, ["get", "data"])).code, 0);
  // The other way round: the bootstrap is the first.
  await using moved = await World.create({ args: ["--swarm-key", after] });
  const late = await moved.peer("late", { swarmKey: world.swarmKey });
  await writeRandom(`${late.dir}/more`, MIB + 1);
  await moved.json(late.dir, ["share", "more"]);
  for (const swarmKey of [after, world.swarmKey]) {
    const dir = await moved.folder(`with ${swarmKey === after}`);
    assertEquals((await moved.run(dir, ["get", "more"], { swarmKey })).code, 0);
    assert(await sameFiles(`${late.dir}/more`, `${dir}/more`));
  }
  // A member with the old key fetches from one with the new one.
  const dir = await world.folder("old");
  await source.program.stop();
  assertEquals((await world.run(dir, ["get", "data"])).code, 0);
  // Who has both keys as one file, but later, has the same swarm.
  const fresh = await newKey(`${world.root}/fresh.key`);
  assertRefused(await moved.run(dir, ["list-peers"], { swarmKey: fresh }), { code: 5 });
});

Deno.test("secrets stand in the key file, and nowhere else", async () => {
  const { world, source } = await privateWorld();
  await using _ = world;
  const text = await Deno.readTextFile(world.swarmKey!);
  const { secret } = parseSwarmKey(text);
  const { authoritySecret, tokenKey, fingerprint } = await deriveSwarmSecrets(secret);
  const secrets = [secret, authoritySecret, tokenKey]
    .flatMap((bytes) => [toHex(bytes), bytes.toBase64().replace(/=+$/, ""), [...bytes].join()]);
  const folder = await world.folder("fetcher");
  const outputs = await Promise.all([
    world.run(folder, ["get", "data", "--json", "--log-level", "trace"]),
    world.run(folder, ["list-peers", "--json", "--log-level", "trace"]),
    world.run(source.dir, ["status", "--json"]),
    world.run(source.dir, ["status"]),
    world.run(folder, ["get", "none", "--log-level", "trace", "--log-format", "json"]),
  ]);
  const control = JSON.parse(await Deno.readTextFile(`${source.dir}/.shoal/control.json`));
  // All that the page has to show.
  const asked = ["status", "settings", "config", "doctor", "peers", "trust", "files", "history"];
  const api = await Promise.all(asked.map(async (path) => {
    const headers = { authorization: `Bearer ${control.token}` };
    const response = await fetch(`${control.url}/api/v1/${path}`, {
      headers,
    });
    return `${response.status} ${await response.text()}`;
  }));
  assert(api.some((answer) => answer.includes(fingerprint)), api.join());
  for (const answer of api) assert(answer.startsWith("200 "), answer);
  const lines: string[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    for (const file of ["cmdline", "environ"]) {
      lines.push(await Deno.readTextFile(`/proc/${name}/${file}`).catch(() => ""));
    }
  }
  const { stdout, stderr } = source.program;
  const everywhere = [
    ...outputs.flatMap((one) => [one.stdout, one.stderr]),
    ...[...api, stdout, stderr, world.bootstrapProgram.stdout, world.bootstrapProgram.stderr],
    ...lines,
  ].join("\n");
  // The search would find them: what isn't secret is there.
  assert(everywhere.includes(fingerprint) && everywhere.includes(world.swarmKey!));
  for (const one of secrets) assert(!everywhere.includes(one), "a secret was found");
  for (const one of secrets) assert(!everywhere.includes(one.slice(0, 20)), "a part was found");
  for await (const { name, isFile } of Deno.readDir(`${source.dir}/.shoal`)) {
    if (!isFile) continue;
    const bytes = await Deno.readFile(`${source.dir}/.shoal/${name}`);
    const content = new TextDecoder("latin1").decode(bytes);
    for (const one of secrets) assert(!content.includes(one.slice(0, 20)), name);
  }
  const keys = [await newKey(`${world.root}/k1`), await newKey(`${world.root}/k2`)];
  const [a, b] = await Promise.all(keys.map((path) => Deno.readTextFile(path)));
  assertNotEquals(a, b);
});

/** 32 random bytes in hex, as proofs and nonces are. */
function guess(): string {
  return toHex(crypto.getRandomValues(new Uint8Array(32)));
}

/** Bytes without meaning, that don't begin as a TLS record does. */
function noise(length: number): Uint8Array {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  bytes[0] |= 0x80;
  return bytes;
}
