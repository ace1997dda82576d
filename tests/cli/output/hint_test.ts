import { assert, assertEquals } from "@std/assert";
import { placeHint } from "../../../src/cli/output/hint.ts";
import { fileFault } from "../../../src/store/disk/file_stamp.ts";

Deno.test("hints: a command leads to the peer that failed, and in the shell its words are enough", () => {
  const hint = "see what is: shoal peer status";
  assertEquals(placeHint(hint, []), hint);
  assertEquals(
    placeHint(hint, ["--dir", "a b", "--bootstrap", "x:1"]),
    "see what is: shoal peer --dir 'a b' --bootstrap x:1 status",
  );
  assertEquals(placeHint(hint, "shell"), "see what is: status");
  assertEquals(placeHint("start one: shoal peer", ["--dir", "d"]), "start one: shoal peer --dir d");
  assertEquals(
    placeHint("see 'shoal peer get --help'", ["--dir", "d"]),
    "see 'shoal peer get --help'",
  );
});

Deno.test("hints: each cause of a disk's failure has a next step of its own", () => {
  const codes = ["EACCES", "ENOSPC", "EDQUOT", "EROFS", "EIO", "ENAMETOOLONG", "EMFILE", "EFBIG"];
  const steps = codes.map((code) => {
    const { kind, message, next } = fileFault(
      "Cannot write x",
      Object.assign(new Error(), { code }),
    );
    assertEquals(kind, "disk");
    assert(message.startsWith("Cannot write x: ") && next, code);
    return next;
  });
  assertEquals(new Set(steps).size, codes.length);
});
