import { assert, assertThrows } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { freeSpace, requireFreeSpace } from "../../src/system/free_space.ts";
import { TempFolder } from "../support/temp_folder.ts";

Deno.test("free space: told in bytes, and required before anything is written", async () => {
  await using folder = await TempFolder.create();
  const dir = folder.path;
  const { free, total } = freeSpace(dir);
  assert(free <= total);
  requireFreeSpace(dir, 0, "Cannot take it");
  assertThrows(
    () => requireFreeSpace(dir, 2 ** 60, "Cannot take it"),
    Fault,
    "Cannot take it: only",
  );
});
