/** The program on terminals of all kinds: what it shows there, and what it takes from them. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { displayWidth } from "../../src/cli/output/display_width.ts";
import { onTerminal } from "../support/on_terminal.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { programWords } from "./program.ts";
import { World, writeRandom } from "./world.ts";

/** The lines as a reader sees them, without what moves the cursor or colours. */
function visible(shown: string): string[] {
  // deno-lint-ignore no-control-regex
  return shown.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").split(/[\r\n]+/);
}

testUnless(
  lacking("script"),
  "terminal: tables and help fit 60 columns, and a pipe gets all",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    const names = ["short", "日本語の名前.bin", "a name of 25 letters.tar"];
    for (const name of names) await writeRandom(`${source.dir}/${name}`, 1_000);
    await world.json(source.dir, ["share", ...names]);
    const words = (...verb: string[]) => [
      ...programWords(),
      ...["peer", ...verb, "--dir", source.dir, "--bootstrap", world.bootstrap],
    ];
    const verbs = [["list-files"], ["list-peers"], ["status"], ["trust", "list"]];
    for (const verb of [...verbs, ["get", "--help"], ["--help"]]) {
      const { code, shown } = await onTerminal(words(...verb), { columns: 60 });
      assertEquals(code, 0, shown);
      // A folder's path has to be whole, whatever its length.
      const lines = visible(shown).filter((line) => !line.includes(source.dir));
      assertEquals(lines.filter((line) => displayWidth(line) > 60), [], verb.join(" "));
    }
    const wide = await onTerminal(words("list-files"), { columns: 80 });
    const [header = "", ...rows] = visible(wide.shown);
    assertMatch(header, /^ID +SIZE .*NAME$/);
    for (const name of names) assert(rows.some((row) => row.endsWith(name)), wide.shown);
    const piped = await world.run(source.dir, ["list-files"]);
    assertMatch(piped.stdout, /^ID +SIZE +ENTRIES +SOURCES +MODIFIED +PUBLISHER +TRUST +NAME\n/);
  },
);

testUnless(
  lacking("script"),
  "terminal: colour, cursor and letters as it can show them",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 40 << 20);
    await world.json(source.dir, ["share", "data"]);
    const get = async (env: Record<string, string>, name = "data", columns = 60) => {
      const dir = await world.folder(crypto.randomUUID());
      const words = ["peer", "get", name, "--dir", dir, "--bootstrap", world.bootstrap];
      return (await onTerminal([...programWords(), ...words], { columns, env })).shown;
    };
    const plain = await get({});
    assertMatch(await get({}, "data", 90), /█|░/);
    assertEquals(
      visible(plain).filter((line) => displayWidth(line) > 60 && !line.includes("/")),
      [],
    );
    const ascii = await get({ LC_ALL: "C" }, "data", 90);
    assert(/[#-]{8}/.test(ascii) && !/[█░…]/.test(ascii), ascii);
    assertStringIncludes(await get({}, "nothing"), "\x1b[31mshoal:\x1b[39m Cannot get");
    assertStringIncludes(await get({ NO_COLOR: "1" }, "nothing"), "\x1b[Kshoal: Cannot get");
    for (const name of ["data", "nothing"]) {
      const dumb = await get({ TERM: "dumb" }, name);
      assert(
        !dumb.includes("\x1b") && !dumb.replaceAll("\n", "").includes("\r"),
        JSON.stringify(dumb),
      );
    }
  },
);
