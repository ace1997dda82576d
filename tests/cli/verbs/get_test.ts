import { assert, assertEquals, assertRejects } from "@std/assert";
import { getVerb } from "../../../src/cli/verbs/get.ts";
import { namesOf } from "../../../src/cli/verbs/get_names.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { Fault } from "../../../src/fault.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const { signal } = new AbortController();

Deno.test("splay: a random part of the time, and none of a refused command's", async () => {
  const call = (flags: Record<string, unknown>) => ({
    ...{ args: ["x"], flags, cwd: "/", started: 0, output: new Output(), signal },
  });
  const started = performance.now();
  await getVerb.prepare!(call({ splay: 3_600 }), () => 0);
  assert(performance.now() - started < 60_000);
  const ended = new AbortController();
  const long = getVerb.prepare!({ ...call({ splay: 3_600 }), signal: ended.signal }, () => 0.999);
  ended.abort(new DOMException("enough", "AbortError"));
  await assertRejects(() => long, DOMException);
  const missing = call({ splay: 3_600, onDone: ["/nonexistent/command"] });
  const fault = await assertRejects(() => getVerb.prepare!(missing, () => 0.999), Fault);
  assertEquals(fault.kind, "hook");
});

Deno.test("lists of names: blank lines, line ends, and files that can't be read", async () => {
  await using folder = await TempFolder.create();
  const list = await folder.write("list", "a\r\n\n  \nb c\n# d");
  const { path: cwd } = folder;
  const read = (list?: string) => Array.fromAsync(namesOf(["first"], { list, cwd, signal }));
  assertEquals(await read(list), ["first", "a", "b c", "# d"]);
  assertEquals(await read("list"), ["first", "a", "b c", "# d"]);
  assertEquals(await read(), ["first"]);
  for (
    const wrong of ["missing", ".", await folder.write("long", "x".repeat(10_000)), "/dev/zero"]
  ) {
    assertEquals((await assertRejects(() => read(wrong), Fault)).kind, "usage");
  }
});
