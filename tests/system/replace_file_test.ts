import { assertEquals, assertThrows } from "@std/assert";
import { replaceFile, writeNewFile } from "../../src/system/replace_file.ts";
import { TempFolder } from "../support/temp_folder.ts";

Deno.test("replaceFile: writes and replaces, with its mode, and leaves nothing else", async () => {
  await using folder = await TempFolder.create();
  const dir = folder.path;
  const path = `${dir}/file`;
  replaceFile(path, "one\n");
  assertEquals(Deno.readTextFileSync(path), "one\n");
  if (Deno.build.os !== "windows") assertEquals(Deno.statSync(path).mode! & 0o777, 0o600);
  const long = "é".repeat(200_000);
  replaceFile(path, long, { mode: 0o644 });
  assertEquals(Deno.readTextFileSync(path), long);
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["file"]);
});

Deno.test("replaceFile: what fails leaves what was there, and nothing else", async () => {
  await using folder = await TempFolder.create();
  const dir = folder.path;
  Deno.mkdirSync(`${dir}/folder`);
  Deno.writeTextFileSync(`${dir}/folder/kept`, "kept");
  assertThrows(() => replaceFile(`${dir}/folder`, "text"));
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["folder"]);
  assertEquals(Deno.readTextFileSync(`${dir}/folder/kept`), "kept");
});

Deno.test("writeNewFile: writes where nothing is, and replaces nothing, not even a link", async () => {
  await using folder = await TempFolder.create();
  const dir = folder.path;
  writeNewFile(`${dir}/file`, "one");
  assertThrows(() => writeNewFile(`${dir}/file`, "two"), Error, "EEXIST");
  if (Deno.build.os !== "windows") {
    Deno.symlinkSync(`${dir}/nowhere`, `${dir}/link`);
    assertThrows(() => writeNewFile(`${dir}/link`, "two"), Error, "EEXIST");
    Deno.removeSync(`${dir}/link`);
  }
  assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["file"]);
  assertEquals(Deno.readTextFileSync(`${dir}/file`), "one");
});
