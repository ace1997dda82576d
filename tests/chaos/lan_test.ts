/** Peers in one network, without a bootstrap: what only namespaces show. */
import { assert, assertEquals, assertLess } from "@std/assert";
import type { ListedPeer, Receipt } from "../../src/peer/api/peer_api.ts";
import { type LanHost, LanNetwork, noLan } from "../support/lan/lan_network.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { testUnless } from "../support/tools.ts";
import { Program, shoal, shoalJson } from "../e2e/program.ts";
import { lastLine, newKey, sameFiles, writeRandom } from "../e2e/world.ts";

/** In these tests alone, peers find each other without being told. */
const env = { SHOAL_NO_LAN: "" };

/** A peer on a host that shares one file, in no swarm of a bootstrap. */
async function sharer(
  { prefix }: LanHost,
  folder: TempFolder,
  { name = "talk.bin", size = 3_000_000, args = [] as string[], dir = "sharer", port = 10_000 } =
    {},
) {
  await Deno.mkdir(folder.at(dir));
  await writeRandom(folder.at(`${dir}/${name}`), size);
  const words = ["--dir", folder.at(dir), ...args];
  const peer = new Program(["peer", `${port}`, ...words], { prefix, env });
  await peer.sees(/listening on/);
  await shoalJson(["peer", "share", name, ...words], { prefix, env });
  return { peer, path: folder.at(`${dir}/${name}`) };
}

testUnless(
  noLan,
  "LAN: without a bootstrap, peers of one network list, fetch and follow",
  async () => {
    await using folder = await TempFolder.create();
    await using network = await LanNetwork.open([
      ["10.20.0.1/24"],
      ["10.20.0.2/24"],
      ["10.20.0.3/24"],
    ]);
    const [one, two, three] = network.hosts as [LanHost, LanHost, LanHost];
    const { peer, path } = await sharer(one, folder);
    await using _peer = peer;
    const at = ({ prefix }: LanHost, dir: string, ...words: string[]) => ({
      words: ["peer", ...words, "--dir", folder.at(dir)],
      options: { prefix, env },
    });
    for (const dir of ["two", "three"]) await Deno.mkdir(folder.at(dir));

    const list = at(two, "two", "list-peers");
    const peers = await shoalJson<ListedPeer[]>(list.words, list.options);
    assertEquals(peers.map(({ address, port }) => [address, port]), [["10.20.0.1", 10_000]]);
    const files = at(two, "two", "list-files");
    const [file, ...others] = await shoalJson<{ name: string }[]>(files.words, files.options);
    assertEquals([file?.name, others.length], ["talk.bin", 0]);

    const get = at(two, "two", "get", "talk.bin");
    const { code, stdout, stderr } = await shoal([...get.words, "--json"], get.options);
    assertEquals(code, 0, stderr);
    const receipt = JSON.parse(lastLine(stdout)) as Receipt;
    assertEquals(receipt.sources.map(({ address, path }) => [address, path]), [
      ["10.20.0.1:10000", "lan"],
    ]);
    assert(await sameFiles(path, folder.at("two/talk.bin")));
    await Deno.remove(path);
    await writeRandom(path, 2_000_000);
    await shoalJson(["peer", "share", "talk.bin", "--dir", folder.at("sharer")], {
      prefix: one.prefix,
      env,
    });
    const update = at(two, "two", "get", "talk.bin", "--update");
    assertEquals((await shoal(update.words, update.options)).code, 0);
    assert(await sameFiles(path, folder.at("two/talk.bin")));

    const alone = at(three, "three", "get", "talk.bin", "--no-lan");
    const refused = await shoal(alone.words, alone.options);
    assertEquals(refused.code, 4);
    assert(!refused.stderr.includes("this network"), refused.stderr);
    const nothing = at(three, "three", "get", "other.bin");
    const begun = performance.now();
    const missing = await shoal(nothing.words, nothing.options);
    assertEquals(missing.code, 4);
    assert(missing.stderr.includes("no peer in this network has an answer"), missing.stderr);
    assertLess(performance.now() - begun, 10_000);
  },
);

testUnless(
  noLan,
  "LAN: with IPv6 alone, and in a private swarm, which outsiders do not see",
  async () => {
    await using folder = await TempFolder.create();
    await using network = await LanNetwork.open([["fd20::1/64"], ["fd20::2/64"]]);
    const [one, two] = network.hosts as [LanHost, LanHost];
    const key = ["--swarm-key", await newKey(folder.at("swarm.key"))];
    const { peer, path } = await sharer(one, folder, { args: key });
    await using _peer = peer;
    await Deno.mkdir(folder.at("two"));
    const words = ["--dir", folder.at("two")];
    const options = { prefix: two.prefix, env };
    const outside = await shoal(["peer", "list-peers", ...words], options);
    assertEquals([outside.code, outside.stdout], [4, ""]);
    const got = await shoal(["peer", "get", "talk.bin", ...words, ...key], options);
    assertEquals(got.code, 0, got.stderr);
    assert(await sameFiles(path, folder.at("two/talk.bin")));
  },
);

testUnless(
  noLan,
  "LAN: peers of one machine share the port, and a flood of made-up peers keeps nobody out",
  async () => {
    await using folder = await TempFolder.create();
    await using network = await LanNetwork.open([["10.20.0.1/24"], ["10.20.0.2/24"], [
      "10.20.0.3/24",
    ]]);
    const [one, two, three] = network.hosts as [LanHost, LanHost, LanHost];
    const first = await sharer(one, folder);
    await using _first = first.peer;
    const second = await sharer(one, folder, {
      ...{ name: "more.bin", dir: "second" },
      port: 10_001,
    });
    await using _second = second.peer;
    const flood = new URL("../support/lan/flood.ts", import.meta.url).pathname;
    await using flooding = new Program(["10.20.0.3"], {
      prefix: three.prefix,
      program: [Deno.execPath(), "run", "--quiet", "--unstable-net", "--allow-net", flood],
    });
    await flooding.sees(/flooding/);
    await Deno.mkdir(folder.at("two"));
    for (const name of ["talk.bin", "more.bin"]) {
      const words = ["peer", "get", name, "--dir", folder.at("two")];
      const got = await shoal(words, { prefix: two.prefix, env });
      assertEquals(got.code, 0, got.stderr);
    }
    for (const { path } of [first, second]) {
      assert(await sameFiles(path, folder.at(`two/${path.split("/").at(-1)}`)));
    }
  },
);

testUnless(
  noLan,
  "LAN: a download goes on when either end gets another address in the middle of it",
  async () => {
    await using folder = await TempFolder.create();
    await using network = await LanNetwork.open([["10.20.0.1/24"], ["10.20.0.2/24"]]);
    const [one, two] = network.hosts as [LanHost, LanHost];
    const { peer, path } = await sharer(one, folder, { size: 12_000_000 });
    await using _peer = peer;
    await Deno.mkdir(folder.at("two"));
    const words = ["peer", "get", "talk.bin", "--json", "--dir", folder.at("two")];
    await using getting = new Program([...words, "--limit-down", "2M"], {
      prefix: two.prefix,
      env: { ...env, SHOAL_WAIT: "" },
    });
    await getting.sees(/"phase":"fetching"/);
    await two.ip("addr", "del", "10.20.0.2/24", "dev", "eth0");
    await two.ip("addr", "add", "10.20.0.22/24", "dev", "eth0");
    const moved = performance.now();
    const bytesOf = () => Number(/"bytes":(\d+)/.exec(lastLine(getting.stdout))?.[1] ?? 0);
    const goesOn = async () => {
      const before = bytesOf();
      while (bytesOf() <= before + 1_000_000) {
        const more = getting.stdout.length;
        await getting.sees(new RegExp(`[^]{${more},}"progress"[^]*\\n`));
      }
    };
    await goesOn();
    assertLess(performance.now() - moved, 10_000);
    await one.ip("addr", "del", "10.20.0.1/24", "dev", "eth0");
    await one.ip("addr", "add", "10.20.0.11/24", "dev", "eth0");
    const began = performance.now();
    await goesOn();
    assertLess(performance.now() - began, 10_000);
    assertEquals(await getting.ended(), 0, getting.stderr);
    assert(await sameFiles(path, folder.at("two/talk.bin")));
  },
);
