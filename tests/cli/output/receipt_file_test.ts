import { assertEquals, assertRejects } from "@std/assert";
import { ReceiptFile } from "../../../src/cli/output/receipt_file.ts";
import { Fault } from "../../../src/fault.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, testUnless } from "../../support/tools.ts";

testUnless(lacking("mkfifo"), "receipts in a file: whole or not at all", async () => {
  await using folder = await TempFolder.create();
  const { path: cwd } = folder;
  const file = await ReceiptFile.at("receipt", cwd);
  file.add({ name: "a" });
  await file.save();
  file.add({ name: "b" });
  await file.save();
  assertEquals(await Deno.readTextFile(folder.at("receipt")), '{"name":"a"}\n{"name":"b"}\n');
  assertEquals(folder.list(), ["receipt"]);
  await Deno.symlink("receipt", folder.at("link"));
  const behind = await ReceiptFile.at("link", cwd);
  behind.add({ name: "c" });
  await behind.save();
  assertEquals(await Deno.readTextFile(folder.at("receipt")), '{"name":"c"}\n');
  assertEquals((await Deno.lstat(folder.at("link"))).isSymlink, true);
  await new Deno.Command("mkfifo", { args: [folder.at("fifo")] }).output();
  for (const wrong of [".", "missing/receipt", "fifo"]) {
    assertEquals((await assertRejects(() => ReceiptFile.at(wrong, cwd), Fault)).kind, "usage");
  }
});
