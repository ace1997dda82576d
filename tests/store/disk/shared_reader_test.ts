import { assertEquals } from "@std/assert";
import { stampOfPath } from "../../../src/store/disk/file_stamp.ts";
import { SharedReader } from "../../../src/store/disk/shared_reader.ts";
import { TempFolder } from "../../support/temp_folder.ts";

Deno.test("shared reader: a file that was replaced is not read for the one in its place", async () => {
  await using folder = await TempFolder.create();
  const reader = new SharedReader();
  const path = await folder.write("file", "first");
  const into = new Uint8Array(5);
  const text = () => new TextDecoder().decode(into);
  const first = stampOfPath(path);
  assertEquals([reader.read(path, first, 0, into), text()], [true, "first"]);
  await Deno.rename(await folder.write("other", "other"), path);
  assertEquals([reader.read(path, stampOfPath(path), 0, into), text()], [true, "other"]);
  assertEquals(reader.read(path, first, 0, into), false);
  reader.close();
});
