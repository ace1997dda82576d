import { assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { eventually } from "./checks.ts";
import { write } from "./trees.ts";
import { noLinux, testUnless } from "../support/tools.ts";
import { World } from "./world.ts";

/** Writes a folder of that many small files. */
async function makeMany(folder: string, files: number): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (let n = 0; n < files; n++) await write(`${folder}/${n}`, `${folder} ${n}`);
}

/** Bytes that a process has read so far, or undefined where the system doesn't say. */
function bytesRead(pid: number): number | undefined {
  if (Deno.build.os !== "linux") return;
  return Number(/^rchar: (\d+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))![1]);
}

testUnless(
  noLinux,
  "a folder that is unshared while it is looked at stays unshared",
  async () => {
    await using world = await World.create();
    const { dir, program } = await world.peer("sharer", { stdin: "open" });
    const files = 24;
    await Deno.mkdir(`${dir}/tree`);
    const content = patterned(12 << 20);
    const fill = async (round: number) => {
      for (let n = 0; n < files; n++) {
        content[0] = round * files + n;
        await Deno.writeFile(`${dir}/tree/${n}`, content);
      }
    };
    await fill(0);
    const getter = await world.folder("getter");
    for (const round of [1, 2]) {
      await world.json(dir, ["share", "tree", "--watch"]);
      await fill(round);
      // The watcher has the whole folder hashed again, which takes a while.
      const before = bytesRead(program.pid)!;
      await eventually("the look is under way", () => {
        return Promise.resolve(bytesRead(program.pid)! > before + content.length);
      });
      await program.type("unshare tree");
      await program.sees(new RegExp(`(no longer shared[^]*){${round}}`));
      // Looks come one after the other: that of another share is over after that of this one.
      await world.json(dir, ["share", `tree/${round}`, "--watch"]);
      await Deno.writeTextFile(`${dir}/tree/${round}`, `round ${round}`);
      await eventually("another share was looked at", async () => {
        const { shares } = await world.json<PeerStatus>(dir, ["status"]);
        assertEquals(shares.map(({ name }) => name), [`tree/${round}`]);
        return shares[0].size < content.length;
      });
      const listed = await world.json<ListedFile[]>(getter, ["list-files"]);
      assertEquals(listed.map(({ name }) => name), [`tree/${round}`]);
      await world.json(dir, ["unshare", `tree/${round}`]);
      await program.sees(/listening on/);
    }
  },
);

Deno.test("many folders that are shared at once through one peer are all shared", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("sharer");
  const names = Array.from({ length: 12 }, (_, n) => `folder${n}`);
  for (const name of names) await makeMany(`${dir}/${name}`, 60);
  const results = await Promise.all(
    names.map((name) => world.json<ShareResult[]>(dir, ["share", name])),
  );
  assertEquals(results.flat().map(({ name }) => name), names);
  const getter = await world.folder("getter");
  const files = await world.json<ListedFile[]>(getter, ["list-files"]);
  assertEquals(files.map(({ name }) => name).toSorted(), names.toSorted());
  for (const name of names.slice(0, 3)) await world.json(getter, ["get", name]);
});

Deno.test("what was unshared while an update of it arrived is not shared again", async () => {
  await using world = await World.create();
  const sharer = await world.peer("sharer");
  const { dir } = await world.peer("getter", { args: ["--limit-down", "3M"] });
  const names = async () => {
    return (await world.json<PeerStatus>(dir, ["status"])).shares.map(({ name }) => name);
  };
  await Deno.writeTextFile(`${sharer.dir}/data`, "first");
  await world.json(sharer.dir, ["share", "data"]);
  await world.json(dir, ["get", "data"]);
  assertEquals(await names(), ["data"]);
  const second = patterned(9 << 20);
  await Deno.writeFile(`${sharer.dir}/data`, second);
  await world.json(sharer.dir, ["share", "data"]);
  const update = world.run(dir, ["get", "data", "--update"]);
  await eventually("the update is under way", async () => {
    const { transfers } = await world.json<PeerStatus>(dir, ["status"]);
    return transfers.some(({ name, bytes }) => name === "data" && bytes > 0);
  });
  await world.json(dir, ["unshare", "data"]);
  const { code, stderr } = await update;
  assertEquals(code, 0, stderr);
  assertSameBytes(await Deno.readFile(`${dir}/data`), second);
  assertEquals(await names(), []);
  const listed = await world.json<ListedFile[]>(dir, ["list-files"]);
  assertEquals(listed.map(({ name, sources }) => [name, sources]), [["data", 1]]);
});
