/** The client in docs/client, written from the protocol's page, against the real program. */
import { assert, assertEquals } from "@std/assert";
import { outputOf } from "../support/output_of.ts";
import { findTool, lacking, testUnless } from "../support/tools.ts";
import { assertSameTree, makeTree } from "./trees.ts";
import { Program } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";

const CLIENT = decodeURIComponent(new URL("../../docs/client/shoal.py", import.meta.url).pathname);

/** The reason why the client can't run here. */
async function lackingPython(): Promise<string | undefined> {
  const missing = lacking("python3");
  if (missing) return missing;
  const args = ["-c", "import sys, cryptography; sys.exit(sys.version_info < (3, 9))"];
  const { success } = await outputOf(findTool("python3")!, { args });
  return success ? undefined : "python3 of 3.9 or later lacks its cryptography module";
}

const reason = await lackingPython();

/** The words that run the client. */
function clientWords(world: World, args: string[]): string[] {
  // Nothing is written next to the client.
  return [findTool("python3")!, "-B", CLIENT, ...world.options(), ...args];
}

async function runClient(world: World, args: string[]) {
  const [python, ...rest] = clientWords(world, args);
  const { code, stdout, stderr } = await outputOf(python!, { args: rest });
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

for (const isPrivate of [false, true]) {
  const where = isPrivate ? "a private swarm" : "an open swarm";

  testUnless(reason, `python client: fetches files and a folder in ${where}`, async () => {
    await using world = await World.create({ isPrivate });
    const peer = await world.peer("sharer");
    await makeTree(`${peer.dir}/tree`);
    await writeRandom(`${peer.dir}/large`, 5 * (1 << 20) + 7);
    await Deno.writeFile(`${peer.dir}/none`, new Uint8Array());
    const names = ["tree", "large", "none"];
    await world.json(peer.dir, ["share", ...names]);
    for (const name of names) {
      const output = `${world.root}/copy of ${name}`;
      const got = await runClient(world, ["get", name, "-o", output]);
      assertEquals(got, { code: 0, stdout: "", stderr: "" });
      if (name === "tree") await assertSameTree(output, `${peer.dir}/${name}`);
      else assert(await sameFiles(output, `${peer.dir}/${name}`));
    }
    const { code, stderr } = await runClient(world, ["get", "typo", "-o", `${world.root}/typo`]);
    assertEquals([code, stderr], [1, "Cannot get 'typo': nobody has typo\n"]);
  });

  testUnless(reason, `python client: serves files and a folder in ${where}`, async () => {
    await using world = await World.create({ isPrivate });
    const root = await world.folder("served");
    await makeTree(`${root}/tree`);
    await writeRandom(`${root}/large`, 5 * (1 << 20) + 7);
    const words = clientWords(world, ["serve", `${root}/tree`, `${root}/large`, "--port", "0"]);
    const serving = world.adopt(new Program([], { program: words }));
    await serving.sees(/Serving 2 names on port \d+/);
    const dir = await world.folder("fetcher");
    await world.json(dir, ["get", "large"]);
    assert(await sameFiles(`${dir}/large`, `${root}/large`));
    await world.json(dir, ["get", "tree"]);
    await assertSameTree(`${dir}/tree`, `${root}/tree`);
    // The bootstrap calls it back, and it proves that it is itself.
    let reachable: unknown = null;
    while (reachable === null) {
      const peers = await world.json<{ reachable: unknown }[]>(dir, ["list-peers"]);
      reachable = peers[0]?.reachable;
    }
    assertEquals(reachable, true);
  });
}
