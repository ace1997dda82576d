/** Standard output goes to a file on a disk that is full. */
import { assert, assertEquals } from "@std/assert";
import { programWords } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { lacking, noLinux, skippedIf } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

const FULL = "/dev/full";

Deno.test({
  ...skippedIf(
    noLinux ?? lacking("sh"),
    "what can't be written to standard output is told, with exit 7",
  ),
  async fn() {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 300_000);
    await world.json(source.dir, ["share", "data"]);
    const dir = await world.folder("dir");
    const peer = (...words: string[]) => ["peer", ...words, "--dir", dir, ...world.options()];
    const why = "Cannot write to standard output: no space left on device";
    for (
      const words of [
        peer("get", "data"),
        peer("get", "data", "--json"),
        peer("get", "data", "-o", "-"),
        peer("list-files"),
        peer("status", "--json"),
        ["completion", "bash"],
        ["--help"],
      ]
    ) {
      const { code, stderr } = await outputOf("sh", {
        args: ["-c", `"$@" > ${FULL}`, "sh", ...programWords(), ...words],
        env: { NO_COLOR: "1" },
        stdin: "null",
      });
      const [line, next, ...more] = new TextDecoder().decode(stderr).trimEnd().split("\n");
      assertEquals([code, more], [7, []], words.join(" "));
      assert(line.startsWith("shoal: ") && line.endsWith(why), line);
      assert(next.startsWith("next: "), next);
    }
    assert(await sameFiles(`${dir}/data`, `${source.dir}/data`));
  },
});
