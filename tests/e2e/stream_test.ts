/** `get -o -`: the file on standard output, in order, while it downloads. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { assertRefused, contentsOf, eventually } from "./checks.ts";
import { programWords } from "./program.ts";
import { type Peer, World, writeRandom } from "./world.ts";
import { createHash } from "node:crypto";
import { note } from "../support/run_folder.ts";
import { lacking, skippedIf } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

const MIB = 1 << 20;
const SIZE = 140 * MIB;
/**
 * Most bytes that may be under way when the output is not read: buffers of the program, of the
 * sockets and of the pipe.
 */
const HELD_BACK_CAP = 64 * MIB;
/** Most resident memory of a getter, whatever the file's size. */
const MEMORY_CAP = 220 * MIB;

Deno.test({
  ...skippedIf(lacking("bash", "cmp"), "a file on standard output is the file, exactly"),
  async fn(t) {
    await using world = await World.create();
    const source = await world.peer("source");
    await writeRandom(`${source.dir}/big`, SIZE);
    await writeRandom(`${source.dir}/empty`, 0);
    await world.json(source.dir, ["share", "big", "empty"]);
    const once = await world.folder("once");
    const { dir: running } = await world.peer("running");

    for (const dir of [once, running]) {
      const kind = dir === once ? "by itself" : "through a running peer";

      await t.step(`${kind}: through a pipe`, async () => {
        const script = `set -o pipefail; "$@" 2>"$0" | cmp - ${source.dir}/big`;
        const { code, stderr } = await pipe(script, dir, ["get", "big", "-o", "-"], world);
        assertEquals(code, 0, stderr);
        assertMatch(stderr, /^big {2}140 MiB {2}in .* from 1 source {2}id [0-9a-f]{12}\n$/);
      });

      await t.step(`${kind}: an empty file`, async () => {
        const { code, stdout } = await world.run(dir, ["get", "empty", "-o", "-"]);
        assertEquals([code, stdout], [0, ""]);
      });

      await t.step(`${kind}: with --json the receipt is on standard error`, async () => {
        const script = `set -o pipefail; "$@" 2>"$0" | cmp - ${source.dir}/big`;
        const words = ["get", "big", "-o", "-", "--json"];
        const { code, stderr } = await pipe(script, dir, words, world);
        assertEquals(code, 0, stderr);
        const receipt = JSON.parse(stderr) as Receipt;
        assertEquals([receipt.bytes, receipt.path], [SIZE, undefined]);
      });

      await t.step(`${kind}: a reader that leaves ends it quietly, with 141`, async () => {
        const script = `"$@" 2>"$0" | head -c 100000 | wc -c; exit \${PIPESTATUS[0]}`;
        const { code, stdout, stderr } = await pipe(script, dir, ["get", "big", "-o", "-"], world);
        assertEquals([code, stdout.trim(), stderr], [141, "100000", ""]);
      });

      await t.step(`${kind}: a file that nobody has puts nothing there`, async () => {
        assertRefused(await world.run(dir, ["get", "nothing", "-o", "-"]), { code: 3 });
      });

      await t.step(`${kind}: a reader that waits is waited for, in bounded memory`, async () => {
        await slowReader(world, source, dir);
      });

      assertEquals(contentsOf(dir), []);
    }
  },
});

async function slowReader(world: World, source: Peer, dir: string): Promise<void> {
  const served = async () => (await world.json<PeerStatus>(source.dir, ["status"])).totals.served;
  const before = await served();
  const [command, ...rest] = programWords();
  const words = ["peer", "get", "big", "-o", "-", "--dir", dir, ...world.options()];
  const child = new Deno.Command(command, {
    args: [...rest, ...words],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const forget = note({ kind: "process", pid: child.pid });
  let last = -1;
  await eventually("the source is asked for no more", async () => {
    const now = await served();
    if (now === last && now > before) return true;
    last = now;
  });
  assert(last - before < HELD_BACK_CAP, `${last - before} bytes were fetched for nobody`);
  let bytes = 0;
  let memory = 0;
  const hash = createHash("sha256");
  for await (const part of child.stdout) {
    bytes += part.length;
    if (bytes < SIZE) memory = Math.max(memory, peakMemory(child.pid));
    hash.update(part);
  }
  assertEquals([(await child.status).code, bytes], [0, SIZE]);
  forget();
  const expected = createHash("sha256");
  using file = await Deno.open(`${source.dir}/big`);
  for await (const part of file.readable) expected.update(part);
  assertEquals(hash.digest("hex"), expected.digest("hex"));
  assert(memory < MEMORY_CAP, `${memory} bytes of memory`);
}

/** The most memory that a process ever had resident, in bytes; 0 where the system doesn't tell. */
function peakMemory(pid: number): number {
  if (Deno.build.os !== "linux") return 0;
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0; // it ended
  }
}

/** Runs a script of bash: `"$@"` is the program's command line, `"$0"` where its messages go. */
async function pipe(script: string, dir: string, args: string[], world: World) {
  const messages = await Deno.makeTempFile({ dir: world.root });
  const program = [...programWords(), "peer", ...args, "--dir", dir, ...world.options()];
  const output = await outputOf("bash", {
    args: ["-c", script, messages, ...program],
    stdin: "null",
  });
  const stdout = new TextDecoder().decode(output.stdout);
  return { code: output.code, stdout, stderr: await Deno.readTextFile(messages) };
}
