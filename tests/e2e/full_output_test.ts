/** Standard output goes to a file on a disk that is full. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { placedIn } from "./checks.ts";
import { programWords } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { lacking, noLinux, skippedIf, testUnless } from "../support/tools.ts";
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

/** Runs a command whose outputs don't block, and reads them slowly; prints their sizes and its code. */
const UNBLOCKED = `
import os, subprocess, sys, threading, time, json
def reader(end, sizes, at):
    time.sleep(0.3)
    while True:
        data = os.read(end, 20000)
        if not data: return
        sizes[at] += data
        time.sleep(0.002)
sizes = [b"", b""]
ends = [os.pipe(), os.pipe()]
for _, write in ends: os.set_blocking(write, False)
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=ends[0][1], stderr=ends[1][1])
for _, write in ends: os.close(write)
threads = [threading.Thread(target=reader, args=(read, sizes, at)) for at, (read, _) in enumerate(ends)]
for one in threads: one.start()
for one in threads: one.join()
print(json.dumps([child.wait(), len(sizes[0]), sizes[1].decode().count("\\n")]))
`;

testUnless(
  noLinux ?? lacking("python3"),
  "an output that does not block gets all, in time",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 1_000_000);
    await world.json(source.dir, ["share", "data"]);
    const dir = await world.folder("dir");
    const run = async (...words: string[]) => {
      const { stdout, stderr } = await outputOf("python3", {
        args: [
          "-c",
          UNBLOCKED,
          ...programWords(),
          "peer",
          ...words,
          "--dir",
          dir,
          ...world.options(),
        ],
      });
      return JSON.parse(new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr));
    };
    assertEquals(await run("get", "data", "-o", "-"), [0, 1_000_000, 1]);
    const missing = Array.from({ length: 300 }, (_, at) => `${at}${"n".repeat(100)}`);
    await Deno.writeTextFile(`${dir}/list`, missing.join("\n"));
    const [code, , lines] = await run("get", "--from-file", `${dir}/list`);
    assertEquals([code, lines], [3, 2 * missing.length], "each failure is told, and the next step");
  },
);

testUnless(
  noLinux ?? lacking("sh"),
  "a file that grows past its limit is exit 7, and says what to raise",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/data`, 4 << 20);
    await world.json(source.dir, ["share", "data"]);
    const dir = await world.folder("dir");
    const words = [...programWords(), "peer", "get", "data", "--dir", dir, ...world.options()];
    const { code, stderr } = await outputOf("sh", {
      // In blocks of 512 bytes: 2 MiB.
      args: ["-c", 'ulimit -f 4096; exec "$@"', "sh", ...words],
      env: { NO_COLOR: "1" },
      stdin: "null",
    });
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 7, text);
    assertMatch(
      text,
      /^shoal: Cannot write ".*": the file is too large\nnext: raise the limit \(ulimit -f\)/m,
    );
    assertEquals(placedIn(dir), []);
  },
);
