/** Rights of what a get replaces: its owner's stay, and a publisher can't bring more along. */
import { assertEquals } from "@std/assert";
import { noPosix, testUnless } from "../support/tools.ts";
import { World } from "./world.ts";

const modeOf = async (path: string) => (await Deno.lstat(path)).mode! & 0o7777;

testUnless(noPosix, "what is replaced keeps the rights that its owner gave it", async () => {
  await using world = await World.create();
  const { dir: source } = await world.peer("source");
  await Deno.mkdir(`${source}/tree`);
  const write = async (text: string) => {
    await Deno.writeTextFile(`${source}/data`, text);
    await Deno.writeTextFile(`${source}/tree/secret`, text);
    await Deno.writeTextFile(`${source}/tree/tool`, text, { mode: 0o755 });
    await world.json(source, ["share", "data", "tree"]);
  };
  await write("first");
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  await world.json(dir, ["get", "tree"]);
  for (const path of ["data", "tree/secret"]) await Deno.chmod(`${dir}/${path}`, 0o600);
  await Deno.chmod(`${dir}/tree/tool`, 0o700);
  await write("second");
  await world.json(dir, ["get", "data", "--update"]);
  await world.json(dir, ["get", "tree", "--update"]);
  for (
    const [path, mode] of [["data", 0o600], ["tree/secret", 0o600], ["tree/tool", 0o700]] as const
  ) {
    assertEquals(await Deno.readTextFile(`${dir}/${path}`), "second");
    assertEquals((await modeOf(`${dir}/${path}`)).toString(8), mode.toString(8), path);
  }
  await write("third");
  await world.json(dir, ["get", "data", "--overwrite"]);
  assertEquals(await modeOf(`${dir}/data`), 0o600);
});

testUnless(noPosix, "setuid, setgid and sticky bits never travel", async () => {
  await using world = await World.create();
  const { dir: source } = await world.peer("source");
  await Deno.mkdir(`${source}/tree`);
  await Deno.writeTextFile(`${source}/tree/tool`, "a tool", { mode: 0o755 });
  await Deno.chmod(`${source}/tree/tool`, 0o6755);
  await world.json(source, ["share", "tree"]);
  const dir = await world.folder("getter");
  // What is here already is copied, and its bits must not come along either.
  await Deno.writeTextFile(`${dir}/here`, "a tool");
  await Deno.chmod(`${dir}/here`, 0o6755);
  await world.json(dir, ["share", "here"]);
  await world.json(dir, ["get", "tree"]);
  assertEquals(await modeOf(`${dir}/tree/tool`) & 0o7000, 0);
  await Deno.chmod(`${dir}/tree/tool`, 0o6755);
  await Deno.writeTextFile(`${source}/tree/tool`, "another tool");
  await world.json(source, ["share", "tree"]);
  await world.json(dir, ["get", "tree", "--update"]);
  assertEquals((await modeOf(`${dir}/tree/tool`)).toString(8), "755");
});
