/** Folders of which something can't be read: the rest is shared, and what was left out is named. */
import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import type { Receipt, ShareResult } from "../../src/peer/api/peer_api.ts";
import { findTool, isRoot, lacking, noPosix, testUnless } from "../support/tools.ts";
import { placedIn } from "./checks.ts";
import { World } from "./world.ts";

/** Words before a program that may not read what modes forbid, also where root runs the tests. */
const PLAIN = isRoot ? ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] : [];
const noPlain = noPosix ?? (isRoot ? lacking("setpriv") : undefined);

testUnless(
  noPlain,
  "what can't be read of a folder is left out, named, and has its exit code",
  async () => {
    await using world = await World.create();
    const dir = await world.folder("peer");
    for (const folder of ["tree/lost+found", "tree/sub"]) {
      await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
      await Deno.writeTextFile(`${dir}/${folder}/inner`, "inner");
    }
    await Deno.writeTextFile(`${dir}/tree/secret`, "secret");
    await Deno.chmod(`${dir}/tree/secret`, 0);
    await Deno.chmod(`${dir}/tree/lost+found`, 0);
    const share = (...args: string[]) =>
      world.run(dir, ["share", "tree", ...args], { prefix: PLAIN });
    const { code, stdout } = await share("--json");
    assertEquals(code, 12);
    const [shared] = JSON.parse(stdout) as ShareResult[];
    assertEquals([shared.entries, shared.left_out], [2, [
      { path: "lost+found", why: "permission denied", failed: true },
      { path: "secret", why: "permission denied", failed: true },
    ]]);
    const said = await share();
    assertEquals(said.code, 12);
    assertMatch(said.stderr, /^Left out "lost\+found": permission denied$/m);

    const words = ["share", "tree", "--serve", "--port", "0", "--host", "127.0.0.1"];
    const serving = world.start(dir, words, { prefix: PLAIN });
    await serving.sees(/listening on/);
    const getter = await world.folder("getter");
    const receipt = await world.json<Receipt>(getter, ["get", "tree", "--wait", "10s"]);
    assertEquals(receipt.id, shared.id);
    assertEquals(placedIn(getter), ["tree", "tree/sub", "tree/sub/inner"]);
    await serving.stop();
    // Once it can be read, it is shared.
    await Deno.chmod(`${dir}/tree/secret`, 0o600);
    await Deno.chmod(`${dir}/tree/lost+found`, 0o700);
    const [all] = await world.json<ShareResult[]>(dir, ["share", "tree"]);
    assertEquals([all.entries, all.left_out], [5, []]);
  },
);

const noBytes = noPosix ?? (findTool("python3") ? undefined : "python3 is not installed");

testUnless(
  noBytes,
  "a name that is not UTF-8 is named when it is shared, and in the way of no update",
  async () => {
    await using world = await World.create();
    const peer = await world.peer("peer");
    await Deno.mkdir(`${peer.dir}/tree`);
    await Deno.writeTextFile(`${peer.dir}/tree/good`, "good");
    await makeOddNames(`${peer.dir}/tree`);
    const { code, stdout } = await world.run(peer.dir, ["share", "tree", "--json"]);
    const [shared] = JSON.parse(stdout) as ShareResult[];
    assertEquals(shared.entries, 1);
    // Deno 2.5 tells programs nothing of such names; a binary may have it, the source is run with a newer one.
    if (code !== 0 || !Deno.env.has("SHOAL_BIN")) {
      assertEquals(code, 12);
      assertEquals(shared.left_out?.map(({ why }) => why), Array(2).fill("its name is not UTF-8"));
    }

    const dir = await world.folder("getter");
    await world.json(dir, ["get", "tree"]);
    await makeOddNames(`${dir}/tree`);
    await Deno.writeTextFile(`${dir}/tree/other`, "other");
    await world.json<Receipt>(dir, ["get", "tree", "--update", "--delete"]);
    const names = [...Deno.readDirSync(`${dir}/tree`)].map(({ name }) => name);
    assertEquals(names.length, 3);
    assertEquals(names.includes("other"), false);
  },
);

/** Makes a file and a folder whose names are Latin-1. */
async function makeOddNames(folder: string): Promise<void> {
  const script = "import os,sys; f=os.fsencode(sys.argv[1]); open(f+b'/caf\\xe9','w').close(); " +
    "os.mkdir(f+b'/d\\xe9')";
  const { success } = await new Deno.Command("python3", { args: ["-c", script, folder] }).output();
  assertEquals(success, true);
}

Deno.test("a file that keeps changing is left out of its folder, and comes when it rests", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  await Deno.mkdir(`${dir}/tree`);
  await Deno.writeTextFile(`${dir}/tree/good`, "good");
  const path = `${dir}/tree/log`;
  await Deno.writeFile(path, new Uint8Array(8 << 20));
  let growing = true;
  const grow = (async () => {
    using file = await Deno.open(path, { append: true });
    for (const line = new Uint8Array(64); growing; await new Promise((done) => setTimeout(done))) {
      await file.write(line);
    }
  })();
  const { code, stdout } = await world.run(dir, ["share", "tree", "--json"]);
  growing = false;
  await grow;
  assertEquals(code, 12);
  const [shared] = JSON.parse(stdout) as ShareResult[];
  const why = "it keeps changing while it is read";
  assertEquals(shared.left_out, [{ path: "log", why, failed: true }]);
  const [all] = await world.json<ShareResult[]>(dir, ["share", "tree"]);
  assertNotEquals(all.id, shared.id);
  assertEquals(all.left_out, []);
});
