import { assert, assertEquals } from "@std/assert";
import { resolveShare } from "../../../src/store/shares/resolve_share.ts";
import { faultOf } from "../../support/faults.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const NFC = "caf\u00e9";
const NFD = "cafe\u0301";

/** DIR with a file in it and in a folder; a place outside with another. */
async function shareWorld() {
  const folder = await TempFolder.create();
  await folder.write("dir/in.txt", "in");
  await folder.write("dir/sub/deep.txt", "deep");
  await folder.write("out/out.txt", "out");
  const at = (name: string) => folder.at(name);
  const [dir, cwd] = [at("dir"), at("out")];
  return {
    folder,
    at,
    dir,
    resolve: (file: string, from = cwd) => resolveShare(file, { dir, cwd: from }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

Deno.test("share: a name under DIR, a path from here, a path from the root", async () => {
  await using world = await shareWorld();
  const { at, resolve, dir } = world;
  const table: [file: string, name: string, path: string, cwd?: string][] = [
    ["in.txt", "in.txt", "dir/in.txt"],
    ["sub/deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["sub//deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["./in.txt", "in.txt", "dir/in.txt"],
    [".", "out", "out"],
    ["sub", "sub", "dir/sub"],
    [".", "sub", "dir/sub", at("dir/sub")],
    ["out.txt", "out.txt", "out/out.txt"],
    ["../dir/sub/deep.txt", "sub/deep.txt", "dir/sub/deep.txt"],
    ["deep.txt", "sub/deep.txt", "dir/sub/deep.txt", at("dir/sub")],
    ["../../out/out.txt", "out.txt", "out/out.txt", at("dir/sub")],
    [`${dir}/in.txt`, "in.txt", "dir/in.txt"],
    [`${dir}/sub/../in.txt`, "in.txt", "dir/in.txt"],
    [at("out/out.txt"), "out.txt", "out/out.txt"],
  ];
  for (const [file, name, path, cwd] of table) {
    assertEquals(await resolve(file, cwd), { name, path: at(path) }, file);
  }
});

Deno.test("share: DIR comes before the current folder", async () => {
  await using world = await shareWorld();
  await world.folder.write("out/in.txt", "another");
  assertEquals((await world.resolve("in.txt")).path, world.at("dir/in.txt"));
  assertEquals((await world.resolve("../out/in.txt")).path, world.at("out/in.txt"));
});

Deno.test("share: a path with .. is taken from here, not from DIR", async () => {
  await using world = await shareWorld();
  await world.folder.write("secret.txt", "beside DIR");
  await world.folder.mkdir("out/below");
  await faultOf("usage", world.resolve("../secret.txt", world.at("out/below")), "no such file");
  await world.folder.write("out/secret.txt", "meant");
  const { path } = await world.resolve("../secret.txt", world.at("out/below"));
  assertEquals(path, world.at("out/secret.txt"));
});

Deno.test("share: DIR reached over a link is DIR", async () => {
  await using world = await shareWorld();
  await Deno.symlink(world.dir, world.at("link"));
  const expected = { name: "sub/deep.txt", path: world.at("dir/sub/deep.txt") };
  assertEquals(await world.resolve(world.at("link/sub/deep.txt")), expected);
  assertEquals(await world.resolve("deep.txt", world.at("link/sub")), expected);
});

Deno.test("share: links within DIR are followed, those that leave it refused", async () => {
  await using world = await shareWorld();
  const { at, resolve } = world;
  await Deno.symlink(at("dir/sub/deep.txt"), at("dir/inner"));
  await Deno.symlink(at("out/out.txt"), at("dir/outer"));
  await Deno.symlink(at("dir/outer"), at("dir/twice"));
  await Deno.symlink(at("nothing"), at("dir/dangling"));
  await Deno.symlink(at("dir/sub"), at("dir/folder"));
  await Deno.symlink(at("out"), at("dir/exit"));
  await Deno.symlink(at("out/out.txt"), at("out/link"));
  assertEquals(await resolve("inner"), { name: "inner", path: at("dir/sub/deep.txt") });
  assertEquals((await resolve("folder/deep.txt")).path, at("dir/sub/deep.txt"));
  await faultOf("usage", resolve("outer"), "a link that leaves");
  await faultOf("usage", resolve("twice"), "a link that leaves");
  await faultOf("usage", resolve(at("dir/outer")), "a link that leaves");
  await faultOf("usage", resolve("exit/out.txt"), "a link that leaves");
  await faultOf("usage", resolve("dangling"), "no such file");
  // Outside of DIR, a link is what it leads to.
  assertEquals(await resolve("link"), { name: "link", path: at("out/out.txt") });
});

Deno.test("share: what can't be a name is refused, on one line", async () => {
  await using world = await shareWorld();
  const { folder, resolve } = world;
  await folder.write("dir/new\nline", "x");
  await folder.write("out/\x1b[31mred", "x");
  await folder.write("dir/.shoal/state.db", "x");
  const table: [file: string, text: string][] = [
    ["", "it is empty"],
    ["a\0b", "NUL"],
    ["missing", "no such file"],
    ["in.txt/", "no such file"],
    ["in.txt/x", "no such file"],
    ["new\nline", "control character"],
    ["\x1b[31mred", "control character"],
    [".shoal/state.db", "Shoal's own"],
    ["x".repeat(5_000), "no such file"],
    ["x\n".repeat(5_000), "no such file"],
  ];
  for (const [file, text] of table) {
    const fault = await faultOf("usage", resolve(file), text);
    assert(fault.message.length < 500, `${fault.message.length}`);
  }
  await faultOf("usage", resolve(world.dir));
});

Deno.test("share: a name that is decomposed on disk is announced composed", async () => {
  await using world = await shareWorld();
  await world.folder.write(`dir/${NFD}/${NFD}`, "x");
  await world.folder.write(`out/o-${NFD}`, "x");
  const inside = await world.resolve(`${NFD}/${NFD}`);
  assertEquals(inside.name, `${NFC}/${NFC}`);
  assertEquals(await Deno.readTextFile(inside.path), "x");
  assertEquals((await world.resolve(`o-${NFD}`)).name, `o-${NFC}`);
});
