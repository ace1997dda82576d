/** Rights of what a get replaces: its owner's stay, and a publisher can't bring more along. */
import { assertEquals } from "@std/assert";
import { isRoot, lacking, noPosix, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";
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

const noAcl = noPosix ?? lacking("setfacl", "getfacl", "setpriv") ??
  (isRoot ? undefined : "it takes root");

testUnless(
  noAcl,
  "what is fetched into a folder has the group and the access that it gives to what is made there",
  async () => {
    await using world = await World.create();
    const { dir: source } = await world.peer("source");
    await Deno.mkdir(`${source}/tree/sub`, { recursive: true });
    await Deno.writeTextFile(`${source}/tree/sub/file`, "file");
    await Deno.writeFile(`${source}/tree/large`, new Uint8Array(2 << 20).fill(1));
    await Deno.writeTextFile(`${source}/data`, "data");
    await world.json(source, ["share", "data", "tree"]);
    const group = 4_242;
    const shared = async (path: string) => {
      await Deno.mkdir(path, { recursive: true });
      await Deno.chown(path, null, group);
      await Deno.chmod(path, 0o2775);
      const acl = ["-d", "-m", "u:4243:r", path];
      assertEquals((await outputOf("setfacl", { args: acl })).success, true);
    };
    const accessOf = async (path: string) => {
      const { stdout } = await outputOf("getfacl", { args: ["-cnp", path] });
      return new TextDecoder().decode(stdout).trim().split("\n").filter(Boolean).sort();
    };
    const dir = await world.folder("getter");
    await shared(`${dir}/team`);
    await shared(`${world.root}/web`);
    for (const place of [`${dir}/team`, `${world.root}/web`]) {
      await Deno.writeTextFile(`${place}/made`, "made here");
      await Deno.mkdir(`${place}/folder`);
      await world.json(dir, ["get", "data", "-o", place]);
      await world.json(dir, ["get", "tree", "-o", `${place}/`]);
      for (const name of ["data", "tree/sub/file", "tree/large"]) {
        assertEquals((await Deno.stat(`${place}/${name}`)).gid, group, `${place}/${name}`);
        assertEquals(await accessOf(`${place}/${name}`), await accessOf(`${place}/made`), name);
      }
      for (const name of ["tree", "tree/sub"]) {
        const { gid, mode } = await Deno.stat(`${place}/${name}`);
        assertEquals([gid, mode! & 0o2000], [group, 0o2000], `${place}/${name}`);
        assertEquals(await accessOf(`${place}/${name}`), await accessOf(`${place}/folder`), name);
      }
      // An update changes none of that.
      await Deno.writeTextFile(`${source}/data`, "data 2");
      await Deno.writeTextFile(`${source}/tree/sub/new`, "new");
      await world.json(source, ["share", "data", "tree"]);
      await world.json(dir, ["get", "data", "-o", place, "--update"]);
      await world.json(dir, ["get", "tree", "-o", `${place}/`, "--update"]);
      for (const name of ["data", "tree/sub/new"]) {
        assertEquals((await Deno.stat(`${place}/${name}`)).gid, group, name);
      }
      await Deno.remove(`${source}/tree/sub/new`);
      await Deno.writeTextFile(`${source}/data`, "data");
      await world.json(source, ["share", "data", "tree"]);
    }
  },
);

testUnless(
  noAcl,
  "what is replaced keeps its owner and group; where it can't, its group gets no more than all others",
  async () => {
    await using world = await World.create();
    const { dir: source } = await world.peer("source");
    await Deno.writeTextFile(`${source}/data`, "first");
    await world.json(source, ["share", "data"]);
    const dir = await world.folder("getter");
    const path = `${world.root}/data`;
    await Deno.writeTextFile(path, "old");
    await Deno.chown(path, 4_243, 4_242);
    await Deno.chmod(path, 0o660);
    const get = ["get", "data", "-o", path, "--overwrite"];
    await world.json(dir, get);
    const { uid, gid, mode } = await Deno.stat(path);
    assertEquals([uid, gid, mode! & 0o777], [4_243, 4_242, 0o660]);
    await Deno.writeTextFile(`${source}/data`, "second");
    await world.json(source, ["share", "data"]);
    const prefix = ["setpriv", "--bounding-set=-chown"];
    await world.json(dir, get, { prefix });
    const now = await Deno.stat(path);
    assertEquals([await Deno.readTextFile(path), now.mode! & 0o777], ["second", 0o600]);
  },
);
