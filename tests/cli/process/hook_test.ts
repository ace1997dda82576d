import { assertEquals, assertRejects } from "@std/assert";
import { runHook } from "../../../src/cli/process/hook.ts";
import { Fault } from "../../../src/fault.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { lacking, testUnless } from "../../support/tools.ts";

const { signal } = new AbortController();

testUnless(
  lacking("sh"),
  "hooks: no shell, values in the environment, options of its own left out",
  async () => {
    await using folder = await TempFolder.create();
    const script = `printf '%s|' "$@" "$SHOAL_NAME" "\${SHOAL_ID-unset}" > out`;
    const options = { cwd: folder.path, signal, without: ["SHOAL_ID"] };
    Deno.env.set("SHOAL_ID", "of the caller");
    try {
      const values = { SHOAL_NAME: "a;b $(c) \0\n'", SHOAL_PATH: undefined };
      await runHook("--on-done", ["sh", "-c", script, "sh", "$HOME", "a b"], {
        ...options,
        values,
      });
    } finally {
      Deno.env.delete("SHOAL_ID");
    }
    assertEquals(await Deno.readTextFile(folder.at("out")), "$HOME|a b|a;b $(c) \n'|unset|");
    for (const words of [["false"], ["/nonexistent"], ["sh", "-c", "kill -9 $$"]]) {
      const run = runHook("--on-done", words, { ...options, values: {} });
      assertEquals((await assertRejects(() => run, Fault)).kind, "hook", words.join(" "));
    }
    const ended = new AbortController();
    const words = ["sh", "-c", "echo > begun; exec sleep 3600"];
    const long = runHook("--on-done", words, { ...options, signal: ended.signal, values: {} });
    ended.abort(new DOMException("enough", "AbortError"));
    await assertRejects(() => long, DOMException);
  },
);
