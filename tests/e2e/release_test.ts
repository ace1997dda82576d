/** `deno task release`: two runs over one commit, and the program that they pack. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TempFolder } from "../support/temp_folder.ts";
import { lacking, testUnless } from "../support/tools.ts";

const ROOT = new URL("../../", import.meta.url);
// A binary that was compiled here shows that one can be.
const skip = Deno.env.has("SHOAL_BIN") ? lacking("tar") : "no binary was compiled here";

async function release(): Promise<Map<string, string>> {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "release"],
    cwd: ROOT,
    env: { SOURCE_DATE_EPOCH: "1700000000", NO_COLOR: "1" },
  }).output();
  const said = new TextDecoder().decode(stdout);
  assert(code === 0 || code === 3 && /is left out/.test(said), said);
  const sums = await Deno.readTextFile(new URL("dist/release/SHA256SUMS", ROOT));
  return new Map(sums.trim().split("\n").map((line) => [line.slice(66), line.slice(0, 64)]));
}

testUnless(
  skip,
  "release: the same commit gives the same bytes, and the program in them runs",
  async () => {
    const first = await release();
    assertEquals(await release(), first);
    const name = `shoal-linux-${Deno.build.arch === "x86_64" ? "x64" : "arm64"}`;
    if (Deno.build.os !== "linux") return;
    assert(first.has(`${name}.tar.gz`) && first.has("sbom.cdx.json") && first.has("notes.md"));
    await using folder = await TempFolder.create();
    const archive = new URL(`dist/release/${name}.tar.gz`, ROOT).pathname;
    const unpack = new Deno.Command("tar", { args: ["-xzf", archive, "-C", folder.path] });
    assert((await unpack.output()).success);
    const program = new Deno.Command(folder.at(`${name}/shoal`), { args: ["--version"] });
    assertMatch(new TextDecoder().decode((await program.output()).stdout), /^\d+\.\d+\.\d+\n$/);
  },
);
